"""A client's connection: waitress's channel, with these changes.

- A refused client is often still sending. Closing then resets the connection, and the response may
  be lost; so the sending side is closed first, and received data is dropped for a while (RFC 9112,
  section 9.6).
- While the server drains, responses have `Connection: close`, and a connection is closed only when
  the client's machine has acknowledged all data: in a container the network ends together with the
  process, and unsent data is lost.
- The head of a request has a deadline from its first to its last byte. Waitress limits only the
  time between two bytes, so that a head of one byte per second never times out. Bodies and
  responses have a minimum rate.
- A connection stays open after 204 and 304, which clients that poll get again and again.
- All durations are measured by the monotonic clock; waitress would close all connections when the
  wall clock is set.
"""

import fcntl
import socket
import struct
import sys
import termios
from typing import TYPE_CHECKING, Any, Final

from waitress.buffers import ReadOnlyFileBasedBuffer

from service.http.connection_limits import MinimumRate
from service.http.refused_request import RefusedTask
from service.http.request_parser import DroppedRequest, RequestParser
from service.http.suspended import SuspendableChannel, SuspendableTask
from service.problems.problems import Problem

if TYPE_CHECKING:
    from waitress.adjustments import Adjustments

SENT_AT_ONCE: Final = 128 * 1024  # bytes


class _AppTask(SuspendableTask):
    """A request for the application."""

    channel: "Channel"
    _ends_by_itself = False

    def build_response_header(self) -> bytes:
        channel = self.channel
        # Pipelined requests after this one still need responses.
        is_last = len(channel.requests) == 1
        is_end = channel.is_draining or channel.is_cut if is_last else self._is_unread_too_much()
        told = str((self.environ or {}).get("HTTP_CONNECTION", "")).lower()
        wants_end = self.version == "1.0" or told == "close"
        if is_end:
            self.set_close_on_finish()
        elif not self.has_body and not wants_end:
            self._ends_by_itself = True
        return super().build_response_header()

    def set_close_on_finish(self) -> None:
        """Close after the response. The parent does that after any without a length; 204 and 304
        end with their head (RFC 9112, section 6.3).
        """
        if not self._ends_by_itself:
            super().set_close_on_finish()

    def _is_unread_too_much(self) -> bool:
        # The client may repeat requests without a response (RFC 9112, section 9.3.2).
        unread = self.channel.total_outbufs_len + (self.content_length or 0)
        return unread > self.channel.server.limits.unread_each_bytes


class Channel(SuspendableChannel):
    """A connection. `handle_close` closes it; a lingering one is closed by a second call."""

    task_class = _AppTask
    error_task_class = RefusedTask  # type: ignore[assignment]  # an ErrorTask in the stubs

    is_refused = False
    is_cut = False
    """Whether pipelined requests beyond the maximum were dropped."""
    is_for_health = False
    """Whether only health checks are allowed, as there are too many connections."""
    _is_served_in_loop = False
    _is_half_closed = False
    _linger_until = 0.0

    def __init__(self, *args: Any, **keywords: Any) -> None:  # noqa: ANN401 - the parent's
        super().__init__(*args, **keywords)
        self._clock = self.server.clock
        self.waiting_since: float = self._clock()
        """Monotonic time since which there has been no complete request."""
        self._active_at: float = self.waiting_since  # the last received or sent byte
        self._timed_request: object = None
        self._request_since = self.waiting_since  # the first byte of that one
        # The default is the size of the kernel's buffer, and as much is copied for each send.
        self.sendbuf_len = SENT_AT_ONCE
        limits = self.server.limits
        self._sent_bytes = 0
        self._receiving = MinimumRate(limits.bytes_per_second, limits.window_seconds)
        self._sending = MinimumRate(limits.bytes_per_second, limits.window_seconds)
        self.group = self.server.group_of(self.addr)

    @property
    def idle_since(self) -> float | None:
        """Monotonic time since which there has been no request, or its response is not read.
        None during a request.
        """
        if self.total_outbufs_len and (self.is_streaming or not self.requests):
            return self._active_at
        return None if self.requests else self.waiting_since

    @property
    def body_bytes(self) -> int:
        """Memory of bodies in bytes, incomplete ones included."""
        arriving = 0 if self.request is None else self.request.body_bytes_received
        return arriving + sum(request.body_bytes_received for request in list(self.requests))

    @property
    def arriving_bytes(self) -> int:
        """Received bytes of the incomplete body, if its request can be refused now."""
        request = None if self.requests else self.request
        return 0 if request is None else request.body_bytes_received

    @property
    def unread_bytes(self) -> int:
        """Memory of unread responses in bytes, without those shared with other clients."""
        if not self.total_outbufs_len:
            return 0
        with self.outbuf_lock:
            own = (one for one in self.outbufs if not isinstance(one, ReadOnlyFileBasedBuffer))
            return sum(map(len, own))

    # --- receiving and sending --------------------------------------------------------------

    def parser_class(self, adjustments: "Adjustments") -> RequestParser:  # type: ignore[override]
        """Return the parser of the next request."""
        if len(self.requests) < self.server.limits.requests_ahead:
            return RequestParser(adjustments)
        self.is_cut = True
        return DroppedRequest(adjustments)

    def received(self, data: bytes) -> bool:
        """Parse data, or drop it after the last response."""
        self._active_at = self._clock()
        if self._is_half_closed:
            return False
        is_open = super().received(data)
        if self.request is not self._timed_request:
            self._timed_request = self.request
            self._request_since = self._clock()
            self._receiving.begin(0)
        self.server.received_body_bytes += len(data) if self.arriving_bytes else 0
        while self._is_served_in_loop:  # the next request may be such a one, too
            self._is_served_in_loop = False
            self.handle()
            self._flush_exception(self._flush_some, do_close=False)  # type: ignore[attr-defined]
        return is_open

    def serve_in_loop(self) -> None:
        """Handle the first request in the loop's thread, at the end of `received`."""
        self._is_served_in_loop = True

    def send(self, data: bytes, do_close: bool = True) -> int:  # noqa: FBT001, FBT002 - the parent's
        """Send without blocking; return the number of bytes sent."""
        sent: int = super().send(data, do_close)
        if sent:
            self._sent_bytes += sent
            self._active_at = self._clock()
        return sent

    def send_continue(self) -> None:
        """Send 100 Continue, unless there is no body or the request is refused already.

        The parent would wait for a body that the client does not send.
        """
        if self.request is not None and self.request.completed:
            self.request.expect_continue = False
            return
        with self.outbuf_lock:
            if self.connected:  # the client may have left during the previous request
                super().send_continue()

    def _flush_some(self, do_close: bool = True) -> bool:  # noqa: FBT001, FBT002 - the parent's
        # The parent's loop flushes without the lock when there is no request. A thread may send
        # 100 Continue for the next one at the same moment, and both would send it.
        with self.outbuf_lock:
            return bool(super()._flush_some(do_close))  # type: ignore[misc]  # lacks in the stubs

    # --- deadlines --------------------------------------------------------------------------

    def check_time_limits(self, seconds: float) -> None:
        """Close or refuse after a timeout. Called by the loop's thread, about once a second.

        Args:
            seconds: that count for the client since the last call.
        """
        now, limits = self._clock(), self.server.limits
        if self.is_abandoned or self._is_unread_too_long(seconds) or self.is_left_waiting():
            self.close_now()
        elif self.total_outbufs_len or self.requests:
            # No request is read meanwhile, so this time does not count for the client.
            self.waiting_since = self._request_since = now
        elif self._is_half_closed:
            self.will_close |= now > self._linger_until
        elif self._is_receiving:
            self._check_request(now, seconds)
        else:
            self._request_since = now  # not at the empty lines before it
            self.will_close |= now - self.waiting_since > limits.idle_seconds

    def _is_unread_too_long(self, seconds: float) -> bool:
        # Data in the kernel's buffers does not count: they accept megabytes at once, and then
        # nothing until a slow client has read these. If a thread sends at this moment, only one of
        # the two numbers may include its data: the difference is too low for once.
        taken = self._sent_bytes - self._unacknowledged_bytes()
        if self.total_outbufs_len:
            return self._sending.is_late(taken, seconds)
        self._sending.begin(taken)
        return False

    def _check_request(self, now: float, seconds: float) -> None:
        request, limits = self.request, self.server.limits
        if request is None or not request.headers_finished:
            is_late = now - self._request_since > limits.head_seconds
        else:
            is_late = self._receiving.is_late(request.body_bytes_received, seconds)
        if is_late:
            self.refuse(
                Problem(
                    "request-timeout",
                    "The request did not arrive whole in time. Send it again, without pauses.",
                )
            )

    @property
    def _is_receiving(self) -> bool:
        request = self.request
        # Empty lines between requests belong to none (RFC 9112, section 2.2).
        return request is not None and bool(request.headers_finished or request.header_plus.strip())

    def refuse(self, error: Problem) -> None:
        """Refuse the incomplete request, and drop its data."""
        with self.requests_lock:  # type: ignore[attr-defined]  # lacks in the stubs
            request = self.request
            if request is None:
                return
            request.close()
            request.body_bytes_received = 0
            request.error = error  # type: ignore[assignment]  # see `RequestParser`
            request.completed = True
            self.request = None
            self.requests = [request]
        self.server.add_task(self)

    # --- closing ----------------------------------------------------------------------------

    def handle_close(self) -> None:
        """Close, or only the sending side at first."""
        lingers = (self.is_refused or self.is_draining) and not self.is_suspended
        if lingers and not self._is_half_closed and not self.total_outbufs_len:
            self._is_half_closed = True
            if self._close_sending_side():
                return
        super().handle_close()

    def close_now(self) -> None:
        self._is_half_closed = True
        self.handle_close()

    def is_quiet(self, seconds: float) -> bool:
        """Return whether there is no request or unread data, and was no activity for `seconds`."""
        is_busy = self.requests or self.total_outbufs_len or self._unacknowledged_bytes()
        return not is_busy and self._active_at < self._clock() - seconds

    def _close_sending_side(self) -> bool:
        if self.socket is None:
            return False
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:  # the client is gone
            return False
        self.will_close = False
        self._linger_until = self._clock() + self.server.limits.linger_seconds
        return True

    def _unacknowledged_bytes(self) -> int:
        # On Linux TIOCOUTQ is SIOCOUTQ (tcp(7)); elsewhere it does not apply to sockets.
        if self.socket is None or sys.platform != "linux":
            return 0
        try:
            count = fcntl.ioctl(self.socket, termios.TIOCOUTQ, struct.pack("i", 0))
        except (OSError, ValueError):  # a thread has closed it; the loop must go on
            return 0
        return int(struct.unpack("i", count)[0])
