"""Requests that are parked or wait, on real sockets: they keep no thread from others."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from service.http.connection_limits import ConnectionLimits
from service.http.dispatchers import REQUEST_THREADS
from service.http.server import WebServer
from service.http.suspended import SuspendableChannel, suspended_request_of
from tests.clock import Clock
from tests.waiting import wait_until

PATIENCE = 60.0  # seconds; far beyond what anything here takes
MORE_THAN_THREADS = REQUEST_THREADS + 4
GET = b"GET %s HTTP/1.1\r\nHost: test\r\n\r\n"


class SuspensionListener:
    """Keeps a request, and what it is told."""

    def __init__(self, parked: SuspendableChannel) -> None:
        self.parked = parked
        self.begun = threading.Event()
        self.must_end = threading.Event()
        self.has_left = threading.Event()
        self.must_go = threading.Event()

    def wait(self) -> None:
        self.begun.set()
        assert self.must_end.wait(PATIENCE)

    def begin(self) -> None:
        self.begun.set()

    def left(self) -> None:
        self.has_left.set()

    def drain(self) -> None:
        self.must_go.set()
        self.must_end.set()
        if self.parked.is_streaming:
            self.parked.end_stream()


class App:
    """/wait waits, and tells then what it has read; /stream begins; the rest answers at once."""

    def __init__(self) -> None:
        self.listeners: list[SuspensionListener] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path, suspended = environ["PATH_INFO"], suspended_request_of(environ)
        assert suspended is not None
        if path == "/wait":
            body = environ["wsgi.input"].read()
            listener = self._listener(suspended)
            with suspended.wait(listener):
                listener.wait()
            return self._answer(start_response, b"read %b." % body)
        if path in {"/stream", "/long-stream"}:
            listener = self._listener(suspended)
            suspended.stream(listener, listener.begin)
            start_response("200 OK", [])
            first = b"first" if path == "/stream" else bytes(20_000_000)
            return iter([] if environ["REQUEST_METHOD"] == "HEAD" else [first])
        return self._answer(start_response, b"here")

    def _listener(self, parked: SuspendableChannel) -> SuspensionListener:
        self.listeners.append(SuspensionListener(parked))
        return self.listeners[-1]

    def _answer(self, start_response: Any, body: bytes) -> list[bytes]:
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]


class Running:
    def __init__(self, limits: ConnectionLimits, clock: Callable[[], float]) -> None:
        self.app = App()
        self.server = WebServer(self.app, "127.0.0.1", 0, limits=limits, clock=clock)
        self.server.start()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), PATIENCE)

    def parked(self, count: int) -> list[SuspensionListener]:
        wait_until(lambda: len(self.app.listeners) == count)
        assert all(listener.begun.wait(PATIENCE) for listener in self.app.listeners)
        return self.app.listeners

    def ask(self, path: bytes = b"/") -> bytes:
        with self.connect() as sock:
            sock.sendall(GET % path)
            return read_until(sock, b"here")


def read_until(sock: socket.socket, end: bytes) -> bytes:
    data = b""
    while end not in data:
        piece = sock.recv(65_536)
        assert piece, f"closed after {data[-200:]!r}"
        data += piece
    return data


def read_to_end(sock: socket.socket) -> bytes:
    pieces = []
    while piece := sock.recv(65_536):
        pieces.append(piece)
    return b"".join(pieces)


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    with contextlib.ExitStack() as stack:

        def make(
            limits: ConnectionLimits | None = None, clock: Callable[[], float] = time.monotonic
        ) -> Running:
            running = Running(limits or ConnectionLimits(sweep_seconds=0.05), clock)
            stack.callback(running.server.close)
            return running

        yield make


@pytest.fixture
def running(start: Callable[..., Running]) -> Running:
    return start()


@pytest.fixture
def clients(running: Running) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(running.connect()) for _ in range(MORE_THAN_THREADS)]


class TestWaiting:
    def test_many_keep_no_thread_from_others(
        self, running: Running, clients: list[socket.socket]
    ) -> None:
        for client in clients:
            client.sendall(GET % b"/wait")
        listeners = running.parked(len(clients))
        assert running.ask().endswith(b"here")
        for listener in listeners:
            listener.must_end.set()
        for client in clients:
            assert read_until(client, b"read .").count(b"HTTP/1.1 200") == 1

    def test_no_more_threads_are_left_than_before(
        self, running: Running, clients: list[socket.socket]
    ) -> None:
        before = threading.active_count()
        for client in clients:
            client.sendall(GET % b"/wait")
        for listener in running.parked(len(clients)):
            listener.must_end.set()
        for client in clients:
            read_until(client, b"read .")
        wait_until(lambda: threading.active_count() <= before)
        assert running.ask().endswith(b"here")

    def test_the_body_is_kept_by_whoever_read_it(self, running: Running) -> None:
        with running.connect() as client:
            client.sendall(b"POST /wait HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody")
            (listener,) = running.parked(1)
            (channel,) = running.server._server.channels()
            wait_until(lambda: not channel.body_bytes)
            listener.must_end.set()
            assert read_until(client, b"read body.")

    def test_later_requests_of_the_connection_come_behind(self, running: Running) -> None:
        with running.connect() as client:
            client.sendall(GET % b"/wait" + GET % b"/")
            (listener,) = running.parked(1)
            listener.must_end.set()
            answers = read_until(client, b"here")
            assert answers.index(b"read .") < answers.index(b"here")

    def test_a_client_that_leaves_is_noticed_meanwhile(self, running: Running) -> None:
        with running.connect() as staying:
            with running.connect() as client:
                client.sendall(GET % b"/wait")
                running.parked(1)
            staying.sendall(GET % b"/wait")
            gone, waits = running.parked(2)
            assert gone.has_left.wait(PATIENCE)
            gone.must_end.set()
            wait_until(lambda: len(running.server._server.channels()) == 1)
            assert not waits.has_left.is_set()
            staying.sendall(GET % b"/")  # what is there to read is no sign of leaving
            waits.must_end.set()
            assert read_until(staying, b"here").count(b"HTTP/1.1 200") == 2

    def test_a_drain_ends_it(self, running: Running) -> None:
        with running.connect() as client:
            client.sendall(GET % b"/wait")
            running.parked(1)
            assert running.server.drain(PATIENCE)
            assert b"read ." in read_to_end(client)

    def test_the_server_closes_while_one_waits(self, running: Running) -> None:
        with running.connect() as client:
            client.sendall(GET % b"/wait")
            (listener,) = running.parked(1)
            running.server.close()
            assert listener.must_go.is_set()


class TestStreaming:
    def test_pieces_arrive_as_they_are_sent(self, running: Running) -> None:
        with running.connect() as client:
            client.sendall(GET % b"/stream")
            (listener,) = running.parked(1)
            assert b"Transfer-Encoding: chunked" in read_until(client, b"5\r\nfirst\r\n")
            for piece in (b"one", b"two"):
                assert listener.parked.send_piece(piece)
                assert read_until(client, piece + b"\r\n") == b"3\r\n%b\r\n" % piece
            listener.parked.end_stream()
            assert read_to_end(client) == b"0\r\n\r\n"

    def test_who_sends_waits_for_nobody(self, start: Callable[..., Running]) -> None:
        """Whatever is unread, and for however long."""
        limits = ConnectionLimits(idle_seconds=300, window_seconds=300, sweep_seconds=0.05)
        running = start(limits)
        with running.connect() as client:
            client.sendall(GET % b"/long-stream")
            (listener,) = running.parked(1)
            sending = threading.Thread(
                target=listener.parked.send_piece, args=[b"more"], daemon=True
            )
            sending.start()
            sending.join(PATIENCE)
            assert not sending.is_alive()
            listener.parked.end_stream()
            assert read_to_end(client).endswith(b"4\r\nmore\r\n0\r\n\r\n")

    def test_a_client_of_http_1_0_gets_no_chunks(self, running: Running) -> None:
        with running.connect() as client:
            client.sendall(b"GET /stream HTTP/1.0\r\n\r\n")
            (listener,) = running.parked(1)
            listener.parked.send_piece(b"second")
            listener.parked.end_stream()
            assert read_to_end(client).endswith(b"\r\n\r\nfirstsecond")

    def test_head_has_no_body_and_is_not_parked(self, running: Running) -> None:
        with running.connect() as client:
            client.sendall(b"HEAD /stream HTTP/1.1\r\nHost: test\r\n\r\n")
            assert read_to_end(client).endswith(b"\r\n\r\n")
        assert not running.app.listeners[0].begun.is_set()

    def test_requests_behind_it_are_not_answered(self, running: Running) -> None:
        with running.connect() as client:
            client.sendall(GET % b"/stream" + GET % b"/")
            (listener,) = running.parked(1)
            listener.parked.end_stream()
            assert read_to_end(client).count(b"HTTP/1.1 200") == 1

    def test_a_client_that_leaves_is_noticed(self, running: Running) -> None:
        with running.connect() as client:
            client.sendall(GET % b"/stream")
            (listener,) = running.parked(1)
            read_until(client, b"first")
        assert listener.has_left.wait(PATIENCE)
        assert not listener.parked.send_piece(b"more")

    def test_a_client_that_leaves_at_that_very_moment_is_noticed(self, running: Running) -> None:
        with running.connect():
            wait_until(lambda: len(running.server._server.channels()) == 1)
            (channel,) = running.server._server.channels()
            listener = SuspensionListener(channel)

            class Suspending:
                """What the request's thread does while the loop closes the connection."""

                def close(self) -> None:
                    channel._listener = listener
                    channel._notify(listener)

            channel.outbufs.insert(0, Suspending())
            channel.close_now()
        assert listener.has_left.is_set()

    def test_who_reads_too_little_is_cut_off(self, running: Running) -> None:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", running.server.port))
            client.sendall(GET % b"/stream")
            (listener,) = running.parked(1)
            give_up = time.monotonic() + PATIENCE
            while listener.parked.send_piece(bytes(64 * 1024)):
                assert time.monotonic() < give_up
            assert listener.has_left.wait(PATIENCE)

    def test_who_stops_reading_is_cut_off_in_the_end(self, start: Callable[..., Running]) -> None:
        running = start(ConnectionLimits(window_seconds=0.3, sweep_seconds=0.05))
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", running.server.port))
            client.sendall(GET % b"/stream")
            (listener,) = running.parked(1)
            # Some of it stays here: the kernel takes less for such a reader.
            for _ in range(8):
                listener.parked.send_piece(bytes(512 * 1024))
            assert listener.has_left.wait(PATIENCE)

    def test_silence_cuts_no_stream(self, start: Callable[..., Running]) -> None:
        clock = Clock()
        running = start(clock=clock)
        with running.connect() as client, running.connect() as idle:
            client.sendall(GET % b"/stream")
            (listener,) = running.parked(1)
            read_until(client, b"first\r\n")
            wait_until(lambda: len(running.server._server.channels()) == 2)
            clock.now += 600
            assert idle.recv(1) == b""  # closed for being idle: as long has passed here
            assert listener.parked.send_piece(b"still here")
            assert read_until(client, b"still here\r\n")

    def test_long_streams_take_no_memory(self, running: Running) -> None:
        with running.connect() as client:
            client.sendall(GET % b"/stream")
            (listener,) = running.parked(1)
            read_until(client, b"first\r\n")
            for _ in range(100):
                assert listener.parked.send_piece(b"x" * 20_000)
                read_until(client, b"x\r\n")
            (channel,) = running.server._server.channels()
            wait_until(lambda: not channel.total_outbufs_len)
            kept = sum(buffer.getfile().seek(0, 2) for buffer in channel.outbufs if buffer.buf)
            assert kept <= 128 * 1024

    def test_a_drain_ends_it(self, running: Running) -> None:
        with running.connect() as client:
            client.sendall(GET % b"/stream")
            (listener,) = running.parked(1)
            assert running.server.drain(PATIENCE)
            assert listener.must_go.is_set()
            assert read_to_end(client).endswith(b"0\r\n\r\n")
