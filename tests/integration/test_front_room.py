"""Connections and memory get short, on real sockets: whoever takes the most gives way."""

import contextlib
import gc
import socket
import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.http.channel import Channel
from service.http.connection_limits import ConnectionLimits
from service.http.dispatchers import MOST_OF_ONE, REQUEST_THREADS
from tests.front_server import GET, LONG, PATIENCE, POST, Running, read_answer, serving
from tests.waiting import wait_until

# No deadline helps: all of them are longer than anybody waits here.
PATIENT = ConnectionLimits(
    connections=60,
    idle_seconds=300,
    head_seconds=300,
    window_seconds=300,
    sweep_seconds=0.05,
    unread_bytes=1024**3,
)
FLOOD, ANOTHER, PROXY = "127.0.0.3", "127.0.0.2", "127.0.0.4"


@pytest.fixture
def running() -> Iterator[Running]:
    with serving(PATIENT, [f"{PROXY}/32"]) as running:
        yield running


@pytest.fixture
def crowd(running: Running) -> Iterator[Callable[..., list[socket.socket]]]:
    """Connections of one address that have sent something."""
    with contextlib.ExitStack() as stack:

        def gather(source: str, count: int, begin: bytes = b"") -> list[socket.socket]:
            made = []
            for _ in range(count):
                sock = stack.enter_context(running.connect(source, receive_buffer=4096))
                with contextlib.suppress(ConnectionError):  # closed already
                    sock.sendall(begin)
                made.append(sock)
            return made

        yield gather


def status_of(sock: socket.socket) -> int:
    return read_answer(sock)[0]


class TestConnections:
    def test_readers_that_do_not_read(
        self, running: Running, crowd: Callable[..., list[socket.socket]]
    ) -> None:
        crowd(FLOOD, 200, GET % b"/longest")
        self.wait_until_all_are_answered(running)
        for path in (b"/healthz", b"/"):
            assert running.ask(path, ANOTHER) == b"0"
            # And those who are so unlucky as to share the address.
            assert running.ask(path, FLOOD) == b"0"

    def test_of_many_addresses(
        self, running: Running, crowd: Callable[..., list[socket.socket]]
    ) -> None:
        for number in range(10, 20):
            crowd(f"127.0.0.{number}", 10, GET % b"/longest")
            self.wait_until_all_are_answered(running)
            assert running.ask(b"/", ANOTHER) == b"0"
        assert running.channels() <= PATIENT.connections

    def wait_until_all_are_answered(self, running: Running) -> None:
        """A request under way keeps its place, however little of its answer will be read."""
        wait_until(lambda: not any(one.requests for one in running.server._server.channels()))

    def test_idle_connections_of_others_stay(
        self, running: Running, crowd: Callable[..., list[socket.socket]]
    ) -> None:
        others = crowd(ANOTHER, 5)
        wait_until(lambda: running.channels() == 5)
        crowd(FLOOD, 200, GET % b"/longest")
        for other in others:
            other.sendall(GET % b"/")
            assert status_of(other) == 200

    def test_nothing_but_requests_under_way(
        self, running: Running, crowd: Callable[..., list[socket.socket]]
    ) -> None:
        """One client has half of the room; health has places of its own when all of it is taken."""
        share = PATIENT.connections // 2
        busy = crowd(FLOOD, share, GET % b"/wait")
        wait_until(lambda: running.channels() == share)
        (beyond,) = crowd(FLOOD, 1, GET % b"/")
        status, header, body = read_answer(beyond)
        assert (status, b"too-many-connections" in body) == (503, True)
        assert "retry-after: " in header
        assert running.ask(b"/healthz", FLOOD) == b"0"
        beyond.close()
        wait_until(lambda: running.channels() == share)
        busy += crowd("127.0.0.5", share, GET % b"/wait")
        wait_until(lambda: running.channels() == 2 * share)
        assert b"too-many-connections" in running.ask(b"/", ANOTHER)
        (unreadable,) = crowd(ANOTHER, 1, b"GET / HTTP/1.1\r\nno field\r\n\r\n")
        assert status_of(unreadable) == 400
        for _ in range(3 * PATIENT.health_connections):
            assert running.ask(b"/healthz", ANOTHER) == b"0"
        running.app.gate.set()
        assert [status_of(sock) for sock in busy] == [200] * 2 * share
        wait_until(lambda: running.ask(b"/", ANOTHER) == b"0")

    def test_a_proxy_is_not_one_client(
        self, running: Running, crowd: Callable[..., list[socket.socket]]
    ) -> None:
        busy = crowd(PROXY, PATIENT.connections - 5, GET % b"/wait")
        running.app.gate.set()
        assert {status_of(sock) for sock in busy} == {200}

    def test_what_is_closed_does_not_wait_for_the_garbage_collector(self, running: Running) -> None:
        """With it went whatever it had been sending, minutes later."""
        closed = []
        gc.disable()
        try:
            for _ in range(3 * REQUEST_THREADS):
                with running.connect() as sock:
                    sock.sendall(GET % b"/")
                    assert status_of(sock) == 200
                    closed += map(weakref.ref, running.server._server.channels())
                wait_until(lambda: not running.channels())
            # A thread keeps the last one that it has served.
            wait_until(lambda: sum(ref() is not None for ref in closed) <= REQUEST_THREADS)
        finally:
            gc.enable()


class TestThreads:
    def test_whoever_waits_for_long_answers_keeps_threads_from_nobody_else(
        self, running: Running, crowd: Callable[..., list[socket.socket]]
    ) -> None:
        busy = crowd(FLOOD, 2 * REQUEST_THREADS, GET % b"/wait")
        for _ in range(MOST_OF_ONE):
            assert running.app.entered.acquire(timeout=PATIENCE)
        assert running.ask(b"/", ANOTHER) == b"0"
        assert not running.app.entered.acquire(blocking=False)
        running.app.gate.set()
        assert {status_of(sock) for sock in busy} == {200}


class TestUnreadAnswers:
    def test_of_requests_in_one_piece(self, running: Running) -> None:
        with running.connect(receive_buffer=4096) as sock:
            sock.sendall(GET % b"/long" * 30)
            wait_until(lambda: self.unread(running) > len(LONG))  # the second one is written
            assert self.unread(running) < 2 * PATIENT.unread_each_bytes + 10_000
            answers = [read_answer(sock) for _ in range(2)]
            assert [body for _, _, body in answers] == [LONG, LONG]
            assert "connection: close" in answers[-1][1]
            assert sock.recv(1) == b""

    def test_of_many_clients(self) -> None:
        limits = ConnectionLimits(
            window_seconds=300, sweep_seconds=0.05, unread_bytes=5 * len(LONG)
        )
        with serving(limits) as running, contextlib.ExitStack() as stack:
            reading = stack.enter_context(running.connect(ANOTHER, receive_buffer=4096))
            reading.sendall(GET % b"/long")
            wait_until(lambda: self.unread(running))
            for _ in range(20):
                sock = stack.enter_context(running.connect(FLOOD, receive_buffer=4096))
                sock.sendall(GET % b"/long")
            wait_until(lambda: running.channels() < 8)
            wait_until(lambda: self.unread(running) < limits.unread_bytes)
            assert read_answer(reading)[2] == LONG

    def test_that_are_given_up(self, running: Running) -> None:
        """As `service.http.large_responses` does it, when there is no memory for others."""
        with running.connect(receive_buffer=4096) as sock:
            sock.sendall(GET % b"/long")
            wait_until(lambda: self.unread(running))
            (channel,) = running.server._server.channels()
            channel.abandon()
            wait_until(lambda: not running.channels())

    def unread(self, running: Running) -> int:
        return sum(channel.unread_bytes for channel in running.server._server.channels())


class TestBodies:
    def test_the_temporary_directory_is_not_theirs(
        self, running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
        with running.connect() as sock:
            sock.sendall(POST % len(LONG) + LONG)
            assert read_answer(sock)[2] == b"%d" % len(LONG)

    def test_one_client_cannot_have_all_the_memory(self) -> None:
        """Whoever sends most is refused; the others are not."""
        limits = ConnectionLimits(window_seconds=300, sweep_seconds=0.05, body_bytes=1)
        with serving(limits) as running, contextlib.ExitStack() as stack:
            flood = [stack.enter_context(running.connect(FLOOD)) for _ in range(10)]
            for sock in flood:
                sock.sendall(POST % len(LONG))
                with contextlib.suppress(ConnectionError):  # refused already
                    sock.sendall(LONG[:-1])
            # Two of the longest fit, and one client has half of that.
            wait_until(lambda: self.arriving(running) <= 1)
            with running.connect(ANOTHER) as sock:
                sock.sendall(POST % len(LONG) + LONG)
                assert read_answer(sock)[2] == b"%d" % len(LONG)
            (kept,) = self.whose_bodies_arrive(running)
            for sock in flood:
                if sock.getsockname()[1] == kept:
                    sock.sendall(b"x")
                    assert read_answer(sock)[2] == b"%d" % len(LONG)
                else:
                    status, header, body = read_answer(sock)
                    assert (status, b"too-many-bodies" in body) == (503, True)
                    assert "retry-after: " in header

    def test_large_ones_are_answered_a_few_at_a_time(self, running: Running) -> None:
        with contextlib.ExitStack() as stack:
            request = POST.replace(b"/ ", b"/wait ") % len(LONG)
            large = [stack.enter_context(running.connect(FLOOD)) for _ in range(12)]
            for sock in large:
                sock.sendall(request + LONG)
            assert running.app.entered.acquire(timeout=PATIENCE)
            wait_until(lambda: sum(bool(one.requests) for one in self.channels(running)) == 12)
            assert not running.app.entered.acquire(blocking=False)
            # Another client does not wait for all of that.
            large.append(stack.enter_context(running.connect(ANOTHER)))
            large[-1].sendall(request + LONG)
            assert running.app.entered.acquire(timeout=PATIENCE)
            assert running.ask() == b"0"
            assert not running.app.entered.acquire(blocking=False)
            running.app.gate.set()
            assert {read_answer(sock)[2] for sock in large} == {b"%d" % len(LONG)}

    def test_so_are_those_that_are_long_once_decoded(self, running: Running) -> None:
        request = POST.replace(b"/ ", b"/wait ").replace(b"Host", b"Content-Encoding: gzip\r\nHost")
        with contextlib.ExitStack() as stack:
            for _ in range(12):
                stack.enter_context(running.connect(FLOOD)).sendall(request % 1 + b"x")
            assert running.app.entered.acquire(timeout=PATIENCE)
            assert running.ask() == b"0"
            assert not running.app.entered.acquire(blocking=False)

    def arriving(self, running: Running) -> int:
        return len(self.whose_bodies_arrive(running))

    def whose_bodies_arrive(self, running: Running) -> list[int]:
        """By the port at the other end."""
        return [channel.addr[1] for channel in self.channels(running) if channel.arriving_bytes]

    def channels(self, running: Running) -> list[Channel]:
        return running.server._server.channels()
