"""The web server with a plain WSGI application in it, and clients of it on raw sockets."""

import contextlib
import math
import select
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from service.http.connection_limits import ConnectionLimits
from service.http.server import WebServer
from service.middleware.api_keys import HEALTH_PATHS, LIVENESS_PATHS
from tests.clock import Clock
from tests.refusing_app import refusing
from tests.waiting import wait_until

PATIENCE = 60.0  # seconds; far beyond what anything here takes
MAX_BODY = 1_000_000
GET = b"GET %s HTTP/1.1\r\nHost: test\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n"
LONG = bytes(1_000_000)


@dataclass
class App:
    """/wait, and whatever else is to, answers when the gate opens, /long at once with a megabyte,
    /longest with more than a kernel takes, the rest with the length of the body.
    """

    waiting: set[str] = field(default_factory=lambda: {"/wait"})
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    longest: int = 0
    threads: list[str] = field(default_factory=list)
    """The name of the thread of each request."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body, path = environ["wsgi.input"].read(), environ["PATH_INFO"]
        self.threads.append(threading.current_thread().name)
        self.longest = max(self.longest, len(body))
        if path in self.waiting:
            self.entered.release()
            assert self.gate.wait(PATIENCE)
        start_response("200 OK", [])
        return [{"/long": LONG, "/longest": 4 * LONG}.get(path, b"%d" % len(body))]


@dataclass
class Running:
    """A server. Where it has a clock of the test's, time passes when the test lets it."""

    app: App
    server: WebServer
    clock: Clock | None

    def connect(
        self, source: str = "127.0.0.1", *, receive_buffer: int | None = None
    ) -> socket.socket:
        sock = socket.socket()
        try:
            if receive_buffer is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            sock.settimeout(PATIENCE)
            sock.bind((source, 0))
            sock.connect(("127.0.0.1", self.server.port))
        except OSError:
            sock.close()
            raise
        return sock

    def ask(self, path: bytes = b"/", source: str = "127.0.0.1") -> bytes:
        with self.connect(source) as sock:
            sock.sendall(GET % path)
            return read_answer(sock)[2]

    def elapse(self, seconds: float = 1.0) -> None:
        """Let time pass, in steps at each of which the server looks at its connections."""
        assert self.clock is not None
        step = self.server._server.limits.sweep_seconds
        for _ in range(math.ceil(seconds / step)):
            self.clock.now += step
            self.server._server.wake()
            wait_until(lambda: self.server._server._swept_at == self.clock.now)

    def elapse_until_told(self, sock: socket.socket) -> None:
        """Let time pass until something comes, or the end of the connection."""

        def has_come() -> bool:
            if select.select([sock], [], [], 0)[0]:
                return True
            self.elapse()
            return False

        # By the wall clock: the threads of the server may be slower than the clock of the server.
        wait_until(has_come)

    def channels(self) -> int:
        return len(self.server._server.channels())


@contextlib.contextmanager
def serving(
    limits: ConnectionLimits, trusted_proxies: Iterable[str] = (), clock: Clock | None = None
) -> Iterator[Running]:
    app = App()
    server = WebServer(
        refusing(app),
        "127.0.0.1",
        0,
        max_body_bytes=MAX_BODY,
        limits=limits,
        trusted_proxies=trusted_proxies,
        health_paths=HEALTH_PATHS,
        loop_paths=LIVENESS_PATHS,
        clock=clock or time.monotonic,
    )
    server.start()
    try:
        yield Running(app, server, clock)
    finally:
        app.gate.set()
        server.close()


def read_answer(sock: socket.socket) -> tuple[int, str, bytes]:
    """Status, header in small letters, and body of one answer, and not a byte of the next."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        seen = sock.recv(65_536, socket.MSG_PEEK)
        assert seen, f"closed within the header: {data!r}"
        end = (data + seen).find(b"\r\n\r\n")
        data += sock.recv(len(seen) if end < 0 else end + 4 - len(data))
    header = data.decode().lower()
    (length,) = (
        int(line.split(": ")[1])
        for line in header.splitlines()
        if line.startswith("content-length")
    )
    body = bytearray()
    while len(body) < length:
        received = sock.recv(min(length - len(body), 262_144))
        assert received, "closed within the body"
        body += received
    return int(header.split()[1]), header, bytes(body)


def read_to_end(sock: socket.socket) -> bytes:
    pieces = []
    with contextlib.suppress(ConnectionResetError):
        while piece := sock.recv(65_536):
            pieces.append(piece)
    return b"".join(pieces)
