"""Suspended requests: long responses that hold no thread of the pool.

The web server has a few threads, and a request holds one until its response is complete. A
suspended request releases it:

- `SuspendableChannel.stream`: the response has begun, and continues piece by piece (server-sent
  events). Its connection stays open, at the cost of an idle one.
- `SuspendableChannel.wait`: there is nothing to send yet. The thread waits, and another one is
  started for that time. So only few requests may wait.

A handler gets the channel of its request from `suspended_request_of`. Its listener is notified when
the client has left or the server drains, and must then end the request at once.

Waitress removes a request from its connection when its task returns. A task that raises an error
which waitress does not handle leaves the request there: the connection counts as busy, no later
request of it begins, and the thread is free.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol, cast

from waitress.buffers import OverflowableBuffer
from waitress.channel import HTTPChannel
from waitress.task import WSGITask

if TYPE_CHECKING:
    from waitress.parser import HTTPRequestParser

    from service.http.dispatchers import Threads
    from service.http.listener import Listener

ENVIRON_KEY: Final = "imgup.suspended"

_SLACK_BYTES: Final = 512 * 1024
"""Limit of unread bytes of a stream, besides the beginning of the response."""

_FRESH_BUFFER_BYTES: Final = 64 * 1024


class SuspensionListener(Protocol):
    """The listener of a suspended request. Called by the server's thread, so it must not block."""

    def left(self) -> None:
        """The client has left. May be called several times, and before the stream begins."""

    def drain(self) -> None:
        """The server drains: the request must end soon. May be called several times."""


class _SuspendedError(BaseException):
    """Suspends a request by leaving its thread. Not an `Exception`, so that no handler catches it.

    Args:
        listener: of the request.
        begin: called when it is suspended.
    """


class SuspendableTask(WSGITask):
    channel: "SuspendableChannel"

    def get_environment(self) -> dict[str, object]:
        """Return the WSGI environment, with the channel."""
        environ: dict[str, object] = super().get_environment()
        environ[ENVIRON_KEY] = self.channel
        self.channel.streaming = None  # that of a request whose handler has failed
        return environ

    def finish(self) -> None:
        """End the response, or suspend the request if it continues."""
        if not self.wrote_header:
            self.write(b"")
        if self.environ is not None and self.environ["REQUEST_METHOD"] == "HEAD":
            # No body, so no last chunk of one either (RFC 9110, section 9.3.2).
            self.chunked_response = False
        elif self.content_length is None and self.has_body and self.channel.streaming is not None:
            self.channel.is_chunked = self.chunked_response
            raise _SuspendedError(*self.channel.streaming)
        super().finish()


class SuspendableChannel(HTTPChannel):
    """A connection whose first request can be suspended."""

    server: "Listener"
    group: str
    """The client, as far as addresses distinguish clients."""
    threads: "Threads"
    """The pool of the first request."""
    streaming: tuple[SuspensionListener, Callable[[], None]] | None = None
    """The arguments of `stream`, until the request is suspended."""
    is_chunked = False
    """Whether a stream comes in chunks (RFC 9112, section 7.1), else until the connection ends."""
    _max_unread = 0
    _listener: SuspensionListener | None = None
    _is_streaming = False
    is_abandoned = False
    """Whether the client has read too little for too long; the loop's thread closes then."""
    is_draining = False
    """Whether the server is about to stop."""

    # --- the thread of the request ----------------------------------------------------------

    def service(self) -> None:
        """Process the first request in a thread of its pool."""
        threads = self.threads  # that of the next request may be another
        try:
            self.handle()
        finally:
            threads.release(self.group)

    def handle(self) -> None:
        """Process the first request, or suspend it."""
        try:
            super().service()
        except _SuspendedError as suspended:
            listener, begin = suspended.args
            self._is_streaming = True
            self._listener, self.streaming = listener, None
            self._max_unread = self.total_outbufs_len + _SLACK_BYTES
            _forget_body(self.requests[0])
            begin()
            self._notify(listener)
            self.server.pull_trigger()  # the loop must poll for other events now

    def stream(self, listener: SuspensionListener, begin: Callable[[], None]) -> None:
        """Continue the response after the handler has returned and its body, without a length, is
        queued: by `send_piece`, until `end_stream`. Both are called by one thread at a time.

        Args:
            listener: of the request.
            begin: called when that is possible, by the request's thread; must not block.
        """
        self.streaming = listener, begin

    @contextmanager
    def wait(self, listener: SuspensionListener) -> Iterator[None]:
        """While entered, another thread replaces the calling one, which waits.

        The body, which must have been read, is dropped. On `drain` the listener must end the wait.

        Raises:
            NoThreadError: the request cannot wait, as the system has no thread for others.
        """
        with self.threads.one_more(self.group):
            _forget_body(self.requests[0])
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

    # --- any thread -------------------------------------------------------------------------

    def send_piece(self, data: bytes) -> bool:
        """Send data of a stream without blocking.

        Returns:
            False if the client has left, or its unread data exceeds the limit.
        """
        if self.total_outbufs_len > self._max_unread:
            self.abandon()
            return False
        return self._queue(b"%x\r\n%b\r\n" % (len(data), data) if self.is_chunked else data)

    def _queue(self, data: bytes) -> bool:
        """Queue data of a stream; return False if the client has left.

        The parent's `write_soon` waits for a slow reader. Here the loop's thread sends, so that a
        thread that writes to many clients waits for none of them.
        """
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

    def end_stream(self) -> None:
        """End the response; the connection closes when all data is read."""
        if self.is_chunked:
            self._queue(b"0\r\n\r\n")
        with self.requests_lock:  # type: ignore[attr-defined]  # lacks in the stubs
            self._listener = None
            self.close_when_flushed = True
            for request in self.requests:
                request.close()
            self.requests = []
        if self.connected:
            self.server.pull_trigger()

    def abandon(self) -> None:
        """Close the connection soon, even with unread data."""
        self.is_abandoned = True

    # --- the loop's thread ------------------------------------------------------------------

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
        super().handle_close()
        # After that: a thread that sets the listener notifies it itself if this has been closed.
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.left()


def suspended_request_of(environ: dict[str, object]) -> SuspendableChannel | None:
    """Return the channel of a request's WSGI environment; None under another server."""
    return cast("SuspendableChannel | None", environ.get(ENVIRON_KEY))


def _forget_body(request: "HTTPRequestParser") -> None:
    """Free the body of a suspended request, which was read and may wait for minutes."""
    if request.body_bytes_received:
        request.get_body_stream().truncate(0)
        request.body_bytes_received = 0
