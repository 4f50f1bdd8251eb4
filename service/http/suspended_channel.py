"""The server's part of `service.http.suspended`: a connection whose request no thread answers.

Waitress takes a request off its connection when its task returns. A task that raises instead, with
what waitress does not handle, leaves the request where it is: the connection is as busy as if the
task were still at work, no later request of it is begun, and the thread is free.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from waitress.buffers import OverflowableBuffer
from waitress.channel import HTTPChannel
from waitress.task import WSGITask

from service.http.suspended import ENVIRON_KEY, SuspendedError, SuspendedRequest, SuspensionListener

if TYPE_CHECKING:
    from waitress.parser import HTTPRequestParser

    from service.http.listener import Listener

_FRESH_BUFFER_BYTES: Final = 64 * 1024


class SuspendableTask(WSGITask):
    """A request that may be suspended."""

    channel: "SuspendableChannel"

    def get_environment(self) -> dict[str, object]:
        """The WSGI environment, with the way out in it."""
        environ: dict[str, object] = super().get_environment()
        self._suspended = environ[ENVIRON_KEY] = SuspendedRequest(self.channel)
        return environ

    def finish(self) -> None:
        """End the answer, unless it is to go on."""
        if self.environ is not None and self.environ["REQUEST_METHOD"] == "HEAD":
            # No body, so no last chunk of one either (RFC 9110, section 9.3.2).
            self.chunked_response = False
        elif self.content_length is None and self.has_body:
            if not self.wrote_header:
                self.write(b"")
            self._suspended.leave(is_chunked=self.chunked_response)
        super().finish()


class SuspendableChannel(HTTPChannel):
    """A connection whose first request may be suspended."""

    server: "Listener"
    group: str
    """The client, as far as addresses tell clients apart."""
    _listener: SuspensionListener | None = None
    _is_streaming = False
    is_abandoned = False
    """Whether the client has read too little for too long; the loop's thread closes then."""

    # --- the thread of the request ----------------------------------------------------------

    def service(self) -> None:
        """Process the first request, or suspend it."""
        try:
            super().service()
        except SuspendedError as parked:
            self._is_streaming = True
            self._listener = parked.listener
            _forget_body(self.requests[0])
            parked.begin()
            self._tell(parked.listener)
            self.server.pull_trigger()  # it waits for something else now

    @contextmanager
    def wait(self, listener: SuspensionListener) -> Iterator[None]:
        """Start another thread while this one waits; see `SuspendedRequest.wait`."""
        request = self.requests[0]
        with self.server.one_more_thread(self):
            _forget_body(request)
            self._listener = listener
            self._tell(listener)
            try:
                yield
            finally:
                self._listener = None

    def _tell(self, listener: SuspensionListener) -> None:
        # Either may have happened before the listener was set.
        if not self.connected:
            listener.left()
        elif self.is_draining:
            listener.drain()

    # --- called by listeners, from any thread -------------------------------------------------

    def write_now(self, data: bytes) -> bool:
        """Queue more of a streamed answer, however much waits already; False: the client is gone.

        The parent's `write_soon` waits for a slow reader. Here the loop's thread sends, and whoever
        writes for many clients waits for none of them.
        """
        with self.outbuf_lock:
            if not self.connected:
                return False
            # Of a buffer that is written behind what is read of it, nothing is freed before its
            # end.
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
        """A streamed answer is complete."""
        with self.requests_lock:  # type: ignore[attr-defined]  # lacks in the stubs
            self._listener = None
            self.close_when_flushed = True
            for request in self.requests:
                request.close()
            self.requests = []
        if self.connected:
            self.server.pull_trigger()

    def abandon(self) -> None:
        """Close soon: what the client does not read takes too much memory."""
        self.is_abandoned = True

    # --- the loop's thread ------------------------------------------------------------------

    is_draining = False
    """Whether the server is about to stop."""

    @property
    def is_parked(self) -> bool:
        """Whether the first request is."""
        return self._listener is not None

    @property
    def is_streaming(self) -> bool:
        """Whether it is, and its answer under way."""
        return self._listener is not None and self._is_streaming

    def is_left_waiting(self) -> bool:
        """Whether the client of a request that waits has closed its side. Nothing is received
        meanwhile, and the loop does not see that.
        """
        if not self.is_parked or self.is_streaming or self.socket is None:
            return False
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def begin_drain(self) -> None:
        """The server drains: end the suspended request."""
        self.is_draining = True
        listener = self._listener
        if listener is not None:
            listener.drain()

    def readable(self) -> bool:
        """Whether to look for bytes, or for the end of the connection."""
        # Nothing more is answered behind a stream; but only so it is seen that the client leaves.
        return self.is_streaming or bool(super().readable())

    def received(self, data: bytes) -> bool:
        """Take what came; behind a stream nothing counts, as it ends with the connection."""
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
