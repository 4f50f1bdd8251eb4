"""The listening socket and its connections.

No client may keep others out: when no more connections fit, one without a request makes room.
Health is asked on threads of its own, so that it is answered whatever the rest is busy with.
"""

import errno
import math
import socket
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, cast

import structlog
from waitress import wasyncore
from waitress.server import TcpWSGIServer
from waitress.task import Task, ThreadedTaskDispatcher

from service.api_keys import HEALTH_PATHS
from service.connection_limits import ConnectionLimits
from service.http_channel import Channel

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from waitress.channel import HTTPChannel

_REPORT_SECONDS = 10.0
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_EXHAUSTED_PAUSE_SECONDS = 0.2  # accept() fails at once, and would in every turn of the loop
_PROBES = 3  # unanswered, until a silent peer is given up


class Listener(TcpWSGIServer):
    """All but construction and `add_task` is for the loop's thread.

    Args:
        app: the WSGI application.
        map: all that the loop waits for, by descriptor.
        limits: what connections may cost.
        health_dispatcher: answers the paths in `HEALTH_PATHS`.
    """

    channel_class = Channel
    # Waitress's own housekeeping goes by the wall clock; `look_after` is in its place.
    next_channel_cleanup = math.inf  # type: ignore[assignment]  # a number to compare with

    def __init__(
        self,
        app: "WSGIApplication",
        *,
        map: dict[int, Any],  # noqa: A002 - the parent's name
        limits: ConnectionLimits,
        health_dispatcher: ThreadedTaskDispatcher,
        **keywords: Any,  # noqa: ANN401 - the parent's
    ) -> None:
        self.limits = limits
        self._health_dispatcher = health_dispatcher
        self._next_sweep = 0.0
        self._next_report = 0.0
        self._accept_again = 0.0
        self._made_room = 0
        self._log = structlog.get_logger("http")
        self._polled = map
        super().__init__(app, map, **keywords)

    def channels(self) -> list[Channel]:
        by_descriptor = cast("dict[int, Channel]", self.active_channels)
        return list(by_descriptor.values())

    # --- what waitress calls ----------------------------------------------------------------

    def add_task(self, task: "Task | HTTPChannel") -> None:
        """Let the first request of a connection be answered."""
        channel = cast("Channel", task)  # which is what waitress adds
        channel.request_is_whole()
        request = channel.requests[0]
        is_health = request.error is None and request.path in HEALTH_PATHS  # type: ignore[attr-defined]
        dispatcher = self._health_dispatcher if is_health else self.task_dispatcher
        dispatcher.add_task(channel)  # type: ignore[arg-type]  # what waitress itself adds

    def set_socket_options(self, conn: socket.socket) -> None:
        """Let the kernel notice a peer that has vanished without a word (tcp(7))."""
        super().set_socket_options(conn)
        seconds = self.limits.vanished_seconds
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if sys.platform == "linux":
            probe_seconds = max(1, seconds // (_PROBES + 1))
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, probe_seconds)
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, probe_seconds)
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)

    def accept(self) -> tuple[socket.socket, Any] | None:
        """Accept, or none when there is no descriptor left for it."""
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            if not self._make_room():
                self._accept_again = time.monotonic() + _EXHAUSTED_PAUSE_SECONDS
            return None

    def readable(self) -> bool:
        return time.monotonic() >= self._accept_again and super().readable()

    # --- housekeeping -----------------------------------------------------------------------

    def look_after(self) -> None:
        """Close what is late, and make room where it is needed. Before each turn of the loop."""
        now = time.monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + self.limits.sweep_seconds
            for channel in self.channels():
                channel.look_after()
        if self.accepting and len(self._polled) >= self.adj.connection_limit:
            self._make_room()
        if self._made_room and now >= self._next_report:
            self._next_report = now + _REPORT_SECONDS
            self._log.warning("connections closed to make room", connections=self._made_room)
            self._made_room = 0

    def _make_room(self) -> bool:
        channels = self.channels()
        crowds = Counter(channel.group for channel in channels)
        spare = [channel for channel in channels if channel.is_spare]
        if not spare:
            return False
        # Of the client with the most, so that a flood drowns itself; of those the stalest.
        closing = min(spare, key=lambda channel: (-crowds[channel.group], channel.waiting_since))
        closing.close_now()
        self._made_room += 1
        return True

    # --- draining ---------------------------------------------------------------------------

    def stop_listening(self) -> None:
        """Take the connections that are waiting, then refuse new ones."""
        while self.accepting and not self.in_connection_overflow:
            before = len(self.channels())
            self.handle_accept()
            if len(self.channels()) == before:
                break
        # The parent's own close ends the trigger too, which the drain still needs.
        wasyncore.dispatcher.close(self)

    def begin_drain(self) -> None:
        for channel in self.channels():
            channel.begin_drain()

    def close_trigger(self) -> None:
        self.trigger.close()  # type: ignore[attr-defined]  # the stubs take it for a number
