"""The thread pools that handle requests, one for each kind of request."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from waitress.task import ThreadedTaskDispatcher

from service.http.request_queue import Request, RequestQueue

if TYPE_CHECKING:
    from service.http.request_parser import RequestParser

# Most handlers wait for the backend only, which responds within milliseconds. There are many
# threads so that rendering a few large jobs does not delay small requests.
REQUEST_THREADS: Final = 10

MOST_OF_ONE: Final = 4
"""Maximum number of these threads for one client. With one for its large body (`_BODY_THREADS`)
these are fewer than the concurrent calls of the backend
(`service.backend.circuit_breaker.CALLS_AT_ONCE`), so that other clients wait for neither."""

_BODY_THREADS: Final = 2
"""Parsing a large body blocks all other threads, so that more threads would not make it faster. The
second one is for another client, while the first one waits for the backend."""

_LARGE_BODY_BYTES: Final = 256 * 1024
"""Parsing JSON of this size takes at most some 15 ms."""

_THREAD_END_SECONDS: Final = 1


class NoThreadError(Exception):
    """The system has no further thread now."""


class Threads(ThreadedTaskDispatcher):
    """A pool for requests of one kind; clients take turns. Whoever handles one calls `release`.

    Args:
        count: number of threads, besides those that wait.
        most: maximum number for one client.
    """

    queue: RequestQueue  # type: ignore[assignment]  # waitress has a deque

    def __init__(self, count: int, most: int = 1) -> None:
        super().__init__()
        self.queue = RequestQueue(most)
        self._count = count
        self._counting = threading.Lock()

    def add_task(self, task: Request) -> None:  # type: ignore[override]  # a channel
        with self.lock:
            self.queue.append(task)
            self.queue_cv.notify()

    def release(self, client: str) -> None:
        """Count a thread of a client as free, as it has handled its request or waits with it."""
        with self.lock:
            self.queue.release(client)
            if self.queue:
                self.queue_cv.notify()

    @property
    def is_busy(self) -> bool:
        """Whether any request is queued or being handled."""
        with self.lock:
            return bool(self.queue or self.active_count)

    def start(self) -> None:
        self.set_thread_count(self._count)

    def start_new_thread(self, target: Callable[[int], object], thread_no: int) -> None:
        try:
            super().start_new_thread(target, thread_no)
        except RuntimeError as error:
            # Waitress has counted it, and would end another one in its place.
            self.threads.discard(thread_no)
            raise NoThreadError from error

    @contextmanager
    def one_more(self, client: str) -> Iterator[None]:
        """While entered, another thread replaces the calling one, which waits with a request.

        Raises:
            NoThreadError: there is none to replace it; nothing has changed.
        """
        self._add(1)
        self.release(client)
        try:
            yield
        finally:
            with self.lock:
                self.queue.resume(client)
            self._add(-1)

    def stop(self) -> bool:
        """Drop queued requests; return whether all threads have ended."""
        with self._counting:
            self._count = 0
        with self.lock:
            dropped = self.queue.drop_all()
        for request in dropped:
            request.cancel()
        self.shutdown(cancel_pending=False, timeout=_THREAD_END_SECONDS)
        return not self.threads

    def _add(self, count: int) -> None:
        with self._counting:
            if self._count:  # else the pool has been stopped meanwhile
                self.set_thread_count(self._count + count)
                self._count += count


class Dispatchers:
    """All pools.

    Args:
        health_paths: paths with a thread of their own each.
        loop_paths: those of them whose handlers do not block.
    """

    def __init__(self, health_paths: Iterable[str], loop_paths: Iterable[str] = ()) -> None:
        self._loop_paths = frozenset(loop_paths)
        self.default = Threads(REQUEST_THREADS, MOST_OF_ONE)
        self._bodies = Threads(_BODY_THREADS)
        self._refusals = Threads(1)
        # One for each: readiness may wait a second for the Manager.
        self._health = {path: Threads(1) for path in health_paths}
        self._all = (self.default, self._bodies, self._refusals, *self._health.values())

    def start(self) -> None:
        for threads in self._all:
            threads.start()

    def is_for_health(self, request: "RequestParser") -> bool:
        return request.path in self._health

    def of(self, request: "RequestParser") -> Threads:
        if request.error is not None:
            return self._refusals
        is_coded = "CONTENT_ENCODING" in request.headers  # and may be large when it is decoded
        if is_coded or request.body_bytes_received > _LARGE_BODY_BYTES:
            return self._bodies
        return self._health.get(request.path, self.default)

    def needs_thread(self, request: "RequestParser") -> bool:
        """Return whether a request may block or take long. For others, a change of threads would be
        one more wait for the interpreter's lock.
        """
        if request.error is not None:  # not always refused while its channel receives
            return True
        is_short = request.command in {"GET", "HEAD"} and not request.body_bytes_received
        return not is_short or request.path not in self._loop_paths

    @property
    def are_busy(self) -> bool:
        """Whether any request is queued or being handled."""
        return any(one.is_busy for one in self._all)

    def stop(self) -> bool:
        """Drop queued requests; return whether all threads have ended."""
        ended = [threads.stop() for threads in self._all]
        return all(ended)
