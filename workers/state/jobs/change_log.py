"""Log of a job's changes, in order: a reader gets those since a version."""

import secrets
from array import array
from collections.abc import Sequence

_MIN_ENTRIES = 1024
_ENTRIES_A_URL = 16  # most URLs have two: an attempt begins and ends


class ChangeLog:
    """Indexes of a job's URLs, in the order in which their visible state changed.

    A version is a position in one log: the number of changes so far plus a random start. So a
    version of another log, such as the same job's before a restart, is not valid here; 0 is valid
    in no log.
    """

    __slots__ = ("_entries", "_max_entries", "_start")

    def __init__(self, urls: int) -> None:
        self._max_entries = max(_MIN_ENTRIES, urls * _ENTRIES_A_URL)
        self._begin()

    def _begin(self) -> None:
        self._start = (1 + secrets.randbits(30)) << 32
        self._entries = array("I")

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def version(self) -> int:
        """The job's version now."""
        return self._start + len(self._entries)

    def note(self, index: int = 0) -> None:
        """Record that the visible state of a URL changed, or that of the job itself, which any
        index shows.
        """
        if len(self._entries) >= self._max_entries:
            # A URL may be requeued any number of times. A new log stays small; readers of the job
            # then read it from the beginning once more.
            self._begin()
        self._entries.append(index)

    def knows(self, version: int) -> bool:
        """Return whether the version is one of this log."""
        return self._start <= version <= self.version

    def since(self, version: int, limit: int) -> tuple[Sequence[int], int]:
        """Return the URLs that changed since a version of this log, distinct and ascending, and the
        version reached; at most `limit` changes are read.
        """
        begin = version - self._start
        entries = self._entries[begin : begin + limit]
        return array("I", sorted(set(entries))), version + len(entries)
