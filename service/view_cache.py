"""Keeps what was rendered lately, within so many bytes."""

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar


class View(Protocol):
    """Something rendered."""

    @property
    def size(self) -> int:
        """Bytes of memory, roughly."""
        ...


_Key = TypeVar("_Key", bound=Hashable)
_View = TypeVar("_View", bound=View)


class _Kept(Generic[_View]):
    def __init__(self, view: _View) -> None:
        self.view = view
        self.lock = threading.Lock()
        self.size = 0  # when it was last looked at


class ViewCache(Generic[_Key, _View]):
    """One view for each key; what was not used for longest goes first.

    Args:
        make: a fresh view.
        most_bytes: all views together, once they are not in use.
    """

    def __init__(self, make: Callable[[], _View], most_bytes: int) -> None:
        self._make = make
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: dict[_Key, _Kept[_View]] = {}  # in the order of use
        self._bytes = 0

    @contextmanager
    def view(self, key: _Key) -> Iterator[_View]:
        """The view of a key, for this thread alone; others of that key wait."""
        with self._lock:
            kept = self._kept.pop(key, None) or _Kept(self._make())
            self._kept[key] = kept
        with kept.lock:
            try:
                yield kept.view
            finally:
                self._weigh(key, kept)

    def forget(self, key: _Key) -> None:
        """There is nothing to render any more."""
        with self._lock:
            self._drop(key)

    def _weigh(self, key: _Key, kept: _Kept[_View]) -> None:
        size = kept.view.size
        with self._lock:
            if self._kept.get(key) is not kept:
                return  # gone meanwhile
            self._bytes += size - kept.size
            kept.size = size
            while self._bytes > self._most_bytes:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: _Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= kept.size
