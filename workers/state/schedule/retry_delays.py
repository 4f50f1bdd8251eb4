"""The URLs that wait for the time of their next attempt."""

import heapq
import math
from collections.abc import Iterator

from workers.contract.messages import UrlKey

_URL_BYTES = 300  # measured with CPython 3.11


class RetryDelays:
    """A queue by time, from which a job can be taken out without a search.

    What is taken out leaves its entry in the heap, which is passed over when its time comes; when
    half of the heap is such entries it is made anew. Not safe for threads by itself. Times are
    monotonic seconds.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, UrlKey]] = []
        # By job: the indexes of those that wait.
        self._waiting: dict[str, set[int]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def size(self) -> int:
        """Bytes of memory, by an estimate."""
        return _URL_BYTES * len(self._heap)

    def add(self, place: UrlKey, due: float) -> bool:
        """Keep a URL until a time; returns whether it is the next one."""
        job_id, index = place
        self._waiting.setdefault(job_id, set()).add(index)
        self._count += 1
        heapq.heappush(self._heap, (due, place))
        return self._heap[0][1] == place

    def pop_due(self, now: float) -> Iterator[UrlKey]:
        """Hand out the URLs whose time has come, one after the other."""
        while self._heap and self._heap[0][0] <= now:
            _, place = heapq.heappop(self._heap)
            if self._leave(place):
                yield place

    def next_due(self) -> float:
        """When the next one may be due; never later than it is."""
        return self._heap[0][0] if self._heap else math.inf

    def remove(self, job_id: str) -> set[int]:
        """Take a job out; returns the indexes of its URLs that waited."""
        removed = self._waiting.pop(job_id, set())
        self._count -= len(removed)
        if len(self._heap) > 2 * self._count:
            self._heap = [entry for entry in self._heap if self._holds(entry[1])]
            heapq.heapify(self._heap)
        return removed

    def _holds(self, place: UrlKey) -> bool:
        return place[1] in self._waiting.get(place[0], ())

    def _leave(self, place: UrlKey) -> bool:
        if not self._holds(place):
            return False
        job_id, index = place
        waiting = self._waiting[job_id]
        waiting.remove(index)
        if not waiting:
            del self._waiting[job_id]
        self._count -= 1
        return True
