"""One client's connection: waitress's own, with some habits added.

- A refused client is often still sending. To close then resets the connection, and the answer may
  be lost with it; so the sending side is closed first, and what still comes is dropped for a
  while (RFC 9112, section 9.6).
- While the server drains, answers say that the connection closes, and a connection is closed only
  when the client's machine has acknowledged all of it: in a container the network goes away
  together with the process, and unsent data with it.
- A head has a deadline from its first byte to its last. Waitress alone counts the silence
  between two bytes, and a head that drips a byte a second is never late. A body has to come at a
  least rate, and an answer has to be taken at one.
- All of it goes by the monotonic clock; waitress would close everybody when the clock is set.
"""

import fcntl
import socket
import struct
import sys
import termios
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from waitress.buffers import ReadOnlyFileBasedBuffer

from service.http.minimum_rate import LeastRate
from service.http.refused_request import ProblemTask, RequestRefusedError
from service.http.request_parser import DroppedRequest, RequestParser
from service.http.suspended_channel import SuspendableChannel, SuspendableTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from waitress.adjustments import Adjustments

SENT_AT_ONCE: Final = 128 * 1024  # bytes


class _AppTask(SuspendableTask):
    """A request that the application answers."""

    channel: "Channel"

    def build_response_header(self) -> bytes:
        channel = self.channel
        # Requests that came in one piece behind this one are still to be answered.
        is_last = len(channel.requests) == 1
        is_end = channel.is_draining or channel.is_cut if is_last else self._is_unread_too_much()
        if is_end:
            self.set_close_on_finish()
        return super().build_response_header()

    def _is_unread_too_much(self) -> bool:
        # The client may ask again for what is not answered (RFC 9112, section 9.3.2).
        unread = self.channel.total_outbufs_len + (self.content_length or 0)
        return unread > self.channel.server.limits.unread_each_bytes


class Channel(SuspendableChannel):
    """A connection. Closing it goes through `handle_close`, twice where it has to linger."""

    task_class = _AppTask
    error_task_class = ProblemTask

    is_refused = False
    is_cut = False
    """Whether requests were dropped behind those that wait for their answers."""
    is_for_health = False
    """Whether no other request is answered, as there is no room for more connections."""
    _is_answered_in_loop = False
    _is_half_closed = False
    _linger_until = 0.0
    _active_at = 0.0

    def __init__(self, *args: Any, **keywords: Any) -> None:  # noqa: ANN401 - the parent's
        self._clock: Callable[[], float] = args[0].clock  # the server's
        self.waiting_since = self._clock()
        """Monotonic seconds since when there has been no whole request."""
        self._timed_request: object = None
        self._request_since = self.waiting_since  # the first byte of that one
        super().__init__(*args, **keywords)
        # The parent takes the size of the kernel's buffer, and copies that much whatever is taken.
        self.sendbuf_len = SENT_AT_ONCE
        limits = self.server.limits
        self._sent_bytes = 0
        self._receiving = LeastRate(limits.bytes_per_second, limits.window_seconds)
        self._sending = LeastRate(limits.bytes_per_second, limits.window_seconds)
        self.group = self.server.group_of(self.addr)

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
        self._active_at = self._clock()

    @property
    def idle_since(self) -> float | None:
        """Monotonic seconds since when nothing goes on: no request, or nobody reads its answer.
        None while a request is under way.
        """
        if self.total_outbufs_len and (self.is_streaming or not self.requests):
            return self.last_activity
        return None if self.requests else self.waiting_since

    @property
    def body_bytes(self) -> int:
        """Memory that bodies take, those that have not come whole included."""
        arriving = 0 if self.request is None else self.request.body_bytes_received
        return arriving + sum(request.body_bytes_received for request in list(self.requests))

    @property
    def arriving_bytes(self) -> int:
        """Of the body that could be refused now."""
        request = None if self.requests else self.request
        return 0 if request is None else request.body_bytes_received

    @property
    def unread_bytes(self) -> int:
        """Memory that answers take which are not shared with other clients."""
        if not self.total_outbufs_len:
            return 0
        with self.outbuf_lock:
            own = (one for one in self.outbufs if not isinstance(one, ReadOnlyFileBasedBuffer))
            return sum(map(len, own))

    # --- receiving and sending --------------------------------------------------------------

    def parser_class(self, adjustments: "Adjustments") -> RequestParser:  # type: ignore[override]
        """For the next request that comes."""
        if len(self.requests) < self.server.limits.requests_ahead:
            return RequestParser(adjustments)
        self.is_cut = True
        return DroppedRequest(adjustments)

    def received(self, data: bytes) -> bool:
        """Parse what came, or drop it once nothing more is answered."""
        if self._is_half_closed:
            return False
        is_open = super().received(data)
        if self.request is not self._timed_request:
            self._timed_request = self.request
            self._request_since = self._clock()
        self.server.come_bytes += len(data) if self.arriving_bytes else 0
        if self._is_answered_in_loop:
            self._is_answered_in_loop = False
            self.service()
            self._flush_exception(self._flush_some, do_close=False)  # type: ignore[attr-defined]
        return is_open

    def answer_in_loop(self) -> None:
        """The loop's thread is to answer the first request, which takes no time, as soon as it has
        received what has come.
        """
        self._is_answered_in_loop = True

    def send(self, data: bytes, do_close: bool = True) -> int:  # noqa: FBT001, FBT002 - the parent's
        """Give the kernel what it takes; returns how many bytes."""
        sent: int = super().send(data, do_close)
        self._sent_bytes += sent
        return sent

    def request_is_whole(self) -> None:
        """A request of this connection is about to be answered."""
        self.waiting_since = self._clock()

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

    def look_after(self, seconds: float) -> None:
        """Close what takes longer than it may. For the loop's thread, every second or so.

        Args:
            seconds: since it was done before, as far as clients are to blame for them.
        """
        now, limits = self._clock(), self.server.limits
        if self.is_abandoned or self._is_unread_too_long(seconds) or self.is_left_waiting():
            self.close_now()
        elif self.total_outbufs_len or self.requests:
            # No request is read meanwhile, so it is not the client's time that passes.
            self.waiting_since = self._request_since = now
        elif self._is_half_closed:
            self.will_close |= now > self._linger_until
        elif self._is_receiving:
            self._look_after_request(now, seconds)
        else:
            self.will_close |= now - self.waiting_since > limits.idle_seconds

    def _is_unread_too_long(self, seconds: float) -> bool:
        # What the kernel holds is not taken yet: its buffers take megabytes at once, and then
        # nothing for as long as a slow reader needs for those. What a thread sends at this moment
        # may be missing from the one and in the other: the difference falls for once.
        taken = self._sent_bytes - self._unacknowledged_bytes()
        if self.total_outbufs_len:
            return self._sending.is_late(taken, seconds)
        self._sending.begin(taken)
        return False

    def _look_after_request(self, now: float, seconds: float) -> None:
        request, limits = self.request, self.server.limits
        if request is None or not request.headers_finished:
            is_late = now - self._request_since > limits.head_seconds
            self._receiving.begin(0)
        else:
            is_late = self._receiving.is_late(request.body_bytes_received, seconds)
        if is_late:
            self.refuse(
                RequestRefusedError(
                    HTTPStatus.REQUEST_TIMEOUT,
                    "request-timeout",
                    "The request did not arrive whole in time. Send it again, without pauses.",
                )
            )

    @property
    def _is_receiving(self) -> bool:
        request = self.request
        # Empty lines between requests are no part of one (RFC 9112, section 2.2).
        return request is not None and bool(request.headers_finished or request.header_plus.strip())

    def refuse(self, error: RequestRefusedError) -> None:
        """Answer a request that has not come whole, and forget what came of it."""
        with self.requests_lock:  # type: ignore[attr-defined]  # lacks in the stubs
            request = self.request
            if request is None:
                return
            request.close()
            request.body_bytes_received = 0
            request.error = error
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
        return not is_busy and self.last_activity < self._clock() - seconds

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
        # Linux: tcp(7), SIOCOUTQ. Elsewhere a terminal's request has no meaning for a socket.
        if self.socket is None or sys.platform != "linux":
            return 0
        count = fcntl.ioctl(self.socket, termios.TIOCOUTQ, struct.pack("i", 0))
        return int(struct.unpack("i", count)[0])
