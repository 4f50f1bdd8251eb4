"""Clients that are slow, many, gone or odd, on real sockets: others get their answers."""

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from service.http.connection_limits import ConnectionLimits
from tests.clock import Clock
from tests.front_server import (
    GET,
    PATIENCE,
    POST,
    Running,
    read_answer,
    read_to_end,
    serving,
)
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
LIMITS = ConnectionLimits(connections=30)
TCP_REPAIR = 19  # linux/tcp.h: a socket in repair mode is closed without a word to the peer


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    with contextlib.ExitStack() as stack:
        yield lambda limits: stack.enter_context(serving(limits, clock=Clock()))


@pytest.fixture
def running(start: Callable[..., Running]) -> Running:
    return start(LIMITS)


def drip(running: Running, sock: socket.socket, data: bytes) -> None:
    """Send a byte a second until the other side has had enough."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in data:
        sock.sendall(bytes([byte]))
        running.elapse()
        if select.select([sock], [], [], 0)[0]:
            return
    # Decided by then; the answer comes from another thread.
    wait_until(lambda: select.select([sock], [], [], 0)[0])


class TestDeadlines:
    def refused_as_too_slow(self, running: Running, sock: socket.socket) -> None:
        running.elapse_until_told(sock)
        status, header, body = read_answer(sock)
        assert status == 408
        assert "content-type: application/problem+json" in header
        assert "connection: close" in header
        problem = json.loads(body)
        assert (problem["status"], problem["code"]) == (408, "request-timeout")
        assert sock.recv(1) == b""

    @pytest.mark.parametrize(
        "head",
        [b"GET / HTTP/1.1\r\nX-Slow: " + b"x" * 1000, b"GET / HTTP/1.1\r\n" * 100],
        ids=["a header", "lines"],
    )
    def test_a_dripped_head(self, running: Running, head: bytes) -> None:
        with running.connect() as sock:
            drip(running, sock, head)
            self.refused_as_too_slow(running, sock)

    @pytest.mark.parametrize(
        "begin",
        [b"G", POST % 10, POST % 10 + b"abc"],
        ids=["a byte", "no body", "half a body"],
    )
    def test_a_request_that_never_ends(self, running: Running, begin: bytes) -> None:
        with running.connect() as sock:
            sock.sendall(begin)
            self.refused_as_too_slow(running, sock)

    def test_a_fast_beginning_buys_no_silence(self, running: Running) -> None:
        with running.connect() as sock:
            sock.sendall(POST % 900_000 + bytes(800_000))
            self.refused_as_too_slow(running, sock)

    @pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
    def test_a_dripped_body(self, running: Running, *, chunked: bool) -> None:
        head = POST % 1000
        if chunked:
            head = b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n"
        with running.connect() as sock:
            sock.sendall(head)
            drip(running, sock, b"x" * 1000)
            self.refused_as_too_slow(running, sock)

    def test_a_steady_body_may_take_longer(self, running: Running) -> None:
        """Twice the least rate, for longer than any deadline without it; and the next one again."""
        piece, pieces = 2 * LIMITS.bytes_per_second, 40
        with running.connect() as sock:
            for _ in range(2):
                sock.sendall(POST % (piece * pieces))
                for number in range(pieces):
                    sock.sendall(b"x" * piece)
                    wait_until(lambda come=piece * (number + 1): self.body_bytes(running) == come)
                    running.elapse()
                assert read_answer(sock)[2] == b"%d" % (piece * pieces)

    def body_bytes(self, running: Running) -> int:
        """Of a request that comes, or of the longest that has come."""
        channels = running.server._server.channels()
        return sum(channel.body_bytes for channel in channels) or running.app.longest

    def test_whoever_reads_too_slowly_is_let_go(self, start: Callable[..., Running]) -> None:
        """However steadily; who reads at twice the least rate gets all of it."""
        rate = 20_000  # in its window a reader takes more than the kernel holds for it
        running = start(replace(LIMITS, bytes_per_second=rate))
        with (
            running.connect(receive_buffer=4096) as slow,
            running.connect(receive_buffer=65_536) as steady,
        ):
            slow.sendall(GET % b"/long")
            steady.sendall(GET.replace(b"Host", b"Connection: close\r\nHost") % b"/long")
            while steady.recv(2 * rate, socket.MSG_WAITALL):
                with contextlib.suppress(ConnectionError):
                    slow.recv(rate // 10)
                running.elapse()
            wait_until(lambda: not running.channels())

    def test_a_second_request_is_timed_from_its_own_first_byte(self, running: Running) -> None:
        with running.connect() as sock:
            for _ in range(5):
                sock.sendall((GET % b"/")[:10])
                wait_until(lambda: any(one.request for one in running.server._server.channels()))
                running.elapse(LIMITS.head_seconds / 2)
                sock.sendall((GET % b"/")[10:])
                assert read_answer(sock)[0] == 200

    def test_an_answer_that_takes_long_is_not_the_clients_fault(self, running: Running) -> None:
        with running.connect() as sock:
            sock.sendall(GET % b"/wait" + (GET % b"/")[:10])
            assert running.app.entered.acquire(timeout=PATIENCE)
            running.elapse(LIMITS.head_seconds + LIMITS.idle_seconds)
            running.app.gate.set()
            assert read_answer(sock)[0] == 200
            sock.sendall((GET % b"/")[10:])
            assert read_answer(sock)[0] == 200

    @pytest.mark.parametrize(
        "begin", [b"", GET % b"/", b"\r\n"], ids=["silent", "kept", "empty line"]
    )
    def test_idle_connections_are_closed_without_a_word(
        self, running: Running, begin: bytes
    ) -> None:
        with running.connect() as sock:
            sock.sendall(begin)
            if begin.strip():
                assert read_answer(sock)[0] == 200
            running.elapse_until_told(sock)
            assert sock.recv(1) == b""

    def test_empty_lines_keep_no_connection_open(self, running: Running) -> None:
        with running.connect() as sock:
            self.send_until_it_is_closed(running, sock, b"\r\n\r\n")

    def test_empty_lines_take_no_time_of_the_request_behind_them(self, running: Running) -> None:
        with running.connect() as sock:
            sock.sendall(b"\r\n")
            wait_until(lambda: any(one.request for one in running.server._server.channels()))
            running.elapse(LIMITS.head_seconds)
            sock.sendall((GET % b"/")[:10])
            wait_until(lambda: any(one._is_receiving for one in running.server._server.channels()))
            running.elapse()
            sock.sendall((GET % b"/")[10:])
            assert read_answer(sock)[0] == 200

    def test_a_refused_client_that_sends_on_is_let_go(self, running: Running) -> None:
        with running.connect() as sock:
            sock.sendall(b"nonsense\r\n\r\n")
            assert read_answer(sock)[0] == 400
            self.send_until_it_is_closed(running, sock, b"more nonsense")

    def send_until_it_is_closed(self, running: Running, sock: socket.socket, data: bytes) -> None:
        def is_closed() -> bool:
            try:
                sock.sendall(data)
            except ConnectionError:
                return True
            running.elapse()
            return False

        # By the wall clock: the threads of the server may be slower than the clock of the server.
        wait_until(is_closed)

    def test_the_clock_may_be_set(self, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        """No deadline goes by the wall clock, forwards or backwards."""
        with running.connect() as kept, running.connect() as slow:
            kept.sendall(GET % b"/")
            assert read_answer(kept)[0] == 200
            slow.sendall(b"GET")
            now = time.time()
            for shift in (86_400.0, -86_400.0):
                monkeypatch.setattr(time, "time", lambda shift=shift: now + shift)
                kept.sendall(GET % b"/")
                assert read_answer(kept)[0] == 200
            self.refused_as_too_slow(running, slow)
            running.elapse_until_told(kept)
            assert kept.recv(1) == b""


class TestRoom:
    def test_idle_connections_make_room(self, running: Running) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(3 * LIMITS.connections):
                stack.enter_context(running.connect())
            assert running.ask() == b"0"
            assert running.channels() <= LIMITS.connections

    def test_so_do_half_sent_requests(self, start: Callable[..., Running]) -> None:
        running = start(ConnectionLimits(connections=30))
        with contextlib.ExitStack() as stack:
            for _ in range(90):
                stack.enter_context(running.connect()).sendall(b"POST / HTTP/1.1\r\nX: ")
            assert running.ask() == b"0"

    def test_a_request_under_way_keeps_its_place(self, start: Callable[..., Running]) -> None:
        running = start(ConnectionLimits(connections=30))
        with contextlib.ExitStack() as stack:
            busy = stack.enter_context(running.connect())
            busy.sendall(GET % b"/wait")
            assert running.app.entered.acquire(timeout=PATIENCE)
            for _ in range(90):
                stack.enter_context(running.connect())
            assert running.ask() == b"0"
            running.app.gate.set()
            assert read_answer(busy)[0] == 200

    def test_a_flood_drowns_itself(self, start: Callable[..., Running]) -> None:
        """Whoever has the most connections loses one, however new they are."""
        running = start(ConnectionLimits(connections=30))
        with contextlib.ExitStack() as stack:
            others = [stack.enter_context(running.connect("127.0.0.2")) for _ in range(5)]
            wait_until(lambda: running.channels() == 5)
            for _ in range(200):
                stack.enter_context(running.connect("127.0.0.3"))
            assert running.ask() == b"0"
            for other in others:
                other.sendall(GET % b"/")
                assert read_answer(other)[0] == 200

    def test_without_descriptors_idle_connections_make_room(self, tmp_path: Path) -> None:
        script = (
            "import resource, sys\n"
            "from service.http.server import WebServer\n"
            "def app(environ, start_response):\n"
            "    start_response('200 OK', [])\n"
            "    return [b'ok']\n"
            "server = WebServer(app, '127.0.0.1', 0)\n"
            "limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
            "resource.setrlimit(resource.RLIMIT_NOFILE, (40, limit))\n"
            "server.start()\n"
            "print(server.port, flush=True)\n"
            "sys.stdin.read()\n"
            "server.close()\n"
        )
        log = tmp_path / "log"
        environ = {name: value for name, value in os.environ.items() if "COV" not in name}
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-c", script],
                cwd=ROOT,
                env=environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        with process, contextlib.ExitStack() as stack:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            for _ in range(120):
                stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
                sock.sendall(GET % b"/")
                assert read_answer(sock)[2] == b"ok"
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(PATIENCE) == 0
        assert "Traceback" not in log.read_text()


class TestVanishedClients:
    def test_a_connection_that_a_thread_closes_is_no_fault_of_the_loop(
        self, running: Running
    ) -> None:
        """As when 100 Continue cannot be sent, while the loop looks at all connections."""
        with running.connect():
            wait_until(lambda: running.channels() == 1)
            (channel,) = running.server._server.channels()
            channel.socket.close()
            channel.check_time_limits(1.0)

    def test_the_kernel_asks_after_them(self, running: Running) -> None:
        with running.connect() as sock:
            sock.sendall(GET % b"/")
            assert read_answer(sock)[0] == 200
            (channel,) = running.server._server.channels()
            option = channel.socket.getsockopt
            assert option(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            if sys.platform == "linux":
                given_up_after = LIMITS.vanished_seconds
                assert option(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == given_up_after * 1000
                idle = option(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
                interval = option(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
                probes = option(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)
                assert idle + probes * interval <= given_up_after

    @pytest.mark.parametrize("begin", [b"", b"GET / HT", POST % 10], ids=["idle", "head", "body"])
    def test_they_hold_nothing_for_long(self, running: Running, begin: bytes) -> None:
        for _ in range(20):
            with running.connect() as sock:
                sock.sendall(begin)
                self.vanish(sock)
        assert running.ask() == b"0"
        running.elapse(LIMITS.head_seconds + LIMITS.idle_seconds)
        wait_until(lambda: not running.channels())

    def vanish(self, sock: socket.socket) -> None:
        """Leave no trace of the connection on this side, and tell the other side nothing."""
        if sys.platform != "linux":
            pytest.skip("needs Linux")
        try:
            sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        except PermissionError:
            pytest.skip("needs CAP_NET_ADMIN")
        sock.close()


class TestExpectations:
    @pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
    def test_a_body_is_asked_for(self, running: Running, *, chunked: bool) -> None:
        length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 3"
        with running.connect() as sock:
            sock.sendall(
                b"POST / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n%s\r\n\r\n" % length
            )
            assert sock.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
            sock.sendall(b"3\r\nabc\r\n0\r\n\r\n" if chunked else b"abc")
            assert read_answer(sock)[2] == b"3"

    @pytest.mark.parametrize("length", [b"", b"Content-Length: 0\r\n"], ids=["none", "empty"])
    def test_none_is_asked_for_where_there_is_none(self, running: Running, length: bytes) -> None:
        with running.connect() as sock:
            for _ in range(2):
                sock.sendall(
                    b"GET / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n%s\r\n" % length
                )
                assert read_answer(sock)[::2] == (200, b"0")

    def test_none_is_asked_for_that_would_be_refused(self, running: Running) -> None:
        with running.connect() as sock:
            sock.sendall(
                b"POST / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n"
                b"Content-Length: 9999999\r\n\r\n"
            )
            assert read_answer(sock)[0] == 413
            assert sock.recv(1) == b""

    def test_a_body_behind_other_requests_is_asked_for_in_turn(self, running: Running) -> None:
        with running.connect() as sock:
            sock.sendall(
                GET % b"/wait" + b"POST / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n"
                b"Content-Length: 3\r\n\r\n"
            )
            assert running.app.entered.acquire(timeout=PATIENCE)
            running.app.gate.set()
            assert read_answer(sock)[0] == 200
            assert sock.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
            sock.sendall(b"abc")
            assert read_answer(sock)[2] == b"3"

    @pytest.mark.unmeasured
    def test_it_is_asked_for_once(self, running: Running) -> None:
        """Two threads of the server meet here: the one that answers and the one that sends."""
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        try:
            for _ in range(300):
                with running.connect() as sock:
                    sock.sendall(
                        GET % b"/" + b"POST / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n"
                        b"Content-Length: 3\r\nConnection: close\r\n\r\n"
                    )
                    assert read_answer(sock)[0] == 200
                    assert sock.recv(25, socket.MSG_WAITALL) == b"HTTP/1.1 100 Continue\r\n\r\n"
                    sock.sendall(b"abc")
                    assert read_answer(sock)[2] == b"3"
                    assert sock.recv(1) == b""
        finally:
            sys.setswitchinterval(interval)


class TestManyAtOnce:
    @pytest.mark.parametrize("count", [30, 1000])
    def test_requests_in_one_piece_are_answered_in_turn(self, running: Running, count: int) -> None:
        """As many as are read ahead; whoever sends more is told to connect again."""
        answered = min(count, LIMITS.requests_ahead)
        with running.connect() as sock:
            bodies = [b"xx"[: number % 3] for number in range(count)]
            sock.sendall(b"".join(POST % len(body) + body for body in bodies))
            sock.shutdown(socket.SHUT_WR)
            data = read_to_end(sock)
        answers = data.split(b"HTTP/1.1 200 OK\r\n")[1:]
        assert [answer.partition(b"\r\n\r\n")[2] for answer in answers] == [
            b"%d" % len(body) for body in bodies[:answered]
        ]
        assert (b"Connection: close" in answers[-1]) == (count > answered)

    def test_the_rest_behind_a_refused_request_is_dropped(self, running: Running) -> None:
        with running.connect() as sock:
            sock.sendall(GET % b"/" + b"nonsense\r\n\r\n" + GET % b"/wait")
            data = read_to_end(sock)
        assert data.count(b" 200 OK\r\n") == data.count(b" 400 Bad Request\r\n") == 1
        assert not running.app.entered.acquire(blocking=False)

    def test_health_is_answered_when_all_threads_are_busy(self, running: Running) -> None:
        with contextlib.ExitStack() as stack:
            for number in range(20):
                source = f"127.0.0.{2 + number % 2}"
                stack.enter_context(running.connect(source)).sendall(GET % b"/wait")
            for _ in range(8):
                assert running.app.entered.acquire(timeout=PATIENCE)
            for path in (b"/healthz", b"/readyz", b"/healthz?verbose=1", b"/healthz/"):
                assert running.ask(path) == b"0"

    def test_liveness_is_answered_by_the_loop(self, running: Running) -> None:
        with running.connect() as sock:
            for method in (b"GET", b"HEAD"):
                sock.sendall((GET % b"/healthz").replace(b"GET", method))
                assert read_answer(sock)[0] == 200
        with running.connect() as sock:
            sock.sendall((GET % b"/healthz").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            assert read_to_end(sock).endswith(b"\r\n\r\n0")
        assert running.app.threads == ["web-server"] * 3

    def test_so_are_several_in_one_piece(self, running: Running) -> None:
        with running.connect() as sock:
            sock.sendall(GET % b"/healthz" * 3)
            sock.shutdown(socket.SHUT_WR)
            assert read_to_end(sock).count(b"HTTP/1.1 200 OK\r\n") == 3

    def test_what_may_take_longer_is_not(self, running: Running) -> None:
        with running.connect() as sock:
            sock.sendall(GET % b"/" + GET % b"/healthz")
            assert [read_answer(sock)[2] for _ in range(2)] == [b"0", b"0"]
            sock.sendall(POST.replace(b"/ ", b"/healthz ") % 1 + b"x")
            assert read_answer(sock)[2] == b"1"
            sock.sendall(GET % b"/readyz")
            assert read_answer(sock)[2] == b"0"
        assert "web-server" not in running.app.threads

    def test_liveness_does_not_wait_for_readiness(self, running: Running) -> None:
        """Which asks the Manager."""
        running.app.waiting.add("/readyz")
        with contextlib.ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(running.connect()).sendall(GET % b"/readyz")
            assert running.app.entered.acquire(timeout=PATIENCE)
            assert running.ask(b"/healthz") == b"0"
