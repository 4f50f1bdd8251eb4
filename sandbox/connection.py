"""One connection: bytes in, requests to the application, answers out."""

import asyncio
import socket
import struct
from collections.abc import Callable, MutableSet
from http import HTTPStatus
from typing import cast

from sandbox.answers import Answer, Later, Performance
from sandbox.event_log import log_internal_error
from sandbox.http_message import Request, RequestError, Response, problem
from sandbox.request_reader import RequestReader

REQUEST_SECONDS = 60.0  # for a whole request, from its first byte
IDLE_SECONDS = 300.0  # between requests; clients keep their connections over a pause
ANSWER_SECONDS = 900.0  # for an answer that is late or slow on purpose
STALLED_SECONDS = 60.0  # for a client that stopped taking its answer
DISCARD_SECONDS = 2.0  # for the rest of a request that was refused before its end

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # struct linger: on, no time (socket(7))
_MAX_AHEAD_BYTES = 64 * 1024  # sent before the answer to an earlier request is out
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

Handler = Callable[[Request], Answer]


class Connection(asyncio.BufferedProtocol):
    """Serves one client, one request after the other.

    Args:
        handle: the application.
        connections: holds every open connection, for whoever watches their deadlines.
        inlet: where the event loop puts what it receives. All connections can share it, as it is
            emptied at once; a new one for each read would cost more than the reading.
    """

    def __init__(
        self, handle: Handler, connections: "MutableSet[Connection]", inlet: memoryview
    ) -> None:
        self._handle = handle
        self._connections = connections
        self._inlet = inlet
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._reader = RequestReader()
        self._task: asyncio.Task[None] | None = None
        self._room: asyncio.Event | None = None  # set while more may be written
        self._writable = True
        self._discarding = False
        self._unsent = 0
        self._deadline = self._loop.time() + REQUEST_SECONDS

    # --- called by the event loop; it has set TCP_NODELAY already --------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        del error  # a client that is gone is nothing to complain about
        self._connections.discard(self)
        if self._task is not None:
            self._task.cancel()

    def get_buffer(self, sizehint: int) -> memoryview:
        del sizehint
        return self._inlet

    def buffer_updated(self, nbytes: int) -> None:
        if self._discarding:
            return
        if self._reader.idle:
            self._deadline = self._loop.time() + REQUEST_SECONDS
        self._reader.feed(self._inlet[:nbytes])
        self._serve()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        if self._room is not None:
            self._room.set()
        elif self._task is None:
            self._serve()

    # --- called by the server ---------------------------------------------------------------------

    def check_deadline(self, now: float) -> None:
        """End the connection if it is too late for what it is doing."""
        if now < self._deadline:
            return
        unsent = self._transport.get_write_buffer_size()
        if unsent and unsent != self._unsent and self._task is None:
            self._unsent = unsent
            self._deadline = now + STALLED_SECONDS
        elif unsent or self._task is not None or self._discarding or self._reader.idle:
            self._transport.abort()
        else:
            self._refuse(RequestError(HTTPStatus.REQUEST_TIMEOUT, "The request took too long."))

    def abort(self) -> None:
        self._transport.abort()

    # --- requests ---------------------------------------------------------------------------------

    def _serve(self) -> None:
        """Answer the requests that are whole, as far as the client takes the answers."""
        while self._task is None and self._writable and not self._transport.is_closing():
            try:
                request = self._reader.next()
                if request is None:
                    break
                answer = self._answer(request)
            except RequestError as error:
                self._refuse(error)
                return
            if isinstance(answer, Response):
                self._send(request, answer)
            else:
                self._task = self._loop.create_task(self._play(request, answer))
                self._deadline = self._loop.time() + ANSWER_SECONDS
        if self._reader.take_expectation():
            self._transport.write(_CONTINUE)
        answering = self._task is not None or not self._writable
        if answering and self._reader.waiting_bytes > _MAX_AHEAD_BYTES:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()  # the only way to notice that a client leaves

    def _answer(self, request: Request) -> Answer:
        try:
            return self._handle(request)
        except RequestError:
            raise
        except Exception as error:  # noqa: BLE001 - one request must not end the process
            return self._internal_error(request, error)

    def _send(self, request: Request, response: Response) -> None:
        self._transport.write(
            response.encode(keep_alive=request.keep_alive, with_body=request.method != "HEAD")
        )
        if request.keep_alive:
            self._deadline = self._loop.time() + IDLE_SECONDS
        else:
            self._deadline = self._loop.time() + STALLED_SECONDS
            self._transport.close()

    async def _play(self, request: Request, answer: Later | Performance) -> None:
        try:
            if isinstance(answer, Later):
                response = await answer.prepare()
            else:
                await answer.play(self)
                self._transport.close()
                return
        except Exception as error:  # noqa: BLE001 - one request must not end the process
            response = self._internal_error(request, error)
        self._task = None
        self._send(request, response)
        self._serve()

    def _internal_error(self, request: Request, error: Exception) -> Response:
        log_internal_error(error, method=request.method, path=request.path[:200])
        return problem(500, "The sandbox met an internal error; its log has the details.")

    def _refuse(self, error: RequestError) -> None:
        """Answer and end the connection.

        What the client is still sending is read and dropped for a moment: closing at once would
        reset the connection, and the answer could be lost with it (RFC 9112, section 9.6).
        """
        self._transport.write(problem(error.status, error.message).encode(keep_alive=False))
        self._transport.write_eof()
        self._discarding = True
        self._deadline = self._loop.time() + DISCARD_SECONDS
        self._transport.resume_reading()

    # --- the wire of a performance ----------------------------------------------------------------

    async def send(self, data: bytes) -> None:
        """See `Wire.send`."""
        self._transport.write(data)
        if not self._writable:
            self._room = asyncio.Event()
            await self._room.wait()
            self._room = None

    def reset(self) -> None:
        """See `Wire.reset`."""
        own: socket.socket = self._transport.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()
