import socket
from http.client import HTTPException, IncompleteRead, RemoteDisconnected

import pytest

from workers.transfer.answer import StrictAnswer

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SIZED = OK + b"Content-Length: 3\r\n\r\nabc"


class Reading:
    """One answer, read from a real socket whose other end has sent `data` and closed."""

    def __init__(self, data: bytes, method: str = "GET") -> None:
        self.hung_up = 0
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.settimeout(10)
            theirs.settimeout(10)
            theirs.sendall(data)
            theirs.shutdown(socket.SHUT_WR)
            self.answer = StrictAnswer(ours, method, self._hang_up)
            try:
                self.answer.begin()
                self.body = self.answer.read(4096)
                self.rest = self.answer.read(4096)
                self.is_at_end = self.answer.isclosed()
            finally:
                self.answer.close()

    def _hang_up(self) -> None:
        self.hung_up += 1


def headers(data: bytes) -> dict[str, str]:
    return dict(Reading(OK + data + b"Content-Length: 0\r\n\r\n").answer.fields)


# --- status lines (RFC 9112, section 4) ---------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "version", "status", "phrase"),
    [
        (b"HTTP/1.1 200 OK\r\n", 11, 200, "OK"),
        (b"HTTP/1.0 200 OK\r\n", 10, 200, "OK"),
        (b"HTTP/1.9 200 OK\r\n", 11, 200, "OK"),
        (b"HTTP/1.1 200 \r\n", 11, 200, ""),
        (b"HTTP/1.1 200\r\n", 11, 200, ""),
        (b"HTTP/1.1  200  OK \r\n", 11, 200, "OK"),
        (b"HTTP/1.1 200 OK\n", 11, 200, "OK"),
        (b"HTTP/1.1 404 Nicht gef\xfcnden\r\n", 11, 404, "Nicht gefünden"),
        (b"HTTP/1.1 999 \x1b[31m\r\n", 11, 999, "\x1b[31m"),
    ],
)
def test_status_line(line: bytes, version: int, status: int, phrase: str) -> None:
    answer = Reading(line + b"Content-Length: 0\r\n\r\n").answer

    assert (answer.version, answer.status, answer.reason) == (version, status, phrase)


@pytest.mark.parametrize(
    "line",
    [
        b"\r\n",
        b"HTTP/1.1\r\n",
        b"HTTP/1.1 \r\n",
        b"HTTP/1.1 20 OK\r\n",
        b"HTTP/1.1 2000 OK\r\n",
        b"HTTP/1.1 200OK\r\n",
        b"HTTP/1.1 000 OK\r\n",
        b"HTTP/1.1 099 OK\r\n",
        b"HTTP/1.1 -20 OK\r\n",
        b"HTTP/1.1 2_0 OK\r\n",
        b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n",
        b"HTTP/1.1\t200 OK\r\n",
        b" HTTP/1.1 200 OK\r\n",
        b"http/1.1 200 OK\r\n",
        b"HTTP/1.10 200 OK\r\n",
        b"HTTP/0.9 200 OK\r\n",
        b"HTTP/2 200 OK\r\n",
        b"HTTP/2.0 200 OK\r\n",
        b"HTTP/11 200 OK\r\n",
        b"ICY 200 OK\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 O\rK\r\n",
        b"HTTP/1.1 200 O\0K\r\n",
        b"HTTP/1.1 200 OK\r\r\n",
        b"\xff\xd8\xff\xe0",
    ],
)
def test_no_status_line(line: bytes) -> None:
    with pytest.raises(HTTPException) as caught:
        Reading(line + b"Content-Length: 0\r\n\r\n")
    assert not isinstance(caught.value, IncompleteRead | RemoteDisconnected)


# --- header fields (section 5) ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "name", "value"),
    [
        (b"X-A: b\r\n", "x-a", "b"),
        (b"X-A:b\r\n", "X-A", "b"),
        (b"X-A: \t b c \t\r\n", "X-A", "b c"),
        (b"X-A: b\n", "X-A", "b"),
        (b"X-A:\r\n", "X-A", ""),
        (b"X-A: b:c: d\r\n", "X-A", "b:c: d"),
        (b"X-A: b\xe9\r\n", "X-A", "bé"),
        (b"X-A: \x85b\xa0\r\n", "X-A", "\x85b\xa0"),
        (b"!#$%&'*+-.^_`|~09aZ: b\r\n", "!#$%&'*+-.^_`|~09az", "b"),
        (b"X-A: b\r\nx-a: c\r\n", "X-A", "b, c"),
        # RFC 9110, section 5.5: a space in place of what could pass for the end of a line.
        (b"X-A: b\rX-B: c\r\n", "X-A", "b X-B: c"),
        (b"X-A: b\0c\r\n", "X-A", "b c"),
        (b"X-A: b\r\r\n", "X-A", "b"),
        # Section 5.2: whoever reads an obsolete fold puts a space in its place.
        (b"X-A: b\r\n  c\r\n\td\r\n", "X-A", "b c d"),
        (b"X-A:\r\n b\r\n", "X-A", "b"),
        (b"X-A: b\r\n \r\n", "X-A", "b"),
    ],
)
def test_field(lines: bytes, name: str, value: str) -> None:
    assert Reading(OK + lines + b"Content-Length: 0\r\n\r\n").answer.fields[name] == value


@pytest.mark.parametrize(
    "line",
    [
        b"no colon\r\n",
        b": no name\r\n",
        b"X-A : b\r\n",
        b"X-A\t: b\r\n",
        b"X A: b\r\n",
        b"X-\xc4: b\r\n",
        b"X(A): b\r\n",
        b"X\0-A: b\r\n",
        b"\x0bX-A: b\r\n",
        b"\r\r\n",
    ],
)
def test_no_field(line: bytes) -> None:
    with pytest.raises(HTTPException, match="header line"):
        Reading(OK + b"X: y\r\n" + line + b"Content-Length: 0\r\n\r\n")


def test_a_fold_with_nothing_before_it() -> None:
    # Section 2.2: space between the status line and the first field.
    with pytest.raises(HTTPException, match="header line"):
        Reading(OK + b" X-A: b\r\n\r\n")


def test_a_fold_does_not_hide_a_field() -> None:
    fields = headers(b"X-A: b\r\n Transfer-Encoding: chunked\r\n")

    assert fields["X-A"] == "b Transfer-Encoding: chunked"
    assert "Transfer-Encoding" not in fields


@pytest.mark.parametrize(("count", "is_taken"), [(99, True), (100, False)])
def test_number_of_fields(count: int, *, is_taken: bool) -> None:
    data = OK + b"X-More: 1\r\n" * count + b"Content-Length: 0\r\n\r\n"
    if is_taken:
        assert Reading(data).answer.status == 200
    else:
        with pytest.raises(HTTPException, match="too many"):
            Reading(data)


@pytest.mark.parametrize(
    "data",
    [b"HTTP/1.1 200 " + b"x" * 70_000, OK + b"X-Long: " + b"x" * 70_000],
    ids=["status line", "field"],
)
def test_endless_line(data: bytes) -> None:
    with pytest.raises(HTTPException, match="line"):
        Reading(data)


@pytest.mark.parametrize("line", [b"X-Long: %s\r\n", b" %s\r\n"], ids=["fields", "folds"])
def test_endless_head(line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.transfer.answer._LONGEST_HEAD", 10_000)
    with pytest.raises(HTTPException, match="too long"):
        Reading(OK + b"X: y\r\n" + line % (b"x" * 1000) * 20)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", RemoteDisconnected),
        (b"HTTP/1.", IncompleteRead),
        (b"HTTP/1.1 200 OK", IncompleteRead),
        (b"HTTP/1.1 200 OK\r\n", IncompleteRead),
        (b"HTTP/1.1 200 OK\r\nContent-Le", IncompleteRead),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", IncompleteRead),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r", IncompleteRead),
        (b"HTTP/1.1 100 Continue\r\n\r\n", RemoteDisconnected),
    ],
)
def test_end_within_the_head(data: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        Reading(data)


# --- interim answers ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
def test_interim_answers_are_skipped(status: bytes) -> None:
    interim = b"HTTP/1.1 %s\r\nLink: </a.css>\r\nContent-Length: 9\r\n\r\n" % status

    reading = Reading(interim * 3 + SIZED)

    assert (reading.answer.status, reading.body) == (200, b"abc")
    assert "Link" not in reading.answer.fields


def test_another_protocol_is_the_answer() -> None:
    reading = Reading(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK)

    assert (reading.answer.status, reading.body) == (101, b"")
    assert reading.hung_up


def test_endless_interim_answers() -> None:
    with pytest.raises(HTTPException, match="interim"):
        Reading(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000)


# --- where the body ends (section 6.3) ----------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "body"),
    [
        (b"3", b"abc"),
        (b" 3 ", b"abc"),
        (b"03", b"abc"),
        (b"0", b""),
        (b"3, 3", b"abc"),
        (b"3,3 ,\t3", b"abc"),
        (b"3\r\nContent-Length: 3", b"abc"),
    ],
)
def test_length(length: bytes, body: bytes) -> None:
    reading = Reading(OK + b"Content-Length:%s\r\n\r\nabcde" % length)

    assert (reading.body, reading.rest, reading.is_at_end) == (body, b"", True)
    assert not reading.hung_up


@pytest.mark.parametrize(
    "length",
    [
        *(b"", b"-3", b"+3", b"3.0", b"0x3", b"3_0", b"three", b"\xb3", b"3 3", b"9" * 4001),
        *(b"3, 4", b"3,", b",3", b"3, 03", b"3\r\nContent-Length: 4", b"3\r\nContent-Length:"),
    ],
)
def test_invalid_length(length: bytes) -> None:
    with pytest.raises(HTTPException, match="Content-Length"):
        Reading(OK + b"Content-Length: %s\r\n\r\nabcde" % length)


@pytest.mark.parametrize("coding", [b"gzip", b"gzip, chunked", b"chunked, gzip", b"x"])
def test_coding_that_was_not_asked_for(coding: bytes) -> None:
    with pytest.raises(HTTPException, match="transfer coding"):
        Reading(OK + b"Transfer-Encoding: %s\r\n\r\nabc" % coding)


def test_chunked_twice() -> None:
    with pytest.raises(HTTPException, match="transfer coding"):
        Reading(OK + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n")


def test_coding_that_is_none() -> None:
    assert Reading(OK + b"Transfer-Encoding: identity\r\n\r\nabc").body == b"abc"


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
@pytest.mark.parametrize(
    "field", [b"", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n"]
)
def test_status_without_a_body(status: bytes, field: bytes) -> None:
    assert Reading(b"HTTP/1.1 %s\r\n%s\r\nabc" % (status, field)).body == b""


def test_no_body_after_head() -> None:
    assert Reading(SIZED, method="HEAD").body == b""


# --- chunks (section 7.1) -----------------------------------------------------------------------


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked", b" chunked "])
@pytest.mark.parametrize("end", [b"0\r\n\r\n", b"000\r\n\r\n", b"0;x\r\nX-A: b\r\n\r\n"])
def test_chunks(coding: bytes, end: bytes) -> None:
    head = OK + b"Transfer-Encoding:%s\r\n\r\n" % coding

    reading = Reading(head + b"3\r\nabc\r\n02 ; x=y\r\nde\r\n" + end)

    assert (reading.body, reading.rest, reading.is_at_end) == (b"abcde", b"", True)
    assert not reading.hung_up


@pytest.mark.parametrize("size", [b"-1", b"-5", b"+5", b"0x5", b"5_0", b" 5", b"five", b"", b"5 5"])
def test_invalid_chunk_size(size: bytes) -> None:
    with pytest.raises(HTTPException, match="chunk size") as caught:
        Reading(CHUNKED + size + b"\r\nabcde\r\n0\r\n\r\n")
    assert not isinstance(caught.value, IncompleteRead)


def test_endless_chunk_size() -> None:
    with pytest.raises(HTTPException, match="line"):
        Reading(CHUNKED + b"0" * 70_000)


@pytest.mark.parametrize("rest", [b"", b"5", b"5\r\nabc"])
def test_end_within_a_chunk(rest: bytes) -> None:
    with pytest.raises(IncompleteRead):
        Reading(CHUNKED + rest)


# --- the connection afterwards (section 9.3) ----------------------------------------------------


@pytest.mark.parametrize(
    ("data", "is_kept"),
    [
        (SIZED, True),
        (CHUNKED + b"0\r\n\r\n", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (OK + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc", False),
        (OK + b"Connection: x, Close\r\nContent-Length: 3\r\n\r\nabc", False),
        (OK + b"\r\nabc", False),
        (OK + b"Content-Length: 5\r\n\r\nabc", False),
        (OK + b"Content-Length: 10000\r\n\r\n" + b"x" * 10_000, False),
        (OK + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False),
    ],
    ids=[
        *("sized", "chunked", "no content", "kept by 1.0", "1.0", "close", "close in a list"),
        *("to the end", "cut short", "unread", "two framings", "chunked by 1.0"),
    ],
)
def test_whether_the_connection_is_kept(data: bytes, *, is_kept: bool) -> None:
    assert (Reading(data).hung_up == 0) is is_kept


def test_an_answer_left_in_its_chunks() -> None:
    assert Reading(CHUNKED + b"2710\r\n" + b"x" * 10_000 + b"\r\n0\r\n\r\n").hung_up
