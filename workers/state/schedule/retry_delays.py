"""URLs that wait for the time of their next attempt."""

import heapq
import math
from collections.abc import Iterator

from workers.contract.messages.round_trip import UrlKey

_URL_BYTES = 300  # measured with CPython 3.11


class RetryDelays:
    """A priority queue by time, from which a job is removed without a search.

    A removed URL leaves a stale entry in the heap, which is skipped when due; the heap is rebuilt
    when half of it is stale. Not thread-safe. Times are monotonic seconds.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, UrlKey]] = []
        # job id → indexes of waiting URLs
        self._waiting: dict[str, set[int]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def size(self) -> int:
        """Estimated memory in bytes."""
        return _URL_BYTES * len(self._heap)

    def add(self, key: UrlKey, due: float) -> bool:
        """Add a URL due at a time; return whether it is the next one."""
        job_id, index = key
        self._waiting.setdefault(job_id, set()).add(index)
        self._count += 1
        heapq.heappush(self._heap, (due, key))
        return self._heap[0][1] == key

    def pop_due(self, now: float) -> Iterator[UrlKey]:
        """Remove and yield the due URLs."""
        while self._heap and self._heap[0][0] <= now:
            _, key = heapq.heappop(self._heap)
            if self._holds(key):
                job_id, index = key
                self._waiting[job_id].remove(index)
                if not self._waiting[job_id]:
                    del self._waiting[job_id]
                self._count -= 1
                yield key

    def next_due(self) -> float:
        """Return a time at or before that of the next URL."""
        return self._heap[0][0] if self._heap else math.inf

    def remove(self, job_id: str) -> set[int]:
        """Remove a job; return the indexes of its waiting URLs."""
        removed = self._waiting.pop(job_id, set())
        self._count -= len(removed)
        if len(self._heap) > 2 * self._count:
            self._heap = [entry for entry in self._heap if self._holds(entry[1])]
            heapq.heapify(self._heap)
        return removed

    def _holds(self, key: UrlKey) -> bool:
        return key[1] in self._waiting.get(key[0], ())
