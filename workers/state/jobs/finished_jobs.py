"""Complete jobs, in the order of their eviction."""

import heapq
from collections import deque
from collections.abc import Callable, Iterator


class FinishedJobs:
    """Complete jobs by tenant, in the order in which they finished. Not thread-safe.

    Args:
        is_needed: returns whether a job must stay; it then counts as finished now.
    """

    def __init__(self, is_needed: Callable[[str], bool]) -> None:
        self._is_needed = is_needed
        # (monotonic seconds, job id); no queue is empty.
        self._queues: dict[str, deque[tuple[float, str]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def add(self, tenant: str, job_id: str, now: float) -> None:
        """Add a complete job."""
        self._queues.setdefault(tenant, deque()).append((now, job_id))

    def take_old(self, before: float, limit: int, now: float) -> tuple[list[str], int]:
        """Remove and return jobs that finished by a time; return also the number of jobs checked,
        at most `limit`. Times are in monotonic seconds.
        """
        old: list[str] = []
        looked = 0
        for tenant in list(self._queues):
            for _ in range(len(self._queues[tenant])):
                if looked == limit or self._queues[tenant][0][0] > before:
                    break
                looked += 1
                old += self._take_first(tenant, now)
        return old, looked

    def take_for_room(self, size_of: Callable[[str], int], now: float) -> Iterator[str]:
        """Remove and yield the oldest job of the tenant with the most memory, again and again.

        So a tenant that sends much loses its own results, not those of others.
        """
        # Checks each job once: a needed one goes to the end of its queue.
        left = {tenant: len(queue) for tenant, queue in self._queues.items()}
        heap = [(-size_of(tenant), self._queues[tenant][0], tenant) for tenant in left]
        heapq.heapify(heap)
        while heap:
            tenant = heap[0][2]
            left[tenant] -= 1
            yield from self._take_first(tenant, now)
            if left[tenant]:
                entry = (-size_of(tenant), self._queues[tenant][0], tenant)
                heapq.heapreplace(heap, entry)
            else:
                heapq.heappop(heap)

    def _take_first(self, tenant: str, now: float) -> list[str]:
        queue = self._queues[tenant]
        _, job_id = queue.popleft()
        if self._is_needed(job_id):
            queue.append((now, job_id))
            return []
        if not queue:
            del self._queues[tenant]
        return [job_id]
