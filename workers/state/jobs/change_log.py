"""What changed of a job, in order: how a reader that has seen it once learns what is new."""

import secrets
from array import array
from collections.abc import Sequence

_MIN_ENTRIES = 1024
_ENTRIES_A_URL = 16  # one has two as a rule: its attempt begins, and ends


class ChangeLog:
    """Indexes of URLs, in the order in which something to be seen of them changed.

    A version names a place in one log: the number of changes so far, counted from a random number
    of the log's own. So no version of another log, such as the same job's before a restart, is
    taken for one of this; and 0 is a version of none.

    Args:
        urls: how many there are.
    """

    __slots__ = ("_entries", "_max_entries", "_start")

    def __init__(self, urls: int) -> None:
        self._max_entries = max(_MIN_ENTRIES, urls * _ENTRIES_A_URL)
        self._begin()

    def _begin(self) -> None:
        self._start = (1 + secrets.randbits(30)) << 32
        self._entries = array("I")

    def __len__(self) -> int:
        """Changes that it holds."""
        return len(self._entries)

    @property
    def version(self) -> int:
        """The job's version now."""
        return self._start + len(self._entries)

    def note(self, index: int) -> None:
        """Something to be seen of this URL has changed."""
        if len(self._entries) >= self._max_entries:
            # A URL may be put back any number of times. Begun anew, the log stays small, and
            # whoever follows the job reads it once more from the beginning.
            self._begin()
        self._entries.append(index)

    def knows(self, version: int) -> bool:
        """Whether it can tell what has changed since."""
        return self._start <= version <= self.version

    def since(self, version: int, limit: int) -> tuple[Sequence[int], int]:
        """The URLs that changed since a version it knows.

        Args:
            version: where to begin.
            limit: changes to go through.

        Returns:
            Their indexes, each once and in ascending order, and the version that this leads to.
        """
        begin = version - self._start
        entries = self._entries[begin : begin + limit]
        return array("I", sorted(set(entries))), version + len(entries)
