"""Cache of rendered views with a memory limit."""

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final, Generic, Protocol, TypeVar

IDLE_SECONDS: Final = 120.0
"""A polling client asks more often; an idle view is dropped, and made again on request."""


class View(Protocol):
    """A cached view."""

    @property
    def size(self) -> int:
        """Estimated memory in bytes."""
        ...


_Key = TypeVar("_Key", bound=Hashable)
_View = TypeVar("_View", bound=View)


class _Kept(Generic[_View]):
    def __init__(self, view: _View) -> None:
        self.view = view
        self.lock = threading.Lock()
        self.size = 0  # when last measured
        self.used_at = 0.0


class ViewCache(Generic[_Key, _View]):
    """One view per key; the least recently used one is evicted first.

    Args:
        make: makes an empty view.
        max_bytes: memory limit of all unused views.
        clock: monotonic seconds; a view unused for `IDLE_SECONDS` is evicted.
    """

    def __init__(
        self, make: Callable[[], _View], max_bytes: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._make = make
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[_Key, _Kept[_View]] = {}  # least recently used first
        self._bytes = 0

    @contextmanager
    def view(self, key: _Key) -> Iterator[_View]:
        """Lock and yield the view of a key; other threads with that key wait."""
        with self._lock:
            kept = self._kept.pop(key, None) or _Kept(self._make())
            kept.used_at = self._clock()
            self._drop_idle(kept.used_at - IDLE_SECONDS)
            self._kept[key] = kept
        with kept.lock:
            try:
                yield kept.view
            finally:
                self._weigh(key, kept)

    def peek(self, key: _Key) -> _View | None:
        """Return the view of a key, if any, without its lock."""
        with self._lock:
            kept = self._kept.get(key)
        return None if kept is None else kept.view

    def forget(self, key: _Key) -> None:
        """Drop a view whose job is gone."""
        with self._lock:
            self._drop(key)

    def _weigh(self, key: _Key, kept: _Kept[_View]) -> None:
        size = kept.view.size
        with self._lock:
            if self._kept.get(key) is not kept:
                return  # evicted meanwhile
            self._bytes += size - kept.size
            kept.size = size
            while self._bytes > self._max_bytes:
                self._drop(next(iter(self._kept)))

    def _drop_idle(self, since: float) -> None:
        while self._kept:
            key, oldest = next(iter(self._kept.items()))
            if oldest.used_at > since:
                return
            self._drop(key)

    def _drop(self, key: _Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= kept.size
