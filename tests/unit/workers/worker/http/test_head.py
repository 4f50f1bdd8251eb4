import pytest

from workers.worker.http.errors import TransferError
from workers.worker.http.head import MAX_HEAD_BYTES, Head


def read(*lines: bytes) -> Head:
    head = Head()
    for line in lines:
        head.feed(line)
    return head


@pytest.mark.parametrize(
    "line",
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200\r\n",
        b"HTTP/1.1  200 OK\r\n",
        b"HTTP/2 200 \r\n",
        b"http/1.1 200 ok\n",
        b"HTTP 200 OK\r\n",
        b"ICY 200 OK\r\n",
        b"HTTP/1.1 0200 OK\r\n",
        b"HTTP/1.1 200OK\r\n",
    ],
)
def test_status_line(line: bytes) -> None:
    assert read(line).status == 200


@pytest.mark.parametrize("line", [b"\r\n", b"\x89PNG\r\n", b"HTTP/1.1 2000 OK\r\n", b"200 OK\r\n"])
def test_what_is_no_status_line_is_passed_over(line: bytes) -> None:
    assert read(line, b"HTTP/1.1 404 Gone\r\n").status == 404


def test_fields() -> None:
    head = read(
        b"HTTP/1.1 200 OK\r\n",
        b"X-A : b\r\n",
        b"<br>\r\n",
        b": nameless\r\n",
        b"X-C: d\r\n",
        b"  e\r\n",
        b"X-C: f\n",
        b"X-Byte: \xe9\0\r\r\n",
        b"Location: /a\r\n",
        b"location: /a\r\n",
        b"\r\n",
        b"X-Trailer: 1\r\n",
    )

    assert head.is_complete
    assert dict(head.fields) == {"x-a": "b", "x-c": "d e, f", "x-byte": "\xe9", "location": "/a"}
    assert head.fields.get("X-a") == head.fields["x-A"] == "b"


def test_different_values_of_a_field_that_may_come_once_are_kept() -> None:
    head = read(b"HTTP/1.1 302 Found\r\n", b"Location: /a\r\n", b"Location: /b\r\n", b"\r\n")

    assert head.has_several_targets
    assert head.fields["Location"] == "/a, /b"


def test_interim_answers_are_passed_over() -> None:
    interim = (b"HTTP/1.1 103 Early Hints\r\n", b"Link: x\r\n", b"\r\n")

    head = read(*interim, *interim, b"HTTP/1.1 200 OK\r\n", b"\r\n")

    assert (head.status, dict(head.fields), head.is_complete) == (200, {}, True)


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        ((), None),
        ((b"Content-Length: 7\r\n",), 7),
        ((b"Content-Length: 7, 7\r\n",), 7),
        ((b"Content-Length: 7\r\n", b"Content-Length: 7\r\n"), 7),
        ((b"Content-Length: 7\r\n", b"Content-Length: 8\r\n"), None),
        ((b"Content-Length: +7\r\n",), None),
        ((b"Content-Length: \xb2\r\n",), None),
        ((b"Content-Length: 7\r\n", b"Transfer-Encoding: identity\r\n"), 7),
        ((b"Content-Length: 7\r\n", b"Transfer-Encoding: gzip, Chunked\r\n"), None),
    ],
)
def test_length(fields: tuple[bytes, ...], length: int | None) -> None:
    assert read(b"HTTP/1.1 200 OK\r\n", *fields, b"\r\n").length() == length


def test_a_length_of_thousands_of_digits_is_large() -> None:
    field = b"Content-Length: %s\r\n" % (b"9" * 5000)

    assert (read(b"HTTP/1.1 200 OK\r\n", field, b"\r\n").length() or 0) > 10**18


def test_all_heads_together_are_bounded() -> None:
    line = b"X: " + b"x" * 1000 + b"\r\n"

    with pytest.raises(TransferError, match="too long"):
        read(b"HTTP/1.1 200 OK\r\n", *[line] * (MAX_HEAD_BYTES // 1000))
