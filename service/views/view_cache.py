"""Cache of rendered views with a memory limit."""

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

IDLE_SECONDS: Final = 120.0
"""A polling client asks more often; an idle view is dropped, and made again on request."""


class View(Protocol):
    @property
    def size(self) -> int:
        """Estimated memory in bytes."""


_Key = TypeVar("_Key", bound=Hashable)
_View = TypeVar("_View", bound=View)


@dataclass(slots=True, eq=False)
class _Kept(Generic[_View]):
    view: _View
    lock: threading.Lock = field(default_factory=threading.Lock)
    size: int = 0  # when last measured
    used_at: float = 0.0


@dataclass(eq=False)
class ViewCache(Generic[_Key, _View]):
    """One view per key; the least recently used one is evicted first."""

    make: Callable[[], _View]  # makes an empty view
    max_bytes: int  # memory limit of all unused views
    clock: Callable[[], float] = time.monotonic  # a view unused for `IDLE_SECONDS` is evicted
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    # Least recently used first.
    _kept: dict[_Key, _Kept[_View]] = field(default_factory=dict, init=False)
    _bytes: int = field(default=0, init=False)

    @contextmanager
    def view(self, key: _Key) -> Iterator[_View]:
        """Lock and yield the view of a key; other threads with that key wait."""
        with self._lock:
            kept = self._kept.pop(key, None) or _Kept(self.make())
            kept.used_at = self.clock()
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
            while self._bytes > self.max_bytes:
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
