"""The threads that answer requests, apart by what may hold them up."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from waitress.task import ThreadedTaskDispatcher

if TYPE_CHECKING:
    from waitress.parser import HTTPRequestParser

# Few handlers wait for anything but the job board, which answers within milliseconds; the threads
# are many so that a few large jobs being rendered do not hold up small requests.
REQUEST_THREADS: Final = 8

_BODY_THREADS: Final = 2
"""Parsing a large body holds up all other threads, so that more at once would not be done sooner;
the second one goes on while the first waits for the job board."""

_LARGE_BODY_BYTES: Final = 256 * 1024
"""So much JSON takes some 15 ms at the worst."""

_THREAD_END_SECONDS: Final = 1


class Threads(ThreadedTaskDispatcher):
    """Those that answer requests of one kind.

    Args:
        count: how many, besides those that wait.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count
        self._counting = threading.Lock()

    def start(self) -> None:
        """Begin to answer."""
        self.set_thread_count(self._count)

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Another one, in place of the calling one, which waits."""
        self._add(1)
        try:
            yield
        finally:
            self._add(-1)

    def stop(self) -> bool:
        """Drop what waits; returns whether all have ended."""
        with self._counting:
            self._count = 0
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

    Attributes:
        usual: for whatever is not special.
    """

    def __init__(self, health_paths: Iterable[str]) -> None:
        self.usual = Threads(REQUEST_THREADS)
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

    @property
    def are_busy(self) -> bool:
        """Whether some request is being answered, or waits for that."""
        return any(one.queue or one.active_count for one in self._all)

    def stop(self) -> bool:
        """Drop what waits; returns whether all threads have ended."""
        ended = [threads.stop() for threads in self._all]
        return all(ended)
