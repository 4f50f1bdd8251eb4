"""A thread that runs the transfers of all lanes of a process (libcurl's multi interface)."""

import select
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import pycurl

from workers.contract.wakeup_pipe import WakeupPipe
from workers.worker.http.handle import Handle

KEPT_CONNECTIONS = 512
"""Number of idle connections of a pool; a job of many hosts reuses each of them."""

# libcurl detects errors and hangups with its next read or write.
_READABLE = select.EPOLLIN | select.EPOLLERR | select.EPOLLHUP
_WRITABLE = select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP

_SWEEP_SECONDS = 0.5  # between checks for silent connections


class TransferAbortedError(Exception):
    """The transfer was aborted: the loop was closed, or the connection was silent."""


class TransferLoop:
    """The transfer thread and its connection pools.

    Args:
        on_failure: called in the thread with its error, if it fails; no transfer works then.
    """

    def __init__(self, on_failure: Callable[[Exception], None] = lambda _: None) -> None:
        self._on_failure = on_failure
        self._epoll = select.epoll()
        self._wakeup_pipe = WakeupPipe()
        self._epoll.register(self._wakeup_pipe, select.EPOLLIN)
        self._watched: dict[int, ConnectionPool] = {}  # descriptor → its pool
        self._is_awake = False
        self._closed = False
        self._has_ended = False
        self._new: deque[tuple[ConnectionPool, Handle]] = deque()
        # Notified after all ready sockets: a lane that wakes takes the interpreter's lock.
        self._ended: list[tuple[Handle, Exception | None]] = []
        self._pools: dict[str, ConnectionPool] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="transfers", daemon=True)
        self._thread.start()

    def pool(self, name: str) -> "ConnectionPool":
        """Return the pool of one kind of transfer.

        Kinds do not share connections: a connection opened without the address guard must not
        serve a request that needs it.
        """
        with self._lock:
            if name not in self._pools:
                # Copy on write, as the thread iterates over `_pools`.
                pool = ConnectionPool(self, self._epoll, self._watched, self._ended)
                self._pools = {**self._pools, name: pool}
            return self._pools[name]

    def perform(self, pool: "ConnectionPool", handle: Handle) -> None:
        """Run a transfer and wait for its end.

        Raises:
            pycurl.error: it failed.
            TransferAbortedError: the loop was closed.
        """
        self._new.append((pool, handle))
        if not self._is_awake:
            self._is_awake = True
            self._wakeup_pipe.ring()
        if self._has_ended:
            self._fail_new()
        error = handle.result.get()
        if error is not None:
            raise error

    def close(self) -> None:
        """Abort all transfers and end the thread."""
        self._closed = True
        self._wakeup_pipe.ring()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._drive()
        except Exception as error:  # noqa: BLE001 - after any error, lanes must not wait forever
            self._on_failure(error)
        self._closed = True
        for pool in self._pools.values():
            pool.close()
        self._notify_ended()
        # From here on lanes fail new transfers; before, only the thread pops from `_new`.
        self._has_ended = True
        self._fail_new()
        self._epoll.close()

    def _drive(self) -> None:
        wakeup_pipe = self._wakeup_pipe.fileno()
        next_sweep = time.monotonic() + _SWEEP_SECONDS
        while not self._closed:
            for descriptor, events in self._epoll.poll(self._wait_seconds()):
                if descriptor == wakeup_pipe:
                    self._wakeup_pipe.hush()
                    self._is_awake = False
                    self._begin_new()
                elif descriptor in self._watched:
                    self._watched[descriptor].act(descriptor, events)
            now = time.monotonic()
            for pool in self._pools.values():
                pool.act_if_due(now)
            if now >= next_sweep:
                next_sweep = now + _SWEEP_SECONDS
                for pool in self._pools.values():
                    pool.sweep(now)
            self._notify_ended()

    def _wait_seconds(self) -> float | None:
        pools = self._pools.values()
        due = min((pool.next_due() for pool in pools), default=float("inf"))
        if due == float("inf") and not any(pool.is_busy for pool in pools):
            return None
        return min(max(0.0, due - time.monotonic()), _SWEEP_SECONDS)

    def _begin_new(self) -> None:
        while self._new:
            pool, handle = self._new[0]  # stays until it has begun: see `_run`
            pool.begin(handle)
            self._new.popleft()

    def _notify_ended(self) -> None:
        for handle, error in self._ended:
            handle.result.put(error)
        self._ended.clear()

    def _fail_new(self) -> None:
        with suppress(IndexError):  # thread and lanes may do so concurrently
            while True:
                _, handle = self._new.popleft()
                handle.result.put(TransferAbortedError("the worker stops"))


class ConnectionPool:
    """Shares connections and TLS sessions. Only `perform` may be called outside the thread."""

    def __init__(
        self,
        loop: TransferLoop,
        epoll: select.epoll,
        watched: dict[int, "ConnectionPool"],
        ended: list[tuple[Handle, Exception | None]],
    ) -> None:
        self._ended = ended
        self._due = float("inf")  # monotonic seconds of libcurl's next timer
        self._loop = loop
        self._epoll = epoll
        self._watched = watched
        self._active: dict[pycurl.Curl, Handle] = {}
        self._multi = pycurl.CurlMulti()
        self._hangups = select.epoll()
        self._sockets: dict[int, str] = {}  # descriptor → origin that it was opened for
        # A session serves one handshake, which yields the next one (RFC 8446, appendix C.4). So
        # transfers of an origin open connections one at a time: origin → the opener and those that
        # wait until libcurl has the session.
        self._openers: dict[str, deque[Handle]] = {}
        # origin → session cache, as libcurl's own is too small for some tens of hosts.
        self._sessions: dict[str, pycurl.CurlShare] = {}
        self._multi.setopt(pycurl.M_MAXCONNECTS, KEPT_CONNECTIONS)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._note_due)

    @property
    def is_busy(self) -> bool:
        return bool(self._active)

    def perform(self, handle: Handle) -> None:
        """Run a transfer and wait for its end; see `TransferLoop.perform`."""
        self._loop.perform(self, handle)

    def note_socket(self, descriptor: int, origin: str) -> None:
        """Watch a socket for a hangup; the system removes it when it is closed."""
        self._sockets[descriptor] = origin
        self._hangups.register(descriptor, select.EPOLLRDHUP)

    def begin(self, handle: Handle) -> None:
        """Start a transfer, or let it wait for the one that opens a connection."""
        if handle.origin.startswith("https:"):
            handle.curl.unsetopt(pycurl.SHARE)
            handle.curl.setopt(pycurl.SHARE, self._sessions_of(handle.origin))
            openers = self._openers.setdefault(handle.origin, deque())
            # A transfer with less time than those before it does not wait.
            if not openers or openers[-1].hold_until - handle.hold_until < _SWEEP_SECONDS:
                openers.append(handle)
                if len(openers) > 1:
                    return
        self._add(handle)

    def _sessions_of(self, origin: str) -> pycurl.CurlShare:
        sessions = self._sessions.pop(origin, None)
        if sessions is None:
            sessions = pycurl.CurlShare()
            sessions.setopt(pycurl.SH_SHARE, pycurl.LOCK_DATA_SSL_SESSION)
        self._sessions[origin] = sessions  # last: the least recently used is first
        if len(self._sessions) > KEPT_CONNECTIONS:
            del self._sessions[next(iter(self._sessions))]
        return sessions

    def _add(self, handle: Handle) -> None:
        handle.prepare_deadline(time.monotonic())
        if not handle.is_repeatable:
            # libcurl checks idle connections once a second; an upload on one closed since then
            # would fail.
            closed = {self._sockets[descriptor] for descriptor, _ in self._hangups.poll(0)}
            handle.curl.setopt(pycurl.FRESH_CONNECT, int(handle.origin in closed))
        self._active[handle.curl] = handle
        self._multi.add_handle(handle.curl)

    def act(self, fd: int, events: int) -> None:
        """Let libcurl process a ready socket."""
        mask = (pycurl.CSELECT_IN if events & _READABLE else 0) | (
            pycurl.CSELECT_OUT if events & _WRITABLE else 0
        )
        # The first data after the handshake has the session, or there is none.
        opener = self._openers.get(self._sockets.get(fd, ""), (None,))[0]
        has_session = (
            opener is not None
            and opener.descriptor == fd
            and opener.is_connected
            and mask & pycurl.CSELECT_IN
        )
        self._multi.socket_action(fd, mask)
        self._collect()
        if opener is not None and has_session:
            self._pass_on(opener)

    def next_due(self) -> float:
        """Return monotonic seconds at which `act_if_due` is due."""
        holds = (openers[0].hold_until for openers in self._openers.values())
        return min(self._due, *holds) if self._openers else self._due

    def act_if_due(self, now: float) -> None:
        """Process libcurl's timers, and start transfers that waited for a session."""
        if now >= self._due:
            self._due = float("inf")
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
            self._collect()
        for opener in [openers[0] for openers in self._openers.values()]:
            is_kept = opener.is_connected and opener.descriptor is None
            if is_kept or now >= opener.hold_until:
                self._pass_on(opener)

    def sweep(self, now: float) -> None:
        """End transfers that are complete or silent."""
        for curl, handle in tuple(self._active.items()):
            if handle.is_enough:
                self._end(curl, None)
            elif handle.is_silent(now):
                self._end(curl, TransferAbortedError("a kept connection was silent"))

    def close(self) -> None:
        for _, *waiting in self._openers.values():
            for handle in waiting:
                handle.result.put(TransferAbortedError("the worker stops"))
        self._openers.clear()
        for curl in tuple(self._active):
            self._end(curl, TransferAbortedError("the worker stops"))
        self._multi.close()
        self._hangups.close()

    def _collect(self) -> None:
        left = 1
        while left:
            left, done, failed = self._multi.info_read()
            for curl in done:
                self._end(curl, None)
            for curl, code, text in failed:
                self._end(curl, pycurl.error(code, text))

    def _end(self, curl: pycurl.Curl, error: Exception | None) -> None:
        handle = self._active.pop(curl)
        self._multi.remove_handle(curl)
        # Before the lane reuses the handle.
        self._pass_on(handle)
        self._ended.append((handle, error))

    def _pass_on(self, opener: Handle) -> None:
        """Let the next transfer open a connection, and all that have waited too long."""
        openers = self._openers.get(opener.origin)
        if not openers or openers[0] is not opener:
            return
        openers.popleft()
        while openers:
            self._add(openers[0])
            if openers[0].hold_until > time.monotonic():
                return
            openers.popleft()
        del self._openers[opener.origin]

    def _watch(self, what: int, descriptor: int, _multi: object, _data: object) -> None:
        """Register the events of a socket that libcurl waits for."""
        is_known = descriptor in self._watched
        if what == pycurl.POLL_REMOVE:
            if is_known:
                del self._watched[descriptor]
                self._epoll.unregister(descriptor)
            return
        events = (select.EPOLLIN if what & pycurl.POLL_IN else 0) | (
            select.EPOLLOUT if what & pycurl.POLL_OUT else 0
        )
        if is_known:
            self._epoll.modify(descriptor, events)
        else:
            self._watched[descriptor] = self
            self._epoll.register(descriptor, events)

    def _note_due(self, milliseconds: int) -> None:
        self._due = float("inf") if milliseconds < 0 else time.monotonic() + milliseconds / 1000
