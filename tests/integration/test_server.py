"""The HTTP server on real sockets: what it refuses by itself, and that a drain loses no answer."""

import contextlib
import errno
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.http.dispatchers import MOST_OF_ONE, REQUEST_THREADS
from service.http.server import ServerStartError, WebServer
from tests.clock import Clock
from tests.refusing_app import refusing
from tests.waiting import wait_until

PATIENCE = 60.0  # seconds; far beyond what anything here takes
MAX_BODY = 100_000
GET = b"GET %s HTTP/1.1\r\nHost: test\r\n\r\n"
BIG = bytes(range(256)) * 80_000  # 20 MB


@dataclass
class App:
    """/wait answers when the gate opens; /big answers 20 MB; the rest answers at once."""

    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    sizes: dict[str, int] = field(default_factory=lambda: {"/big": len(BIG), "/medium": 40_000})

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        path = environ["PATH_INFO"]
        body = environ["wsgi.input"].read()
        if path == "/wait":
            self.entered.release()
            assert self.gate.wait(PATIENCE)
        answer = BIG[: self.sizes[path]] if path in self.sizes else b"%d" % len(body)
        start_response("200 OK", [("Content-Length", str(len(answer)))])
        return [answer]


@dataclass
class Running:
    app: App
    server: WebServer

    def connect(self, *, receive_buffer: int | None = None) -> socket.socket:
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(PATIENCE)
        try:
            sock.connect(("127.0.0.1", self.server.port))
        except OSError:
            sock.close()
            raise
        return sock

    def ask(self, path: bytes) -> bytes:
        with self.connect() as sock:
            sock.sendall(GET % path)
            return read_answer(sock)[1]

    def refuses_connections(self) -> bool:
        try:
            self.connect().close()
        except ConnectionResetError:
            return False  # met the listener while it was closing; ask again
        except ConnectionRefusedError:
            return True
        return False


def read_answer(sock: socket.socket, pause: float = 0.0) -> tuple[str, bytes]:
    """Header and body of one answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65_536)
        assert piece, f"closed within the header: {data!r}"
        data += piece
    header, _, body = data.partition(b"\r\n\r\n")
    lines = header.decode().lower().splitlines()
    (length,) = (int(line.split(": ")[1]) for line in lines if line.startswith("content-length"))
    pieces = [body]
    left = length - len(body)
    while left > 0:
        piece = sock.recv(min(left, 262_144))
        assert piece, f"{left} of {length} bytes are missing"
        pieces.append(piece)
        left -= len(piece)
        time.sleep(pause)
    return header.decode(), b"".join(pieces)


@pytest.fixture
def running() -> Iterator[Running]:
    app = App()
    server = WebServer(refusing(app), "127.0.0.1", 0, max_body_bytes=MAX_BODY)
    server.start()
    yield Running(app, server)
    app.gate.set()
    server.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(40) as threads:
        yield threads


def drain(running: Running, pool: ThreadPoolExecutor, seconds: float = PATIENCE) -> Future[bool]:
    """Start a drain and return when it has begun."""
    future = pool.submit(running.server.drain, seconds)
    wait_until(running.refuses_connections)
    return future


class TestStart:
    @pytest.mark.parametrize(
        ("host", "reach"),
        [
            ("127.0.0.1", "127.0.0.1"),
            ("0.0.0.0", "127.0.0.1"),
            ("localhost", "127.0.0.1"),
            ("::1", "::1"),
            ("::", "::1"),
            ("::", "127.0.0.1"),
        ],
    )
    def test_hosts(self, host: str, reach: str) -> None:
        with contextlib.closing(WebServer(App(), host, 0)) as server:
            server.start()
            with socket.create_connection((reach, server.port), PATIENCE) as sock:
                sock.sendall(GET % b"/")
                assert read_answer(sock)[0].startswith("HTTP/1.1 200 OK")

    def test_a_port_in_use_is_told_at_construction(self) -> None:
        with (
            contextlib.closing(WebServer(App(), "127.0.0.1", 0)) as first,
            pytest.raises(ServerStartError) as caught,
        ):
            WebServer(App(), "127.0.0.1", first.port)
        message = str(caught.value)
        assert f"127.0.0.1 port {first.port} (Address already in use). Stop " in message
        assert "set PORT" in message
        assert "\n" not in message

    @pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
    def test_an_address_of_another_machine(self, host: str, monkeypatch: Any) -> None:
        def fail(*_: Any, **__: Any) -> Any:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        if host.endswith(".invalid"):
            monkeypatch.setattr(socket, "getaddrinfo", fail)  # nothing is looked up in a test
        with pytest.raises(ServerStartError, match="Set HOST"):
            WebServer(App(), host, 0)

    def test_a_port_that_needs_privileges(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: Any, **__: Any) -> Any:  # as it is for anybody but root
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(socket, "create_server", refuse)
        with pytest.raises(ServerStartError, match="Set PORT to 1024 or above"):
            WebServer(App(), "127.0.0.1", 80)

    def test_a_client_that_is_gone_before_its_refusal_is_no_error(self) -> None:
        def leave(_environ: Any, start_response: Any) -> list[bytes]:
            (channel,) = server._server.channels()
            channel.close_now()
            start_response("400 Bad Request", [])
            return [b"No."]

        with capture_logs() as logged:
            with contextlib.closing(WebServer(leave, "127.0.0.1", 0)) as server:
                server.start()
                with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
                    sock.sendall(b"no HTTP\r\n\r\n")
                    assert sock.recv(1) == b""
            assert logged == []

    def test_connections_made_before_the_start_are_served(self) -> None:
        with (
            contextlib.closing(WebServer(App(), "127.0.0.1", 0)) as server,
            socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock,
        ):
            sock.sendall(GET % b"/")
            server.start()
            assert read_answer(sock)[1] == b"0"

    def test_a_server_that_never_started_closes(self) -> None:
        server = WebServer(App(), "127.0.0.1", 0)
        assert server.drain(PATIENCE)
        server.close()
        server.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), PATIENCE)

    def test_the_port_is_free_again_afterwards(self) -> None:
        first = WebServer(App(), "127.0.0.1", 0)
        first.start()
        first.close()
        with contextlib.closing(WebServer(App(), "127.0.0.1", first.port)) as second:
            assert second.port == first.port


class TestDrain:
    def test_requests_in_flight_and_queued_are_answered(
        self, running: Running, pool: ThreadPoolExecutor
    ) -> None:
        clients = [running.connect() for _ in range(20)]
        with contextlib.ExitStack() as stack:
            for client in clients:
                stack.enter_context(client)
                client.sendall(GET % b"/wait")
            for _ in range(MOST_OF_ONE):
                assert running.app.entered.acquire(timeout=PATIENCE)
            channels = running.server._server.channels
            wait_until(lambda: sum(bool(one.requests) for one in channels()) == len(clients))
            drained = drain(running, pool)
            assert not drained.done()
            running.app.gate.set()
            answers = list(pool.map(read_answer, clients))
            assert [body for _, body in answers] == [b"0"] * 20
            assert all("connection: close" in header.lower() for header, _ in answers)
            assert drained.result(PATIENCE)

    def test_a_big_answer_to_a_slow_reader_is_whole(
        self, running: Running, pool: ThreadPoolExecutor
    ) -> None:
        with running.connect(receive_buffer=65_536) as sock:
            sock.sendall(GET % b"/big")
            assert sock.recv(1, socket.MSG_PEEK)
            drained = drain(running, pool)
            _, body = read_answer(sock, pause=0.005)
            assert body == BIG
            assert sock.recv(1) == b""
        assert drained.result(PATIENCE)

    def test_what_only_the_kernel_holds_is_waited_for(
        self, running: Running, pool: ThreadPoolExecutor
    ) -> None:
        with running.connect(receive_buffer=2048) as sock:
            sock.sendall(GET % b"/medium")
            wait_until(running.server._server.channels)
            (channel,) = running.server._server.channels()
            assert sock.recv(1, socket.MSG_PEEK)
            wait_until(lambda: not channel.requests and not channel.total_outbufs_len)
            assert channel._unacknowledged_bytes() > 0
            drained = drain(running, pool)
            with pytest.raises(TimeoutError):
                drained.result(1.0)
            assert len(read_answer(sock)[1]) == 40_000
            assert drained.result(PATIENCE)

    def test_a_request_sent_just_before_is_answered(
        self, running: Running, pool: ThreadPoolExecutor
    ) -> None:
        clients = [running.connect() for _ in range(30)]
        with contextlib.ExitStack() as stack:
            for client in clients:
                stack.enter_context(client).sendall(GET % b"/")
            drained = drain(running, pool)
            assert [read_answer(client)[1] for client in clients] == [b"0"] * 30
            assert drained.result(PATIENCE)

    def test_a_request_that_is_still_coming_is_answered(self, pool: ThreadPoolExecutor) -> None:
        # On a clock that stands still nobody is quiet for too long.
        running = Running(App(), WebServer(App(), "127.0.0.1", 0, clock=Clock()))
        running.server.start()
        with contextlib.closing(running.server), running.connect() as sock:
            sock.sendall(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nab")
            wait_until(running.server._server.channels)
            drained = drain(running, pool)
            sock.sendall(b"cd")
            assert read_answer(sock)[1] == b"4"
            sock.close()
            assert drained.result(PATIENCE)

    def test_requests_sent_in_one_piece_are_all_answered(
        self, running: Running, pool: ThreadPoolExecutor
    ) -> None:
        with running.connect() as sock:
            sock.sendall(GET % b"/wait" * 3)
            assert running.app.entered.acquire(timeout=PATIENCE)
            drained = drain(running, pool)
            running.app.gate.set()
            data = b""
            while piece := sock.recv(65_536):
                data += piece
            assert data.count(b"HTTP/1.1 200 OK") == 3
            assert drained.result(PATIENCE)

    def test_idle_connections_are_closed_soon(
        self, running: Running, pool: ThreadPoolExecutor
    ) -> None:
        with running.connect() as silent, running.connect() as kept:
            kept.sendall(GET % b"/")
            assert read_answer(kept)[1] == b"0"
            assert running.server.drain(PATIENCE)
            assert kept.recv(1) == b""
            assert silent.recv(1) == b""

    def test_a_client_that_leaves_holds_nothing_up(
        self, running: Running, pool: ThreadPoolExecutor
    ) -> None:
        with running.connect() as leaver:
            leaver.sendall(GET % b"/big")
            assert leaver.recv(1)
        assert running.server.drain(PATIENCE)

    def test_it_ends_in_time_and_says_what_it_is_worth(
        self, running: Running, pool: ThreadPoolExecutor
    ) -> None:
        with running.connect() as sock:
            sock.sendall(GET % b"/wait")
            assert running.app.entered.acquire(timeout=PATIENCE)
            assert not running.server.drain(0.3)
            running.server.close()
            assert sock.recv(1) == b""

    def test_a_reader_that_never_reads_is_given_up(self, running: Running) -> None:
        with running.connect(receive_buffer=2048) as sock:
            sock.sendall(GET % b"/big")
            assert sock.recv(1)
            assert not running.server.drain(0.3)

    def test_threads_end(self, running: Running) -> None:
        assert running.ask(b"/") == b"0"
        threads = running.server._dispatchers.default.threads
        assert len(threads) == REQUEST_THREADS
        running.server.close()
        wait_until(lambda: not threads)  # it waits for them for a moment only
        assert not running.server._thread.is_alive()


class TestRefusals:
    def refusal(self, sock: socket.socket) -> tuple[int, Any]:
        header, body = read_answer(sock)
        assert "content-type: application/problem+json" in header.lower()
        assert "x-content-type-options: nosniff" in header.lower()
        assert "connection: close" in header.lower()
        return int(header.split()[1]), json.loads(body)

    @pytest.mark.parametrize(
        ("head", "status", "code"),
        [
            (b"nonsense\r\n\r\n", 400, "bad-request"),
            (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400, "bad-request"),
            (b"GET / HTTP/1.1\r\nX-API-Key: hush\nhush\r\n\r\n", 400, "bad-request"),
            (b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: x\r\n\r\n", 400, "bad-request"),
            (
                b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: %s\r\n\r\n" % (b"9" * 5000),
                400,
                "bad-request",
            ),
            (
                b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: gzip\r\n\r\n",
                501,
                "not-implemented",
            ),
            (
                b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10000000000\r\n\r\n",
                413,
                "body-too-large",
            ),
            (b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", 431, "header-too-large"),
        ],
        ids=[
            "no HTTP",
            "header",
            "bare LF",
            "length",
            "endless length",
            "encoding",
            "body too long",
            "header too long",
        ],
    )
    def test_by_a_problem(self, running: Running, head: bytes, status: int, code: str) -> None:
        with running.connect() as sock:
            sock.sendall(head)
            given, problem = self.refusal(sock)
            assert given == problem["status"] == status
            assert problem["code"] == code
            assert problem["type"] == f"/problems/{code}"
            assert problem["detail"].endswith(".")
            assert "hush" not in problem["detail"]
        assert running.ask(b"/") == b"0"

    def test_an_application_that_fails_at_a_refusal_too_keeps_no_connection(self) -> None:
        def fail(*_: object) -> Any:
            raise ValueError("a bug")

        with contextlib.closing(WebServer(fail, "127.0.0.1", 0)) as server:
            server.start()
            with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
                sock.sendall(GET % b"/")
                header, body = read_answer(sock)
                assert (header.split()[1], body) == ("500", b"")
                assert sock.recv(1) == b""

    @pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
    def test_a_client_that_sends_on_regardless_gets_its_answer(
        self, running: Running, *, chunked: bool
    ) -> None:
        length = 5_000_000
        head = b"POST / HTTP/1.1\r\nHost: test\r\n"
        if chunked:
            chunk = b"%x\r\n%s\r\n" % (50_000, b"x" * 50_000)
            message = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 100 + b"0\r\n\r\n"
        else:
            message = head + b"Content-Length: %d\r\n\r\n" % length + b"x" * length
        with running.connect() as sock:
            sock.sendall(message)
            status, problem = self.refusal(sock)
            assert (status, problem["code"]) == (413, "body-too-large")
            assert sock.recv(1) == b""

    @pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
    def test_a_body_of_the_greatest_length_comes_through(
        self, running: Running, *, chunked: bool
    ) -> None:
        head = b"POST / HTTP/1.1\r\nHost: test\r\n"
        if chunked:
            chunk = b"3e8\r\n%s\r\n" % (b"x" * 1000)
            message = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 100 + b"0\r\n\r\n"
        else:
            message = head + b"Content-Length: %d\r\n\r\n" % MAX_BODY + b"x" * MAX_BODY
        with running.connect() as sock:
            sock.sendall(message)
            assert read_answer(sock)[1] == b"%d" % MAX_BODY

    def test_a_refused_client_does_not_hold_up_a_drain(
        self, running: Running, pool: ThreadPoolExecutor
    ) -> None:
        with running.connect() as sock:
            sock.sendall(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10000000000\r\n\r\n")
            assert self.refusal(sock)[0] == 413
            assert running.server.drain(PATIENCE)


class TestSlowClients:
    def test_slow_bodies_and_headers_hold_no_thread(self, running: Running) -> None:
        starts = [
            b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nab",
            b"GET / HTTP/1.1\r\nHost: te",
        ]
        with contextlib.ExitStack() as stack:
            for number in range(60):
                stack.enter_context(running.connect()).sendall(starts[number % 2])
            wait_until(lambda: len(running.server._server.channels()) == 60)
            assert running.ask(b"/") == b"0"

    def test_a_dripped_request_is_answered(self, running: Running) -> None:
        message = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc"
        with running.connect() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in message:
                sock.sendall(bytes([byte]))
            assert read_answer(sock)[1] == b"3"

    def test_a_connection_is_kept_between_requests(self, running: Running) -> None:
        with running.connect() as sock:
            for _ in range(3):
                sock.sendall(GET % b"/")
                header, _ = read_answer(sock)
                assert "connection: close" not in header.lower()

    @pytest.mark.parametrize(
        ("method", "status"),
        [("GET", "304 Not Modified"), ("GET", "204 No Content"), ("HEAD", "200 OK")],
    )
    def test_nothing_follows_a_head_without_a_body(self, method: str, status: str) -> None:
        """A 304 or 204 keeps the connection, as clients that poll get one after the other."""

        def app(_environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
            start_response(status, [])
            return iter(())

        request = method.encode() + b" / HTTP/1.1\r\nHost: test\r\n"
        last = request + b"Connection: close\r\n\r\n"
        requests = last if method == "HEAD" else request + b"\r\n" + last
        with contextlib.closing(WebServer(app, "127.0.0.1", 0)) as server:
            server.start()
            with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
                sock.sendall(requests)
                data = b"".join(iter(lambda: sock.recv(65_536), b""))

        heads = data.split(b"\r\n\r\n")
        assert heads.pop() == b""
        assert [head.split(b"\r\n")[0].decode() for head in heads] == [f"HTTP/1.1 {status}"] * (
            requests.count(b"Host")
        )
        assert [b"Connection: close" in head for head in heads] == [False, True][-len(heads) :]
