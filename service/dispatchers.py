"""The threads that answer requests, apart by what may hold them up."""

from typing import TYPE_CHECKING, Final

from waitress.task import ThreadedTaskDispatcher

from service.api_keys import HEALTH_PATHS

if TYPE_CHECKING:
    from waitress.parser import HTTPRequestParser

# Handlers do not wait for anything but the job board, which answers within milliseconds; the
# threads are many so that a few large jobs being rendered do not hold up small requests.
_THREADS: Final = 8

_BODY_THREADS: Final = 2
"""Parsing a large body holds up all other threads, so that more at once would not be done sooner;
the second one goes on while the first waits for the job board."""

_LARGE_BODY_BYTES: Final = 256 * 1024
"""So much JSON takes some 15 ms at the worst."""

_THREAD_END_SECONDS: Final = 1


class Dispatchers:
    """All of them.

    Attributes:
        usual: for whatever is not special.
    """

    def __init__(self) -> None:
        self.usual = ThreadedTaskDispatcher()
        self._bodies = ThreadedTaskDispatcher()
        self._refusals = ThreadedTaskDispatcher()
        # Each on its own: readiness may wait a second for the Manager.
        self._health = {path: ThreadedTaskDispatcher() for path in HEALTH_PATHS}
        self._single = (self._refusals, *self._health.values())
        self._all = (self.usual, self._bodies, *self._single)

    def start(self) -> None:
        """Begin to answer."""
        self.usual.set_thread_count(_THREADS)
        self._bodies.set_thread_count(_BODY_THREADS)
        for dispatcher in self._single:
            dispatcher.set_thread_count(1)

    def of(self, request: "HTTPRequestParser") -> ThreadedTaskDispatcher:
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
        for dispatcher in self._all:
            dispatcher.shutdown(timeout=_THREAD_END_SECONDS)
        return not any(dispatcher.threads for dispatcher in self._all)
