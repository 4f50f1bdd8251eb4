"""Complete jobs, in the order of their eviction."""

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterator

from workers.state.jobs.job import Job


class FinishedJobs:
    """Complete jobs by tenant, in the order in which they finished. Not thread-safe.

    A job with an open task is not taken: it counts as finished now. Times are monotonic seconds.
    """

    def __init__(self) -> None:
        # By id, with the time at which each finished; no queue is empty.
        self._queues: dict[str, OrderedDict[str, tuple[float, Job]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def add(self, job: Job, now: float) -> None:
        """Add a complete job."""
        self._queues.setdefault(job.asked.tenant, OrderedDict())[job.asked.job_id] = now, job

    def remove(self, job: Job) -> None:
        """Remove a job, if it is there."""
        tenant, job_id = job.asked.tenant, job.asked.job_id
        if job_id in self._queues.get(tenant, ()):
            del self._queues[tenant][job_id]
            if not self._queues[tenant]:
                del self._queues[tenant]

    def take_old(self, before: float, now: float) -> Iterator[str | None]:
        """Remove and yield the jobs that finished by a time; None for one that is not taken. Others
        may be added and taken meanwhile.
        """
        for tenant, queue in list(self._queues.items()):
            for _ in range(len(queue)):
                if not queue or _first(queue)[0] > before:
                    break
                yield self._take_first(tenant, now)

    def take_for_room(self, size_of: Callable[[str], int], now: float) -> Iterator[str | None]:
        """Remove and yield the oldest job of the tenant with the most memory, again and again; None
        for one that is not taken.

        So a tenant that sends much loses its own results, not those of others.
        """
        # Checks each job once: one that is not taken goes to the end of its queue.
        left = {tenant: len(queue) for tenant, queue in self._queues.items()}
        heap = [self._entry(size_of, tenant) for tenant in left]
        heapq.heapify(heap)
        while heap:
            _, _, tenant = heap[0]
            left[tenant] -= 1
            yield self._take_first(tenant, now)
            if left[tenant]:
                heapq.heapreplace(heap, self._entry(size_of, tenant))
            else:
                heapq.heappop(heap)

    def _entry(self, size_of: Callable[[str], int], tenant: str) -> tuple[int, float, str]:
        return -size_of(tenant), _first(self._queues[tenant])[0], tenant

    def _take_first(self, tenant: str, now: float) -> str | None:
        _, job = _first(self._queues[tenant])
        self.remove(job)
        if job.has_open_tasks:
            self.add(job, now)
            return None
        return job.asked.job_id


def _first(queue: OrderedDict[str, tuple[float, Job]]) -> tuple[float, Job]:
    return next(iter(queue.values()))
