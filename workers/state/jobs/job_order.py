"""In which order an owner's jobs came, so that a list of them never scans all jobs."""

import heapq
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

from workers.contract.messages import JobStatus


class JobOrder:
    """Job ids by owner and status, each list in the order of their numbers.

    Jobs are numbered as they come; most changes touch the end of a list, or its beginning, so that
    moving the rest of it is a matter of microseconds. Not safe for threads by itself.
    """

    def __init__(self) -> None:
        self._last_number = 0
        self._lists: defaultdict[tuple[str, JobStatus], list[tuple[int, str]]] = defaultdict(list)

    def add(self, owner: str, job_id: str, status: JobStatus) -> int:
        """Append a job; returns its number."""
        self._last_number += 1
        self._lists[owner, status].append((self._last_number, job_id))
        return self._last_number

    def move(self, owner: str, entry: tuple[int, str], old: JobStatus, new: JobStatus) -> None:
        """A job, known by its number and id, has another status now."""
        self._take(owner, entry, old)
        insort(self._lists[owner, new], entry)

    def remove(self, owner: str, entry: tuple[int, str], status: JobStatus) -> None:
        """A job is forgotten."""
        self._take(owner, entry, status)

    def newest_first(
        self, owner: str, statuses: Iterable[JobStatus], before: int | None, limit: int
    ) -> list[tuple[int, str]]:
        """The numbers and ids of at most so many jobs.

        Args:
            owner: whose.
            statuses: jobs of any of these.
            before: only those with a lower number; None for all.
            limit: how many.
        """
        lists = (self._lists.get((owner, status), []) for status in statuses)
        merged = heapq.merge(*(_backwards(entries, before) for entries in lists), reverse=True)
        return list(islice(merged, limit))

    def _take(self, owner: str, entry: tuple[int, str], status: JobStatus) -> None:
        entries = self._lists[owner, status]
        del entries[bisect_left(entries, entry)]
        if not entries:
            del self._lists[owner, status]


def _backwards(entries: list[tuple[int, str]], before: int | None) -> Iterator[tuple[int, str]]:
    end = len(entries) if before is None else bisect_left(entries, (before,))
    return (entries[place] for place in range(end - 1, -1, -1))
