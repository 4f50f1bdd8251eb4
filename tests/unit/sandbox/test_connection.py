"""One connection over a real socket, in this process."""

import asyncio
import contextlib
import socket

import pytest

from sandbox import connection, server
from sandbox.answers import Later, Performance
from sandbox.event_log import finish_log
from sandbox.http_message import RequestError, Response

GET = b"GET /%s HTTP/1.1\r\nHost: h\r\n\r\n"
PATIENCE_SECONDS = 20


@pytest.fixture
def exchange():
    """Serve with a handler and run a client against it; returns what the client returns."""

    def run(handle, client):
        async def both():
            listener = socket.create_server(("127.0.0.1", 0))
            port = listener.getsockname()[1]
            stop = asyncio.Event()
            serving = asyncio.create_task(server.serve(listener, handle, stop))
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                async with asyncio.timeout(PATIENCE_SECONDS):
                    return await client(reader, writer)
            finally:
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()
                stop.set()
                await serving

        return asyncio.run(both())

    return run


def echo(request):
    return Response(200, request.path.encode() + request.body, "text/plain")


def sending(data):
    """A client that sends `data`, then reads to the end."""

    async def client(reader, writer):
        writer.write(data)
        return await reader.read()

    return client


def bodies(data):
    return [part.split(b"\r\n\r\n", 1)[1] for part in data.split(b"HTTP/1.1 ")[1:]]


LAST = b"GET /last HTTP/1.1\r\nConnection: close\r\n\r\n"


def test_one_connection_serves_many_requests_in_order(exchange):
    data = exchange(echo, sending(GET % b"a" + GET % b"b" + LAST))
    assert bodies(data) == [b"/a", b"/b", b"/last"]


def test_a_head_request_gets_no_body(exchange):
    data = exchange(echo, sending(b"HEAD /x HTTP/1.1\r\nConnection: close\r\n\r\n"))
    assert b"Content-Length: 2" in data
    assert bodies(data) == [b""]


def test_a_late_answer_does_not_overtake(exchange):
    async def late():
        await asyncio.sleep(0.05)
        return Response(200, b"late", "text/plain")

    def handle(request):
        return Later(late) if request.path == "/a" else echo(request)

    data = exchange(handle, sending(GET % b"a" + GET % b"b" + LAST))
    assert bodies(data) == [b"late", b"/b", b"/last"]


def test_large_answers_wait_for_the_reader(exchange):
    def handle(request):
        return Response(200, b"x" * 3_000_000, "text/plain")

    data = exchange(handle, sending(GET % b"a" * 5 + LAST))
    assert [len(body) for body in bodies(data)] == [3_000_000] * 6


def test_a_performance_waits_for_the_reader_and_ends_the_connection(exchange):
    async def play(wire):
        for _ in range(40):
            await wire.send(b"y" * 200_000)

    data = exchange(lambda _request: Performance(play), sending(GET % b"a" + GET % b"b"))
    assert len(data) == 8_000_000


def test_a_reset_reaches_the_client(exchange):
    async def play(wire):
        wire.reset()

    with pytest.raises(ConnectionResetError):
        exchange(lambda _request: Performance(play), sending(GET % b"a"))


def test_an_error_of_ones_own_is_a_500_and_logged(exchange, capfd):
    def handle(request):
        raise ZeroDivisionError if request.path == "/a" else RequestError(400, "Not so.")

    data = exchange(handle, sending(GET % b"a" + LAST))
    assert data.startswith(b"HTTP/1.1 500 ")
    assert data.endswith(b"\r\n\r\nNot so.\n")
    finish_log()
    assert "ZeroDivisionError" in capfd.readouterr().out


@pytest.mark.parametrize("kind", [Later, Performance])
def test_an_error_in_a_late_answer_is_a_500_and_logged(exchange, capfd, kind):
    async def fail(*_wire):
        raise ZeroDivisionError

    def handle(request):
        return kind(fail) if request.path == "/a" else echo(request)

    data = exchange(handle, sending(GET % b"a" + LAST))
    assert data.startswith(b"HTTP/1.1 500 ")
    assert data.endswith(b"/last")
    finish_log()
    assert "ZeroDivisionError" in capfd.readouterr().out


def test_a_refusal_is_read_although_more_was_sent(exchange):
    async def client(reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 5_000_000)
        return await reader.read()

    data = exchange(echo, client)
    assert data.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close" in data


def test_a_client_that_asks_first_is_told_to_go_on(exchange):
    async def client(reader, writer):
        writer.write(b"POST /x HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"ok" + LAST)
        return first, await reader.read()

    first, rest = exchange(echo, client)
    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert bodies(rest) == [b"/xok", b"/last"]


@pytest.fixture
def hurried(monkeypatch):
    """All deadlines are over at once, and looked at often."""
    for name in ("REQUEST", "IDLE", "ANSWER", "STALLED", "DISCARD"):
        monkeypatch.setattr(connection, f"{name}_SECONDS", 0.1)
    monkeypatch.setattr(server, "_WATCH_SECONDS", 0.02)


def test_a_request_that_takes_too_long_is_told_so(exchange, hurried):
    async def client(reader, writer):
        writer.write(b"GET / HT")
        return await reader.read()

    assert exchange(echo, client).startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_is_ended(exchange, hurried):
    async def client(reader, writer):
        writer.write(GET % b"a")
        first = await reader.readuntil(b"/a")
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        return first

    assert exchange(echo, client).startswith(b"HTTP/1.1 200 ")


def test_an_answer_that_is_late_for_ever_is_ended(exchange, hurried):
    async def never(*_wire):
        await asyncio.sleep(3600)

    async def client(reader, writer):
        writer.write(GET % b"a")
        with contextlib.suppress(ConnectionResetError):
            return await reader.read()
        return b""

    assert exchange(lambda _request: Performance(never), client) == b""


def test_a_client_that_takes_nothing_is_cut_off(exchange, hurried, monkeypatch):
    size = 50_000_000
    cut = asyncio.Event()

    class Watched(connection.Connection):
        def connection_lost(self, error):
            super().connection_lost(error)
            cut.set()

    monkeypatch.setattr(server, "Connection", Watched)

    async def client(reader, writer):
        writer.transport.pause_reading()
        writer.write(GET % b"a")
        await cut.wait()  # nothing has been read until then
        writer.transport.resume_reading()
        with contextlib.suppress(ConnectionResetError):
            return await reader.read()
        return b""

    data = exchange(lambda _request: Response(200, b"x" * size, "text/plain"), client)
    assert len(data) < size


def test_a_client_that_leaves_ends_the_work_for_it(exchange):
    ended = asyncio.Event()

    async def long(wire):
        try:
            await wire.send(b"x")
            await asyncio.sleep(3600)
        finally:
            ended.set()

    async def client(reader, writer):
        writer.write(GET % b"a")
        await reader.readexactly(1)
        writer.close()
        await ended.wait()

    exchange(lambda _request: Performance(long), client)


def test_what_is_sent_ahead_waits_and_is_answered(exchange):
    async def late():
        await asyncio.sleep(0.1)
        return Response(200, b"late", "text/plain")

    def handle(request):
        return Later(late) if request.path == "/a" else echo(request)

    body = b"y" * 2_000_000
    ahead = b"POST /b HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    data = exchange(handle, sending(GET % b"a" + ahead + LAST))
    assert bodies(data) == [b"late", b"/b" + body, b"/last"]
