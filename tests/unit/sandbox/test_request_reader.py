import pytest

from sandbox.http_message import RequestError
from sandbox.request_reader import MAX_BODY_BYTES, MAX_HEAD_BYTES, RequestReader

PLAIN = b"GET /a HTTP/1.1\r\n\r\n"
COUNTED = b"POST /b HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
)
BODIES = [b"", b"hello", b"hello world"]


def read_all(reader):
    found = []
    while (request := reader.next()) is not None:
        found.append(request)
    return found


@pytest.mark.parametrize("step", [1, 2, 3, 7, 10_000], ids=lambda step: f"{step} at a time")
def test_requests_are_found_however_the_bytes_come(step):
    reader, data, found = RequestReader(), PLAIN + COUNTED + CHUNKED, []
    for at in range(0, len(data), step):
        reader.feed(data[at : at + step])
        found += read_all(reader)
    assert [request.path for request in found] == ["/a", "/b", "/c"]
    assert [request.body for request in found] == BODIES
    assert reader.idle


def test_chunks_of_one_request_do_not_leak_into_the_next():
    reader = RequestReader()
    reader.feed(CHUNKED + CHUNKED)
    assert [request.body for request in read_all(reader)] == [b"hello world"] * 2


def test_a_reader_is_busy_from_the_first_byte_of_a_request_to_the_last():
    reader = RequestReader()
    assert reader.idle
    for part in (COUNTED[:4], COUNTED[4:-2]):
        reader.feed(part)
        assert reader.next() is None
        assert not reader.idle
    reader.feed(COUNTED[-2:])
    assert reader.next() is not None
    assert reader.idle


def test_an_expectation_is_told_once_and_only_while_the_body_is_missing():
    head = b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    reader = RequestReader()
    reader.feed(head)
    assert reader.next() is None
    assert reader.take_expectation()
    assert not reader.take_expectation()
    reader.feed(b"ok" + head + b"ok")
    assert len(read_all(reader)) == 2
    assert not reader.take_expectation()


def with_header(text):
    return f"POST / HTTP/1.1\r\n{text}\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (with_header("Content-Length: -1"), 400),
        (with_header("Content-Length: 0x10"), 400),
        (with_header("Content-Length: ²"), 400),
        (with_header(f"Content-Length: {MAX_BODY_BYTES + 1}"), 413),
        (with_header("Transfer-Encoding: gzip, chunked"), 400),
        (with_header("Transfer-Encoding: chunked\r\nContent-Length: 3"), 400),
        (with_header("Transfer-Encoding: chunked") + b"zz\r\n", 400),
        (with_header("Transfer-Encoding: chunked") + b"2\r\nabc\r\n", 400),
        (with_header("Transfer-Encoding: chunked") + b"1" * 2000, 400),
        (with_header("Transfer-Encoding: chunked") + b"%x\r\n" % (MAX_BODY_BYTES + 1), 413),
        (with_header("Transfer-Encoding: chunked") + b"0\r\nX: " + b"y" * 70_000, 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * MAX_HEAD_BYTES, 431),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * MAX_HEAD_BYTES + b"\r\n\r\n", 431),
    ],
    ids=[
        "negative", "hexadecimal", "superscript", "too large", "other coding", "both lengths",
        "no chunk size", "chunk too long", "endless chunk line", "chunk too large",
        "endless trailer", "endless head", "large head",
    ],
)  # fmt: skip
def test_what_cannot_be_delimited_is_refused(data, status):
    reader = RequestReader()
    reader.feed(data)
    with pytest.raises(RequestError) as raised:
        reader.next()
    assert raised.value.status == status
