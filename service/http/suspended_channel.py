"""Connections whose request can be suspended (`service.http.suspended`).

Waitress removes a request from its connection when its task returns. A task that raises an error
which waitress does not handle leaves the request there: the connection counts as busy, no later
request of it begins, and the thread is free.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from waitress.buffers import OverflowableBuffer
from waitress.channel import HTTPChannel
from waitress.task import WSGITask

from service.http.suspended import ENVIRON_KEY, Stream, SuspensionListener

if TYPE_CHECKING:
    from waitress.parser import HTTPRequestParser

    from service.http.listener import Listener

_FRESH_BUFFER_BYTES: Final = 64 * 1024


class _SuspendedError(BaseException):
    """Suspends a request by leaving its thread. Not an `Exception`, so that no handler catches it.

    Args:
        listener: of the request.
        begin: called when it is suspended.
    """

    def __init__(self, listener: SuspensionListener, begin: Callable[[], None]) -> None:
        super().__init__("suspended")
        self.listener = listener
        self.begin = begin


class SuspendableTask(WSGITask):
    """A request that can be suspended."""

    channel: "SuspendableChannel"

    def get_environment(self) -> dict[str, object]:
        """Return the WSGI environment, with the `SuspendedRequest`."""
        environ: dict[str, object] = super().get_environment()
        environ[ENVIRON_KEY] = self.channel
        self.channel.streaming = None  # that of a request whose handler has failed
        return environ

    def finish(self) -> None:
        """End the response, or suspend the request if it continues."""
        if self.environ is not None and self.environ["REQUEST_METHOD"] == "HEAD":
            # No body, so no last chunk of one either (RFC 9110, section 9.3.2).
            self.chunked_response = False
        elif self.content_length is None and self.has_body:
            if not self.wrote_header:
                self.write(b"")
            if self.channel.streaming is not None:
                listener, begin = self.channel.streaming
                stream = Stream(self.channel, is_chunked=self.chunked_response)
                raise _SuspendedError(listener, partial(begin, stream))
        super().finish()


class SuspendableChannel(HTTPChannel):
    """A connection whose first request can be suspended; a `SuspendedRequest`."""

    server: "Listener"
    group: str
    """The client, as far as addresses distinguish clients."""
    streaming: tuple[SuspensionListener, Callable[[Stream], None]] | None = None
    """The arguments of `stream`, until the request is suspended."""
    _listener: SuspensionListener | None = None
    _is_streaming = False
    is_abandoned = False
    """Whether the client has read too little for too long; the loop's thread closes then."""

    # --- the thread of the request ----------------------------------------------------------

    def service(self) -> None:
        """Process the first request, or suspend it."""
        try:
            super().service()
        except _SuspendedError as suspended:
            self._is_streaming = True
            self._listener, self.streaming = suspended.listener, None
            _forget_body(self.requests[0])
            suspended.begin()
            self._notify(suspended.listener)
            self.server.pull_trigger()  # the loop must poll for other events now

    def stream(self, listener: SuspensionListener, begin: Callable[[Stream], None]) -> None:
        self.streaming = listener, begin

    @contextmanager
    def wait(self, listener: SuspensionListener) -> Iterator[None]:
        request = self.requests[0]
        with self.server.one_more_thread(self):
            _forget_body(request)
            self._listener = listener
            self._notify(listener)
            try:
                yield
            finally:
                self._listener = None

    def _notify(self, listener: SuspensionListener) -> None:
        # Either may have happened before the listener was set.
        if not self.connected:
            listener.left()
        elif self.is_draining:
            listener.drain()

    # --- called by listeners, from any thread -------------------------------------------------

    def write_now(self, data: bytes) -> bool:
        # The parent's `write_soon` waits for a slow reader. Here the loop's thread sends, so that a
        # thread that writes to many clients waits for none of them.
        with self.outbuf_lock:
            if not self.connected:
                return False
            # A buffer frees nothing before all of it is read.
            if self.current_outbuf_count > _FRESH_BUFFER_BYTES:
                fresh = OverflowableBuffer(self.adj.outbuf_overflow)
                self.outbufs.append(fresh)  # type: ignore[attr-defined]  # a list
                self.current_outbuf_count = 0
            self.outbufs[-1].append(data)
            self.current_outbuf_count += len(data)
            self.total_outbufs_len += len(data)
        self.server.pull_trigger()
        return True

    def end_suspended(self) -> None:
        with self.requests_lock:  # type: ignore[attr-defined]  # lacks in the stubs
            self._listener = None
            self.close_when_flushed = True
            for request in self.requests:
                request.close()
            self.requests = []
        if self.connected:
            self.server.pull_trigger()

    def abandon(self) -> None:
        self.is_abandoned = True

    # --- the loop's thread ------------------------------------------------------------------

    is_draining = False
    """Whether the server is about to stop."""

    @property
    def is_suspended(self) -> bool:
        """Whether the first request is suspended."""
        return self._listener is not None

    @property
    def is_streaming(self) -> bool:
        """Whether it is suspended, and its response has begun."""
        return self._listener is not None and self._is_streaming

    def is_left_waiting(self) -> bool:
        """Return whether the client of a waiting request has closed its side. The loop receives
        nothing meanwhile, so it does not detect that.
        """
        if not self.is_suspended or self.is_streaming or self.socket is None:
            return False
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def begin_drain(self) -> None:
        """Notify the listener that the server drains."""
        self.is_draining = True
        listener = self._listener
        if listener is not None:
            listener.drain()

    def readable(self) -> bool:
        """Return whether to poll for data, or for the end of the connection."""
        # No request is answered after a stream; but polling detects that the client leaves.
        return self.is_streaming or bool(super().readable())

    def received(self, data: bytes) -> bool:
        """Receive data; it is dropped after a stream, which ends with the connection."""
        return not self.is_streaming and bool(super().received(data))

    def handle_close(self) -> None:
        """Close, and notify the listener."""
        listener, self._listener = self._listener, None
        super().handle_close()
        if listener is not None:
            listener.left()


def _forget_body(request: "HTTPRequestParser") -> None:
    """Free the body of a suspended request, which was read and may wait for minutes."""
    if request.body_bytes_received:
        request.get_body_stream().truncate(0)
        request.body_bytes_received = 0
