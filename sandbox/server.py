"""Accepts connections until told to stop, and watches that none stays for ever."""

import asyncio
import socket
from typing import Any

from sandbox.connection import Connection, Handler
from sandbox.event_log import log_event

BACKLOG = 1024
_WATCH_SECONDS = 1.0
_INLET_BYTES = 256 * 1024  # most that one read takes


async def serve(listener: socket.socket, handle: Handler, stop: asyncio.Event) -> None:
    """Serve on a listening socket until `stop` is set; open connections are cut then.

    Args:
        listener: bound and listening; closed on return.
        handle: turns a request into an answer; called on the event loop, so it must be quick.
        stop: ends the serving.
    """
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_loop_error)
    connections: set[Connection] = set()
    inlet = memoryview(bytearray(_INLET_BYTES))
    server = await loop.create_server(
        lambda: Connection(handle, connections, inlet), sock=listener, backlog=BACKLOG
    )
    try:
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), _WATCH_SECONDS)
            except TimeoutError:
                now = loop.time()
                for connection in list(connections):
                    connection.check_deadline(now)
    finally:
        server.close()
        for connection in list(connections):
            connection.abort()
        await asyncio.sleep(0)  # one turn of the loop, in which the sockets are closed


def _log_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Note what the event loop met outside of any request, such as too many open files."""
    error = context.get("exception")
    log_event(
        "sandbox event loop error",
        level="error",
        message=str(context.get("message")),
        error=None if error is None else repr(error),
    )
