"""Index of jobs by owner and status, newest first, so that listing never scans all jobs."""

import heapq
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import attrgetter
from typing import Final

from workers.contract.messages.jobs import JobStatus
from workers.state.jobs.job import Job

_number: Final = attrgetter("number")


class JobOrder:
    """Jobs by owner and status, each list in the order of their numbers.

    Most changes are near either end of a list, so moving its other entries takes microseconds. Not
    thread-safe.
    """

    def __init__(self) -> None:
        self._last_number = 0
        self._lists: defaultdict[tuple[str, JobStatus], list[Job]] = defaultdict(list)

    def add(self, job: Job) -> None:
        """Append a job; set its number."""
        job.number = self._last_number = self._last_number + 1
        self._lists[job.asked.owner, job.status].append(job)

    def advance(self, job: Job, status: JobStatus) -> None:
        """Set a job's next status."""
        self.remove(job)
        job.status = status
        insort(self._lists[job.asked.owner, status], job, key=_number)

    def remove(self, job: Job) -> None:
        jobs = self._lists[job.asked.owner, job.status]
        del jobs[bisect_left(jobs, job.number, key=_number)]
        if not jobs:
            del self._lists[job.asked.owner, job.status]

    def newest_first(
        self, owner: str, statuses: Iterable[JobStatus], before: int | None, limit: int
    ) -> list[Job]:
        """Return an owner's jobs with any of these statuses and lower numbers than `before`."""
        lists = (self._lists.get((owner, status), []) for status in statuses)
        backwards = (_backwards(jobs, before) for jobs in lists)
        return list(islice(heapq.merge(*backwards, key=_number, reverse=True), limit))


def _backwards(jobs: list[Job], before: int | None) -> Iterator[Job]:
    end = len(jobs) if before is None else bisect_left(jobs, before, key=_number)
    return (jobs[at] for at in range(end - 1, -1, -1))
