"""Where a request ends, and which are refused for that: RFC 9112, on real sockets."""

import json
import socket
from collections.abc import Iterator

import pytest

from service.http.connection_limits import ConnectionLimits
from tests.front_server import Running, read_answer, read_to_end, serving


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    # Whoever is not answered at once waits for longer than a test does.
    with serving(ConnectionLimits(head_seconds=300, window_seconds=300)) as running:
        yield running


POST = b"POST / HTTP/1.%d\r\nHost: test\r\n%b\r\n\r\n%b"
CHUNKED, LENGTH = b"Transfer-Encoding: chunked", b"Content-Length: 3"
CHUNKS = b"3\r\nabc\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST % (1, LENGTH + b"\r\n" + CHUNKED, CHUNKS),
        POST % (1, CHUNKED + b"\r\n" + LENGTH, CHUNKS),
        POST % (0, CHUNKED + b"\r\n" + LENGTH, b"abc"),
        POST % (0, CHUNKED, CHUNKS),
        POST % (1, CHUNKED, b"0" * 40_000),
        POST % (1, CHUNKED, b"0\r\n" + b"a: b\r\n" * 6000),
        b" \r\n\r\nGET / HTTP/1.1\r\nHost: test\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # the beginning of TLS
        b"GET / HTTP/1.1\nHost: test\n\n",
        b"GET / HTTP/1.1\r\nHost: test\n\r\n",
        b"GET / HTTP/1.1\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: one\r\nHost: two\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: one\r\nHost: two\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: one/two\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: user@test\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: test:80:90\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
    ],
)
def test_refused_at_once(running: Running, request_bytes: bytes) -> None:
    with running.connect() as sock:
        sock.sendall(request_bytes)
        status, header, body = read_answer(sock)
        sock.shutdown(socket.SHUT_WR)
        assert read_to_end(sock) == b""
    assert (status, json.loads(body)["code"]) == (400, "bad-request")
    assert "connection: close" in header


@pytest.mark.parametrize("split", [1, 10_000])
@pytest.mark.parametrize(
    ("request_bytes", "answer"),
    [
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", b"0"),
        (b"GET / HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n", b"0"),
        (b"GET / HTTP/1.1\r\nhost: b\xc3\xbccher.example:\r\n\r\n", b"0"),
        (b"\r\n\r\nGET / HTTP/1.0\r\n\r\n", b"0"),
        (POST % (1, LENGTH, b"a\nb"), b"3"),
        (POST % (1, CHUNKED, CHUNKS), b"3"),
    ],
)
def test_answered(running: Running, request_bytes: bytes, answer: bytes, split: int) -> None:
    with running.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(request_bytes), split):
            sock.sendall(request_bytes[start : start + split])
        assert read_answer(sock)[::2] == (200, answer)


@pytest.mark.parametrize("options", [b"close", b"TE, Close", b"keep-alive,close"])
def test_the_connection_is_closed_where_the_client_says_so(
    running: Running, options: bytes
) -> None:
    with running.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: %b\r\n\r\n" % options)
        assert "connection: close" in read_answer(sock)[1]
        assert read_to_end(sock) == b""


def test_it_stays_open_for_an_older_client_that_asks_for_it(running: Running) -> None:
    with running.connect() as sock:
        for _ in range(2):
            sock.sendall(b"GET / HTTP/1.0\r\nConnection: TE, Keep-Alive\r\n\r\n")
            assert "connection: keep-alive" in read_answer(sock)[1]
