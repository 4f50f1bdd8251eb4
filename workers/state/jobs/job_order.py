"""Index of jobs by owner and status, newest first, so that listing never scans all jobs."""

import heapq
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

from workers.contract.messages import JobStatus


class JobOrder:
    """Job ids by owner and status, each list in the order of their numbers.

    Most changes are near either end of a list, so moving its other entries takes microseconds. Not
    thread-safe.
    """

    def __init__(self) -> None:
        self._last_number = 0
        self._lists: defaultdict[tuple[str, JobStatus], list[tuple[int, str]]] = defaultdict(list)

    def add(self, owner: str, job_id: str, status: JobStatus) -> int:
        """Append a job; return its number."""
        self._last_number += 1
        self._lists[owner, status].append((self._last_number, job_id))
        return self._last_number

    def move(self, owner: str, entry: tuple[int, str], old: JobStatus, new: JobStatus) -> None:
        """Move a job (number, id) to another status."""
        self.remove(owner, entry, old)
        insort(self._lists[owner, new], entry)

    def remove(self, owner: str, entry: tuple[int, str], status: JobStatus) -> None:
        """Remove a job (number, id)."""
        entries = self._lists[owner, status]
        del entries[bisect_left(entries, entry)]
        if not entries:
            del self._lists[owner, status]

    def newest_first(
        self, owner: str, statuses: Iterable[JobStatus], before: int | None, limit: int
    ) -> list[tuple[int, str]]:
        """Return the numbers and ids of an owner's jobs with any of these statuses, and with lower
        numbers than `before`.
        """
        lists = (self._lists.get((owner, status), []) for status in statuses)
        merged = heapq.merge(*(_backwards(entries, before) for entries in lists), reverse=True)
        return list(islice(merged, limit))


def _backwards(entries: list[tuple[int, str]], before: int | None) -> Iterator[tuple[int, str]]:
    end = len(entries) if before is None else bisect_left(entries, (before,))
    return (entries[at] for at in range(end - 1, -1, -1))
