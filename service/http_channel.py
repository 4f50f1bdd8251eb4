"""One client's connection: waitress's own, with some habits added.

- A refused client is often still sending. To close then resets the connection, and the answer may
  be lost with it; so the sending side is closed first, and what still comes is dropped for a
  while (RFC 9112, section 9.6).
- While the server drains, answers say that the connection closes, and a connection is closed only
  when the client's machine has acknowledged all of it: in a container the network goes away
  together with the process, and unsent data with it.
- A request has a deadline from its first byte to its last. Waitress alone counts the silence
  between two bytes, and a head that drips a byte a second is never late.
- All of it goes by the monotonic clock; waitress would close everybody when the clock is set.
"""

import fcntl
import socket
import struct
import sys
import termios
import time
from typing import TYPE_CHECKING, Any

from service.client_address import client_group
from service.parking_channel import ParkingChannel, ParkingTask
from service.refused_request import ProblemTask, RequestTimeoutError
from service.request_parser import RequestParser

if TYPE_CHECKING:
    from service.listener import Listener


class _AppTask(ParkingTask):
    """A request that the application answers."""

    channel: "Channel"

    def build_response_header(self) -> bytes:
        # Requests that came in one piece behind this one are still to be answered.
        is_last = len(self.channel.requests) == 1
        if self.channel.is_draining if is_last else self._would_fill_buffers():
            self.set_close_on_finish()
        return super().build_response_header()

    def _would_fill_buffers(self) -> bool:
        # A thread would have to wait with the next answer for the client to read this one. It may
        # ask again for what is not answered (RFC 9112, section 9.3.2).
        unread = self.channel.total_outbufs_len + (self.content_length or 0)
        return unread > self.channel.adj.outbuf_high_watermark


class Channel(ParkingChannel):
    """A connection. Closing it goes through `handle_close`, twice where it has to linger."""

    task_class = _AppTask
    error_task_class = ProblemTask
    parser_class = RequestParser
    server: "Listener"

    is_refused = False
    _is_half_closed = False
    _linger_until = 0.0
    _active_at = 0.0

    def __init__(self, *args: Any, **keywords: Any) -> None:  # noqa: ANN401 - the parent's
        self.waiting_since = time.monotonic()
        """Monotonic seconds since when there has been no whole request."""
        self._timed_request: object = None
        self._request_since = self.waiting_since  # the first byte of that one
        super().__init__(*args, **keywords)
        self.group = client_group(self.client)
        """The client, as far as addresses tell clients apart."""

    @property
    def client(self) -> str:
        """The address at the other end."""
        return str(self.addr[0])

    @property
    def last_activity(self) -> float:
        """Monotonic seconds of the last byte in or out, whatever clock the parent looks at."""
        return self._active_at

    @last_activity.setter
    def last_activity(self, _wall_clock_seconds: float) -> None:
        self._active_at = time.monotonic()

    @property
    def is_spare(self) -> bool:
        """Whether no answer is lost by closing it."""
        return not self.requests and not self.total_outbufs_len

    # --- receiving --------------------------------------------------------------------------

    def received(self, data: bytes) -> bool:
        """Parse what came, or drop it once nothing more is answered."""
        if self._is_half_closed:
            return False
        is_open = super().received(data)
        if self.request is not self._timed_request:
            self._timed_request = self.request
            self._request_since = time.monotonic()
        return is_open

    def request_is_whole(self) -> None:
        """A request of this connection is about to be answered."""
        self.waiting_since = time.monotonic()

    def send_continue(self) -> None:
        """Ask for the body, unless there is none or the request is refused already.

        The parent would then wait for a body that the client has no reason to send.
        """
        if self.request is not None and self.request.completed:
            self.request.expect_continue = False
            return
        with self.outbuf_lock:
            if self.connected:  # the client may have left while the answer before was made
                super().send_continue()

    def _flush_some(self, do_close: bool = True) -> bool:  # noqa: FBT001, FBT002 - the parent's
        # The parent's loop flushes without the lock when it sees no request under way. One of its
        # threads may just then ask for the body of the next one, and both would send that.
        with self.outbuf_lock:
            return bool(super()._flush_some(do_close))  # type: ignore[misc]  # lacks in the stubs

    # --- deadlines --------------------------------------------------------------------------

    def look_after(self) -> None:
        """Close what takes longer than it may. For the loop's thread, every second or so."""
        now, limits = time.monotonic(), self.server.limits
        if self.is_streaming or self.is_abandoned:
            self.waiting_since = self._request_since = now
            is_late = self.total_outbufs_len and now - self.last_activity > limits.idle_seconds
            if self.is_abandoned or is_late:
                self.close_now()
        elif self.requests:
            # Nothing is read meanwhile, so it is not the client's time that passes.
            self.waiting_since = self._request_since = now
        elif self.total_outbufs_len:
            self.waiting_since = now
            self.will_close |= now - self.last_activity > limits.idle_seconds
        elif self._is_half_closed:
            self.will_close |= now > self._linger_until
        elif self._is_receiving:
            if now - self._request_since > self._seconds_to_receive():
                self._refuse_slow()
        else:
            self.will_close |= now - self.waiting_since > limits.idle_seconds

    @property
    def _is_receiving(self) -> bool:
        request = self.request
        # Empty lines between requests are no part of one (RFC 9112, section 2.2).
        return request is not None and bool(request.headers_finished or request.header_plus.strip())

    def _seconds_to_receive(self) -> float:
        limits, request = self.server.limits, self.request
        if request is None or not request.headers_finished:
            return limits.head_seconds
        extra = request.body_bytes_received / limits.body_bytes_per_second
        return limits.head_seconds + limits.body_seconds + extra

    def _refuse_slow(self) -> None:
        with self.requests_lock:  # type: ignore[attr-defined]  # lacks in the stubs
            request = self.request
            if request is None:
                return
            request.error = RequestTimeoutError("")
            request.completed = True
            self.request = None
            self.requests = [request]
        self.server.add_task(self)

    # --- closing ----------------------------------------------------------------------------

    def handle_close(self) -> None:
        """Close, or first only our side of the connection."""
        lingers = (self.is_refused or self.is_draining) and not self.is_parked
        if lingers and not self._is_half_closed and not self.total_outbufs_len:
            self._is_half_closed = True
            if self._close_sending_side():
                return
        super().handle_close()

    def close_now(self) -> None:
        """Close, whatever is still under way."""
        self._is_half_closed = True
        self.handle_close()

    def is_quiet(self, seconds: float) -> bool:
        """Whether nothing is under way, and nothing was, for so long."""
        is_busy = self.requests or self.total_outbufs_len or self._unacknowledged_bytes()
        return not is_busy and self.last_activity < time.monotonic() - seconds

    def _close_sending_side(self) -> bool:
        if self.socket is None:
            return False
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:  # the client is gone
            return False
        self.will_close = False
        self._linger_until = time.monotonic() + self.server.limits.linger_seconds
        return True

    def _unacknowledged_bytes(self) -> int:
        # Linux: tcp(7), SIOCOUTQ. Elsewhere a terminal's request has no meaning for a socket.
        if self.socket is None or sys.platform != "linux":
            return 0
        count = fcntl.ioctl(self.socket, termios.TIOCOUTQ, struct.pack("i", 0))
        return int(struct.unpack("i", count)[0])
