import io
from http.client import HTTPException, IncompleteRead

import pytest
from urllib3.connection import HTTPConnection

from workers.download.answer import StrictAnswer, read_strictly
from workers.transport import Line, open_session

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


class Wire:
    """As much of a socket as an answer reads from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def read(data: bytes) -> tuple[int, bytes]:
    answer = StrictAnswer(Wire(data), method="GET")  # type: ignore[arg-type]
    try:
        answer.begin()
        return answer.status, answer.read(4096)
    finally:
        answer.close()


@pytest.mark.parametrize(
    ("length", "body"),
    [(b"3", b"abc"), (b" 3 ", b"abc"), (b"03", b"abc"), (b"0", b"")],
)
def test_length(length: bytes, body: bytes) -> None:
    assert read(OK + b"Content-Length:%s\r\n\r\nabcde" % length) == (200, body)


def test_list_of_the_same_length() -> None:
    # How much of the body is read is urllib3's business then; it understands the list.
    assert read(OK + b"Content-Length: 3, 3\r\n\r\nabc") == (200, b"abc")


@pytest.mark.parametrize(
    "length",
    [b"", b"-3", b"+3", b"3.0", b"0x3", b"3_0", b"three", b"3, 4", b"3,", b"3 3", b"9" * 4001],
)
def test_invalid_length(length: bytes) -> None:
    with pytest.raises(HTTPException, match="Content-Length"):
        read(OK + b"Content-Length: %s\r\n\r\nabcde" % length)


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked"])
def test_chunks(coding: bytes) -> None:
    head = OK + b"Transfer-Encoding: %s\r\n\r\n" % coding

    assert read(head + b"3\r\nabc\r\n02 ; x=y\r\nde\r\n0\r\n\r\n") == (200, b"abcde")


def test_coding_that_is_none() -> None:
    assert read(OK + b"Transfer-Encoding: identity\r\n\r\nabc") == (200, b"abc")


@pytest.mark.parametrize("coding", [b"gzip", b"gzip, chunked", b"chunked, gzip", b"x"])
def test_coding_that_was_not_asked_for(coding: bytes) -> None:
    with pytest.raises(HTTPException, match="transfer coding"):
        read(OK + b"Transfer-Encoding: %s\r\n\r\nabc" % coding)


@pytest.mark.parametrize("size", [b"-1", b"-5", b"+5", b"0x5", b"5_0", b" 5", b"five", b"", b"5 5"])
def test_invalid_chunk_size(size: bytes) -> None:
    with pytest.raises(HTTPException, match="chunk size") as caught:
        read(CHUNKED + size + b"\r\nabcde\r\n0\r\n\r\n")
    assert not isinstance(caught.value, IncompleteRead)


def test_endless_chunk_size() -> None:
    with pytest.raises(HTTPException, match="chunk size"):
        read(CHUNKED + b"0" * 70_000)


@pytest.mark.parametrize("rest", [b"", b"5", b"5\r\nabc"])
def test_end_within_a_chunk(rest: bytes) -> None:
    with pytest.raises(IncompleteRead):
        read(CHUNKED + rest)


@pytest.mark.parametrize("status", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
def test_interim_answers_are_skipped(status: bytes) -> None:
    interim = b"HTTP/1.1 %s\r\nLink: </a.css>\r\n\r\n" % status

    assert read(interim * 3 + OK + b"Content-Length: 3\r\n\r\nabc") == (200, b"abc")


def test_another_protocol_is_the_answer() -> None:
    assert read(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK)[0] == 101


def test_endless_interim_answers() -> None:
    with pytest.raises(HTTPException, match="interim"):
        read(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000)


@pytest.mark.parametrize("url", ["http://a.example", "https://a.example"])
def test_connections_of_a_session(url: str) -> None:
    with open_session(Line()) as session, open_session(Line()) as other:
        read_strictly(session)

        kinds = [
            one.get_adapter(url).poolmanager.connection_from_url(url).ConnectionCls  # type: ignore[attr-defined]
            for one in (session, other)
        ]

    assert kinds[0].response_class is StrictAnswer
    assert kinds[1].response_class is HTTPConnection.response_class
