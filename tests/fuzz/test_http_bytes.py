"""Requests that were valid before chance had its way with them, cut into pieces at any place.

Whatever comes: an answer that is HTTP, or a closed connection, and soon; never a status 500, never
a traceback, and the next client is served as if nothing had been.
"""

import contextlib
import random
import re
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from service.app import create_app
from service.http.connection_limits import ConnectionLimits
from service.http.server import WebServer
from service.middleware.api_keys import HEALTH_PATHS
from service.settings.environment import load_settings
from tests.plain_backend import PlainBackend
from tests.waiting import wait_until

PATIENCE = 60.0
CASES = 1200
STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*\r\n")
BODY = b'{"urls": ["https://example.com/a.jpg", "https://example.com/b.jpg"]}'
JSON = b"Content-Type: application/json\r\n"
AUTH = b"Host: test\r\nAuthorization: Bearer key-1\r\n"
VALID = [
    b"GET /v1/images HTTP/1.1\r\n" + AUTH + b"\r\n",
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"HEAD /readyz?x=%20&y HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: 192.0.2.1, ::1\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n",
    b"GET http://test/openapi.json HTTP/1.1\r\n" + AUTH + b"Connection: close\r\n\r\n",
    b"GET /v1/images/upload/55355b7c-9b86-4a1a-b32e-6cdd6db07183 HTTP/1.1\r\n" + AUTH + b"\r\n",
    b"POST /v1/images/upload HTTP/1.1\r\n%s%sContent-Length: %d\r\n\r\n%s"
    % (AUTH, JSON, len(BODY), BODY),
    b"POST /v1/images/upload HTTP/1.1\r\n%s%sTransfer-Encoding: chunked\r\n\r\n"
    b"%x\r\n%s\r\n%x;name=value\r\n%s\r\n0\r\nTrailer: x\r\n\r\n"
    % (AUTH, JSON, 10, BODY[:10], len(BODY) - 10, BODY[10:]),
    b"POST /v1/images/upload HTTP/1.1\r\n%s%sExpect: 100-continue\r\nContent-Length: %d\r\n\r\n%s"
    % (AUTH, JSON, len(BODY), BODY),
    b"DELETE /%E4%B8%80/..//x HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n",
]
# What parsers have stumbled over before.
ODDITIES = [
    *(
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\0",
        b"\t",
        b" ",
        b":",
        b"\xff",
        b"\x80",
        b"%00",
        b"%ff",
    ),
    *(b"%", b"%zz", b"//", b"?", b"#", b"@", b"[", b"]", b"http://[::1", b"*", b",", b";", b"\v"),
    b"Content-Length: -1\r\n",
    b"Content-Length: 5, 6\r\n",
    b"Content-Length: +7\r\n",
    b"Content-Length: 99999999999999999999999\r\n",
    b"Content-Length: 0x10\r\n",
    b"Content-Length: " + b"9" * 5000 + b"\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: \x0bchunked\r\n",
    b"Expect: 100-continue\r\n",
    b"Expect: the-unexpected\r\n",
    b"Connection: keep-alive, close\r\n",
    b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n",
    b"Host: a\r\nHost: b\r\n",
    b" folded: line\r\n",
    b"X_Under: score\r\n",
    b": no name\r\n",
    b"Authorization: Bearer \xc3\xa9\xff\r\n",
    b"X-Forwarded-For: ,,999.1.1.1, [::1, %eth0,\xff\r\n",
    b"Cookie: a=\x7f\x01; b\r\n",
    b"X: " + b"x" * 33_000 + b"\r\n",
    b"HTTP/1.1",
    b"HTTP/9.9",
    b"HTTP/1.1\r\nHTTP/1.1",
    b"FFFFFFFFFFFFFFFFF\r\n",
    b"-1\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"[" * 3000,
    b'{"urls": ' * 200,
]


def mutate(chance: random.Random, data: bytes) -> bytes:
    """One change of a kind that chance chooses."""
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.randrange(1, 20))
    odd = chance.choice(ODDITIES)
    first, line_end, rest = data.partition(b"\r\n")
    return chance.choice(
        [
            data[:start] + odd + data[start:],  # something odd in between
            data[:start] + odd + data[end:],  # something odd instead
            data[:start] + data[end:],  # a piece is missing
            data[:end] + data[start:],  # a piece comes twice
            data[:start] + chance.randbytes(1) + data[start + 1 :],  # a byte is another
            data[:start] + chance.choice(VALID),  # it ends too early, and another one begins
            first + line_end + odd + rest,  # another line among the headers
        ]
    )


def make_case(chance: random.Random) -> bytes:
    if chance.random() < 0.05:
        return chance.randbytes(chance.randrange(1, 3000))
    data = b"".join(chance.choices(VALID, k=chance.choice([1, 1, 1, 2, 3])))
    for _ in range(chance.choice([0, 1, 1, 2, 3, 8])):
        data = mutate(chance, data)
    return data


def pieces(chance: random.Random, data: bytes) -> list[bytes]:
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice([0, 0, 1, 2, 6])))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def send(sock: socket.socket, parts: list[bytes]) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(ConnectionError):  # refused already
        for part in parts:
            sock.sendall(part)


def read_to_end(sock: socket.socket) -> bytes:
    """Fails with TimeoutError when the connection is neither answered on nor closed."""
    data = []
    with contextlib.suppress(ConnectionError):
        while part := sock.recv(262_144):
            data.append(part)
    return b"".join(data)


def check_answers(data: bytes) -> None:
    if not data:
        return  # closed without an answer
    assert STATUS_LINE.match(data), data[:200]
    statuses = {int(status) for status in STATUS_LINE.findall(data)}
    assert all(status < 500 or status == 501 for status in statuses), data


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3))
def test_every_connection_ends(target: Any, seed: int, rounds: int) -> None:
    address = urlsplit(target.service.url)
    chance = random.Random(seed)
    for number in range(CASES * rounds):
        data = make_case(chance)
        with socket.create_connection((address.hostname, address.port), PATIENCE) as sock:
            send(sock, pieces(chance, data))
            with contextlib.suppress(OSError):  # closed already
                sock.shutdown(socket.SHUT_WR)
            try:
                check_answers(read_to_end(sock))
            except (AssertionError, TimeoutError) as error:
                pytest.fail(f"seed {seed}, case {number}, {data!r}: {error!r}")
    target.check()


@pytest.fixture
def hasty() -> Iterator[WebServer]:
    settings = load_settings(
        {"API_KEYS": "key-1", "RATE_LIMIT": "1000/second", "TRUSTED_PROXIES": "127.0.0.0/8"}
    )
    limits = ConnectionLimits(
        idle_seconds=0.5,
        head_seconds=0.5,
        window_seconds=0.5,
        linger_seconds=0.2,
        sweep_seconds=0.05,
    )
    server = WebServer(
        create_app(PlainBackend(), settings),
        "127.0.0.1",
        0,
        limits=limits,
        health_paths=HEALTH_PATHS,
    )
    server.start()
    with contextlib.closing(server):
        yield server


def is_well(server: WebServer) -> bool:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
        send(sock, [b"GET /healthz HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"])
        return b'{"status":"ok"}' in read_to_end(sock)


@pytest.mark.unmeasured
@pytest.mark.timeout(600)
def test_connections_that_the_client_leaves_open_end_too(
    hasty: WebServer, rounds: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Many at once, as each waits for its deadline."""
    chance = random.Random(4)
    for _ in range(3 * rounds):
        with contextlib.ExitStack() as stack:
            opened = []
            for _ in range(100):
                sock = socket.create_connection(("127.0.0.1", hasty.port), PATIENCE)
                opened.append(stack.enter_context(sock))
                send(sock, pieces(chance, make_case(chance)))
            give_up = time.monotonic() + PATIENCE
            for sock in opened:
                sock.settimeout(max(0.1, give_up - time.monotonic()))
                check_answers(read_to_end(sock))
    wait_until(lambda: is_well(hasty))  # again, where half a second was not enough
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}]
