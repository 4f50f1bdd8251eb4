"""The threads that answer requests, apart by what may hold them up."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from waitress.task import ThreadedTaskDispatcher

from service.http.request_queue import Request, RequestQueue

if TYPE_CHECKING:
    from waitress.parser import HTTPRequestParser

# Few handlers wait for anything but the job board, which answers within milliseconds; the threads
# are many so that a few large jobs being rendered do not hold up small requests.
REQUEST_THREADS: Final = 10

MOST_OF_ONE: Final = 4
"""Threads that answer one client's requests at once: with its large body (one of `_BODY_THREADS`)
fewer than the calls that the job board takes at once, so that whoever else comes waits for neither
(`service.backend.circuit_breaker.CALLS_AT_ONCE`)."""

_BODY_THREADS: Final = 2
"""Parsing a large body holds up all other threads, so that more at once would not be done sooner;
the second one goes on while the first waits for the job board, and is for another client."""

_LARGE_BODY_BYTES: Final = 256 * 1024
"""So much JSON takes some 15 ms at the worst."""

_THREAD_END_SECONDS: Final = 1


@dataclass(frozen=True, slots=True)
class _Turn:
    """A request that gives its client's thread back when it is answered."""

    request: Request
    threads: "Threads"

    @property
    def group(self) -> str:
        return self.request.group

    def service(self) -> None:
        try:
            self.request.service()
        finally:
            self.threads.release(self.group)

    def cancel(self) -> None:
        self.request.cancel()


class Threads(ThreadedTaskDispatcher):
    """Those that answer requests of one kind; clients take turns.

    Args:
        count: how many, besides those that wait.
        most: of them for one client.
    """

    queue: RequestQueue  # type: ignore[assignment]  # waitress has a deque

    def __init__(self, count: int, most: int = 1) -> None:
        super().__init__()
        self.queue = RequestQueue(most)
        self._count = count
        self._counting = threading.Lock()

    def add_task(self, task: Request) -> None:  # type: ignore[override]  # connections, in fact
        """Let a request be answered."""
        super().add_task(_Turn(task, self))  # type: ignore[arg-type]

    def release(self, client: str) -> None:
        """A thread has answered a client, whose next request may be answered by any."""
        with self.lock:
            self.queue.release(client)
            if self.queue:
                self.queue_cv.notify()

    def start(self) -> None:
        """Begin to answer."""
        self.set_thread_count(self._count)

    @contextmanager
    def one_more(self, client: str) -> Iterator[None]:
        """Another one, in place of the calling one, which waits with a client's request."""
        self._add(1)
        self.release(client)
        try:
            yield
        finally:
            with self.lock:
                self.queue.resume(client)
            self._add(-1)

    def stop(self) -> bool:
        """Drop what waits; returns whether all have ended."""
        with self._counting:
            self._count = 0
        with self.lock:
            dropped = self.queue.drop_all()
        for request in dropped:
            request.cancel()
        self.shutdown(timeout=_THREAD_END_SECONDS)
        return not self.threads

    def _add(self, count: int) -> None:
        with self._counting:
            if self._count:  # else they have been stopped meanwhile
                self.set_thread_count(self._count + count)
                self._count += count


class Dispatchers:
    """All of them.

    Args:
        health_paths: paths that are answered whatever else there is to do.
        loop_paths: of these the ones that wait for nothing and take no time.

    Attributes:
        usual: for whatever is not special.
    """

    def __init__(self, health_paths: Iterable[str], loop_paths: Iterable[str] = ()) -> None:
        self._loop_paths = frozenset(loop_paths)
        self.usual = Threads(REQUEST_THREADS, MOST_OF_ONE)
        self._bodies = Threads(_BODY_THREADS)
        self._refusals = Threads(1)
        # Each on its own: readiness may wait a second for the Manager.
        self._health = {path: Threads(1) for path in health_paths}
        self._all = (self.usual, self._bodies, self._refusals, *self._health.values())

    def start(self) -> None:
        """Begin to answer."""
        for threads in self._all:
            threads.start()

    def is_for_health(self, request: "HTTPRequestParser") -> bool:
        """Whether a request has threads of its own."""
        return request.path in self._health  # type: ignore[attr-defined]  # lacks in the stubs

    def of(self, request: "HTTPRequestParser") -> Threads:
        """Whose threads are to answer a request."""
        if request.error is not None:
            return self._refusals
        is_coded = "CONTENT_ENCODING" in request.headers  # and may be long once it is decoded
        if is_coded or request.body_bytes_received > _LARGE_BODY_BYTES:
            return self._bodies
        return self._health.get(request.path, self.usual)  # type: ignore[attr-defined]  # lacks in the stubs

    def needs_thread(self, request: "HTTPRequestParser") -> bool:
        """Whether a request may wait for something, or take long. For others a change of threads
        would be one more wait for the interpreter's lock.
        """
        if request.error is not None:  # it may have no path, nor method
            return True
        known: Any = request  # the stubs lack the path, and take the method for bytes
        is_short = known.command in {"GET", "HEAD"} and not request.body_bytes_received
        return not is_short or known.path not in self._loop_paths

    @property
    def are_busy(self) -> bool:
        """Whether some request is being answered, or waits for that."""
        return any(one.queue or one.active_count for one in self._all)

    def stop(self) -> bool:
        """Drop what waits; returns whether all threads have ended."""
        ended = [threads.stop() for threads in self._all]
        return all(ended)
