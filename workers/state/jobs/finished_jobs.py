"""The jobs that are complete, in the order in which they are to be forgotten."""

import heapq
from collections import deque
from collections.abc import Callable


class FinishedJobs:
    """By tenant, in the order in which they finished. Not safe for threads by itself.

    Args:
        is_needed: whether a job must stay for now; it then stays as if it had finished now.
    """

    def __init__(self, is_needed: Callable[[str], bool]) -> None:
        self._is_needed = is_needed
        # Monotonic seconds and job id; no queue is empty.
        self._queues: dict[str, deque[tuple[float, str]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def add(self, tenant: str, job_id: str, now: float) -> None:
        """A job is complete."""
        self._queues.setdefault(tenant, deque()).append((now, job_id))

    def take_old(self, before: float, limit: int, now: float) -> tuple[list[str], int]:
        """Take out jobs that finished by a time.

        Args:
            before: monotonic seconds.
            limit: jobs to look at.
            now: monotonic seconds.

        Returns:
            The jobs, and how many were looked at.
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

    def take_for_room(
        self, size_of: Callable[[str], int], forget: Callable[[list[str]], bool], now: float
    ) -> None:
        """Take out the oldest job of whoever has most, one by one, until there is room.

        So whoever sends much makes room with what is his, and nobody else's results go for it.

        Args:
            size_of: what a tenant has.
            forget: is given the job taken out, or none, and returns whether there is room now.
            now: monotonic seconds.
        """
        # Each job is looked at once: what is needed stays behind the others.
        left = {tenant: len(queue) for tenant, queue in self._queues.items()}
        heap = [(-size_of(tenant), self._queues[tenant][0], tenant) for tenant in left]
        heapq.heapify(heap)
        while heap:
            tenant = heap[0][2]
            left[tenant] -= 1
            if forget(self._take_first(tenant, now)):
                return
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
