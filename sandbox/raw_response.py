"""Responses that aiohttp does not send: truncated, reset, or a byte at a time."""

import asyncio
import socket
import struct
from http import HTTPStatus

from aiohttp import web

LABEL = {"X-Sandbox": "imgur-sandbox; not the real Imgur"}
_MAX_SECONDS = 900.0  # for a slow response to a slow client
_ARRIVAL_SECONDS = 0.05  # a reset right behind the data could overtake it in the peer's buffers
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # struct linger: on, no time (socket(7))


class RawResponse(web.StreamResponse):
    """Sends `first`, then `slow` a byte at a time with `seconds` after each, and then no more."""

    def __init__(
        self, first: bytes, slow: bytes = b"", seconds: float = 0.0, *, reset: bool = False
    ) -> None:
        super().__init__()
        self._first, self._slow, self._seconds, self._reset = first, slow, seconds, reset

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write everything; called by the server after the handler."""
        async with asyncio.timeout(_MAX_SECONDS):
            await request.writer.write(self._first)
            for at in range(len(self._slow)):
                await request.writer.write(self._slow[at : at + 1])
                await asyncio.sleep(self._seconds)
        if self._reset and request.transport is not None:
            await asyncio.sleep(_ARRIVAL_SECONDS)
            own = request.transport.get_extra_info("socket")
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            request.transport.abort()

    async def write_eof(self, data: bytes = b"") -> None:
        """Write nothing: no last chunk, and not the rest of a declared length."""


def encode_head(response: web.Response) -> bytes:
    """Return the status line and header fields of `response`, as the server would send them."""
    fields = LABEL | {"Content-Length": str(len(body_of(response)))} | dict(response.headers)
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")


def body_of(response: web.Response) -> bytes:
    """Return the body of a response if it is bytes."""
    return response.body if isinstance(response.body, bytes) else b""
