"""A thread that runs the transfers of all lanes of a process (libcurl's multi interface)."""

import select
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import chain

import pycurl

from workers.contract.wakeup_pipe import WakeupPipe
from workers.worker.http.errors import Fault, TransferError
from workers.worker.http.transfer import Transfer

KEPT_CONNECTIONS = 512
"""Number of idle connections; a job of many hosts reuses each of them."""

_SESSION_CACHES = 64
"""libcurl's cache has room for the TLS sessions of 25 origins, so the origins share so many."""

_EVENTS = {
    pycurl.POLL_NONE: 0,
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}

_SWEEP_SECONDS = 0.1  # between checks of running transfers
_SLACK_SECONDS = 0.5  # in which the deadlines of transfers of one kind may differ


class TransferLoop:
    """The transfer thread, with its connections and TLS sessions.

    Transfers of all kinds share them. A connection that was opened without a guard serves no
    request that its guard refuses: see `Transfer`.

    Args:
        on_failure: called in the thread with its error, if it fails; no transfer works then.
    """

    def __init__(self, on_failure: Callable[[Exception], None] = lambda _: None) -> None:
        self._on_failure = on_failure
        self._lock = threading.Lock()  # of `_new` and `_closed`
        self._new: deque[Transfer] = deque()
        self._closed = False
        self._active: dict[pycurl.Curl, Transfer] = {}
        # Notified after all ready sockets: a lane that wakes takes the interpreter's lock.
        self._ended: list[tuple[Transfer, pycurl.error | TransferError | None]] = []
        self._wakeup_pipe = WakeupPipe()
        self._epoll = select.epoll()
        self._epoll.register(self._wakeup_pipe, select.EPOLLIN)
        self._watched: set[int] = set()  # descriptors that libcurl waits for
        self._origins: dict[int, str] = {}  # descriptor → origin that it was opened for
        self._hangups = select.epoll()
        self._due = float("inf")  # monotonic seconds of libcurl's next timer
        self._next_sweep = 0.0
        # A session serves one handshake, which yields the next one (RFC 8446, appendix C.4). So
        # transfers of an origin open connections one at a time: origin → the opener and those that
        # wait until libcurl has the session.
        self._openers: dict[str, deque[Transfer]] = {}
        self._session_caches = [pycurl.CurlShare() for _ in range(_SESSION_CACHES)]
        for cache in self._session_caches:
            cache.setopt(pycurl.SH_SHARE, pycurl.LOCK_DATA_SSL_SESSION)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, KEPT_CONNECTIONS)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._note_due)
        self._thread = threading.Thread(target=self._run, name="transfers", daemon=True)
        self._thread.start()

    def perform(self, transfer: Transfer) -> TransferError | None:
        """Run a transfer and wait for its end.

        Returns:
            Its error, if it failed.

        Raises:
            Exception: the guard or the body raised it.
        """
        with self._lock:
            if self._closed:
                return _stopped()
            self._new.append(transfer)
            if len(self._new) == 1:
                self._wakeup_pipe.ring()
        return transfer.error_of(transfer.result.get())

    def close(self) -> None:
        """Abort all transfers and end the thread."""
        with self._lock:
            self._closed = True
        self._wakeup_pipe.ring()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._closed:
                self._run_once()
        except Exception as error:  # noqa: BLE001 - after any error, lanes must not wait forever
            self._on_failure(error)
        with self._lock:
            self._closed = True
        for curl in self._active:
            self._multi.remove_handle(curl)
        self._multi.close()
        self._notify_ended()
        for transfer in {*self._new, *self._active.values(), *chain(*self._openers.values())}:
            transfer.result.put(_stopped())
        self._hangups.close()
        self._epoll.close()

    def _run_once(self) -> None:
        for descriptor, events in self._epoll.poll(self._wait_seconds()):
            if descriptor == self._wakeup_pipe.fileno():
                self._wakeup_pipe.hush()
                while self._new:
                    self._begin(self._new[0])  # stays until it has begun: see `_run`
                    self._new.popleft()
            elif descriptor in self._watched:
                self._act(descriptor, events)
        now = time.monotonic()
        if now >= self._due:
            self._due = float("inf")
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._collect()
        for opener in [openers[0] for openers in self._openers.values()]:
            if now >= opener.hold_until:
                self._pass_on(opener)
        if now >= self._next_sweep:
            self._next_sweep = now + _SWEEP_SECONDS
            self._sweep(now)
        self._notify_ended()

    def _wait_seconds(self) -> float | None:
        if self._due == float("inf") and not self._active:
            return None
        return min(max(0.0, self._due - time.monotonic()), _SWEEP_SECONDS)

    def _begin(self, transfer: Transfer) -> None:
        """Start a transfer, or let it wait for the one that opens a connection."""
        if transfer.origin.startswith("https:"):
            transfer.curl.unsetopt(pycurl.SHARE)
            cache = self._session_caches[hash(transfer.origin) % _SESSION_CACHES]
            transfer.curl.setopt(pycurl.SHARE, cache)
            openers = self._openers.setdefault(transfer.origin, deque())
            # A transfer with less time than those before it does not wait.
            if not openers or openers[-1].hold_until - transfer.hold_until < _SLACK_SECONDS:
                openers.append(transfer)
                if len(openers) > 1:
                    return
        self._add(transfer)

    def _add(self, transfer: Transfer) -> None:
        transfer.on_socket = self._note_socket
        transfer.start_clock()
        is_fresh = transfer.is_fresh
        if transfer.upload is not None:
            # libcurl checks idle connections once a second; an upload on one closed since then
            # would fail, and is not repeated.
            closed = {self._origins[descriptor] for descriptor, _ in self._hangups.poll(0)}
            is_fresh = transfer.origin in closed
        transfer.curl.setopt(pycurl.FRESH_CONNECT, int(is_fresh))
        self._multi.add_handle(transfer.curl)
        self._active[transfer.curl] = transfer

    def _note_socket(self, descriptor: int, origin: str) -> None:
        """Watch a socket for a hangup; the system removes it when it is closed."""
        self._origins[descriptor] = origin
        self._hangups.register(descriptor, select.EPOLLRDHUP)

    def _act(self, descriptor: int, events: int) -> None:
        """Let libcurl process a ready socket."""
        opener = self._openers.get(self._origins.get(descriptor, ""), (None,))[0]
        is_opened = opener is not None and opener.is_connected and opener.descriptor == descriptor
        # The first data after the handshake has the session, or there is none.
        if opener is not None and is_opened and events & select.EPOLLIN:
            opener.hold_until = 0.0
        self._multi.socket_action(descriptor, 0)  # libcurl finds out what it is ready for

    def _collect(self) -> None:
        _, done, failed = self._multi.info_read()
        for curl in done:
            self._end(curl, None)
        for curl, code, text in failed:
            self._end(curl, pycurl.error(code, text))

    def _sweep(self, now: float) -> None:
        """End transfers that are complete or silent."""
        for curl, transfer in tuple(self._active.items()):
            if transfer.is_enough:
                self._end(curl, None)
            elif transfer.is_silent(now):
                self._end(curl, TransferError(Fault.CUT_SHORT, "a kept connection was silent"))

    def _end(self, curl: pycurl.Curl, error: pycurl.error | TransferError | None) -> None:
        transfer = self._active.pop(curl)
        self._multi.remove_handle(curl)
        # Before the lane reuses the handle.
        self._pass_on(transfer)
        self._ended.append((transfer, error))

    def _pass_on(self, opener: Transfer) -> None:
        """Let the next transfer open a connection."""
        openers = self._openers.get(opener.origin)
        if openers and openers[0] is opener:
            openers.popleft()
            if openers:
                self._add(openers[0])
            else:
                del self._openers[opener.origin]

    def _notify_ended(self) -> None:
        for transfer, error in self._ended:
            transfer.result.put(error)
        self._ended.clear()

    def _watch(self, what: int, descriptor: int, _multi: object, _data: object) -> None:
        """Register the events of a socket that libcurl waits for."""
        is_known = descriptor in self._watched
        if what == pycurl.POLL_REMOVE:
            if is_known:
                self._watched.remove(descriptor)
                self._epoll.unregister(descriptor)
            return
        (self._epoll.modify if is_known else self._epoll.register)(descriptor, _EVENTS[what])
        self._watched.add(descriptor)

    def _note_due(self, milliseconds: int) -> None:
        self._due = float("inf") if milliseconds < 0 else time.monotonic() + milliseconds / 1000


def _stopped() -> TransferError:
    return TransferError(Fault.CUT_SHORT, "the worker stops")
