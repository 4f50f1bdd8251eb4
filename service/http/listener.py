"""The listening socket and its connections.

No client may block others: when connections or memory are short, the client with most of them loses
one. Health checks have connections of their own. The loop itself handles those of liveness, a
separate thread those of readiness, so that they get responses under any load.
"""

import errno
import math
import socket
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

import structlog
from waitress import wasyncore
from waitress.server import TcpWSGIServer

from service.http.channel import SENT_AT_ONCE, Channel
from service.http.client_address import TrustedProxies, client_group
from service.http.client_shares import ClientShares
from service.http.connection_limits import ConnectionLimits
from service.http.dispatchers import Dispatchers
from service.http.polled import Polled
from service.problems.problems import Problem

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from waitress.channel import HTTPChannel
    from waitress.task import Task

_REPORT_SECONDS = 10.0
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_EXHAUSTED_PAUSE_SECONDS = 0.2  # else accept() would fail in every turn of the loop
_PROBES = 3  # without an acknowledgement, until the kernel closes the connection

_SMALL_BODY: Final = 64 * 1024  # bytes; refusing shorter ones frees too little
_CHECKS_A_BUDGET: Final = 64  # of the memory for bodies; limits the excess to this fraction

_RETRY_SECONDS = 5


class Listener(TcpWSGIServer):
    """Only construction and `add_task` may be called by other threads than the loop's.

    Args:
        app: the WSGI application.
        polled: the loop's sockets.
        limits: of connections.
        clock: monotonic seconds.
        proxies: their connections are not those of one client.
        dispatchers: thread pools for requests.
    """

    channel_class = Channel
    # Waitress's own maintenance uses the wall clock; `sweep` replaces it.
    next_channel_cleanup = math.inf  # type: ignore[assignment]  # a number to compare with
    _map: Polled

    def __init__(
        self,
        app: "WSGIApplication",
        *,
        polled: Polled,
        limits: ConnectionLimits,
        clock: Callable[[], float],
        proxies: TrustedProxies,
        dispatchers: Dispatchers,
        **keywords: Any,  # noqa: ANN401 - the parent's
    ) -> None:
        self.limits = limits
        self.clock = clock
        self.received_body_bytes = 0
        """Number of bytes since the last check of all bodies."""
        self._room = limits.room
        self._proxies = proxies
        self._dispatchers = dispatchers
        self._has_accepted = False
        self._is_pulled = False
        self._swept_at = 0.0
        self._next_report = 0.0
        self._accept_again = 0.0
        self._made_room = 0
        self._loop_thread = 0
        super().__init__(app, polled, dispatcher=dispatchers.default, **keywords)
        # Room for two of maximum size, or a client's share would be less than one.
        self._body_bytes = max(limits.body_bytes, 2 * self.adj.max_request_body_size)

    def channels(self) -> list[Channel]:
        by_descriptor = cast("dict[int, Channel]", self.active_channels)
        return list(by_descriptor.values())

    def group_of(self, address: tuple[Any, ...]) -> str:
        """Return the client of a peer; each connection of a proxy is a client of its own."""
        host, port = address[:2]
        return f"{host} port {port}" if host in self._proxies else client_group(host)

    # --- called by waitress -----------------------------------------------------------------

    def add_task(self, task: "Task | HTTPChannel") -> None:
        """Queue the first request of a channel."""
        channel = cast("Channel", task)  # waitress adds channels only
        channel.waiting_since = self.clock()
        request: Any = channel.requests[0]
        is_allowed = not channel.is_for_health or self._dispatchers.is_for_health(request)
        if not is_allowed and request.error is None:
            request.error = _no_room("too-many-connections", "connections are open")
        is_loop = threading.get_ident() == self._loop_thread
        can_be_sent = is_loop and not channel.total_outbufs_len
        if can_be_sent and not self._dispatchers.needs_thread(request):
            channel.serve_in_loop()
        else:
            channel.threads = self._dispatchers.of(request)
            channel.threads.add_task(channel)

    def pull_trigger(self) -> None:
        """Wake the loop, which then updates the events of all connections.

        Once a turn is enough: so the pipe is never full, and writing to it never blocks.
        """
        if not self._is_pulled:
            self._is_pulled = True
            self.wake()

    def wake(self) -> None:
        """Begin the next turn of the loop at once."""
        super().pull_trigger()

    def set_socket_options(self, conn: socket.socket) -> None:
        """Make the kernel detect a peer that has vanished (tcp(7))."""
        super().set_socket_options(conn)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            # The kernel would buffer megabytes for each client that does not read.
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, SENT_AT_ONCE)
        seconds = self.limits.vanished_seconds
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if sys.platform == "linux":
            probe_seconds = max(1, seconds // (_PROBES + 1))
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, probe_seconds)
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, probe_seconds)
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)

    def accept(self) -> tuple[socket.socket, Any] | None:
        """Accept a connection; None without a free file descriptor."""
        self._has_accepted = True
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            connections = len(self.channels())
            if not connections or not self._make_room(connections - 1):
                self._accept_again = self.clock() + _EXHAUSTED_PAUSE_SECONDS
            return None

    def readable(self) -> bool:
        return self.clock() >= self._accept_again and super().readable()

    # --- maintenance ------------------------------------------------------------------------

    def enter_loop(self) -> None:
        """Register the calling thread as the loop's."""
        self._loop_thread = threading.get_ident()

    def sweep(self) -> None:
        """Enforce time limits, and make room where it is needed. Called before each turn."""
        # Each time, as it starts to accept again by itself.
        self._map.update_events(self._fileno)  # type: ignore[attr-defined]  # lacks in the stubs
        if self._is_pulled:
            self._is_pulled = False
            self._map.update_all()
        now = self.clock()
        seconds, sweep_seconds = now - self._swept_at, self.limits.sweep_seconds
        if seconds >= sweep_seconds:
            self._swept_at = now
            for channel in self.channels():
                # During a longer interval the server was blocked, which is not the client's fault.
                channel.check_time_limits(min(seconds, 2 * sweep_seconds))
            self._drop_unread()
            self._map.update_all()
        if self._has_accepted and self.active_channels:
            self._has_accepted = False
            self._make_room(self._room)
        if self.received_body_bytes > self._body_bytes // _CHECKS_A_BUDGET:
            self.received_body_bytes = 0
            self._refuse_bodies()
        if self._made_room and now >= self._next_report:
            self._next_report = now + _REPORT_SECONDS
            structlog.get_logger("http").warning(
                "connections closed to make room", connections=self._made_room
            )
            self._made_room = 0

    def _make_room(self, room: int) -> bool:
        """Close a connection, if there are too many; return False if none can be closed."""
        *channels, newest = self.channels()
        shares = ClientShares(dict.fromkeys((*channels, newest), 1), room)
        if not shares.are_exceeded:
            return True
        idle = {one: since for one in channels if (since := one.idle_since) is not None}
        closing = shares.first_to_give(idle)
        if closing is None:
            # Unless another client has too many.
            newest.is_for_health |= shares.first_to_give({newest: 0.0}) is not None
            return False
        self._close(closing)
        return True

    def _drop_unread(self) -> None:
        while held := {one: size for one in self.channels() if (size := one.unread_bytes)}:
            heaviest_first = {one: -size for one, size in held.items()}
            closing = ClientShares(held, self.limits.unread_bytes).first_to_give(heaviest_first)
            if closing is None:
                return
            self._close(closing)

    def _refuse_bodies(self) -> None:
        while held := {one: size for one in self.channels() if (size := one.body_bytes)}:
            arriving = {one: -size for one in held if (size := one.arriving_bytes) > _SMALL_BODY}
            closing = ClientShares(held, self._body_bytes).first_to_give(arriving)
            if closing is None:
                return
            closing.refuse(_no_room("too-many-bodies", "long bodies are being received"))

    def _close(self, channel: Channel) -> None:
        channel.close_now()
        self._made_room += 1

    # --- draining ---------------------------------------------------------------------------

    def stop_listening(self) -> None:
        """Accept the waiting connections, then refuse new ones."""
        while self.accepting and not self.in_connection_overflow:
            before = len(self.channels())
            self.handle_accept()
            if len(self.channels()) == before:
                break
        # The parent's close would close the trigger too, which the drain still needs.
        wasyncore.dispatcher.close(self)


def _no_room(code: str, what: str) -> Problem:
    return Problem(
        code,
        f"Too many {what}, of this client or in all. Send the request again in "
        f"{_RETRY_SECONDS} s, fewer at once.",
        retry_after=_RETRY_SECONDS,
    )
