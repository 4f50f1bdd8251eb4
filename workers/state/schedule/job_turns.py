"""Order of one tenant's jobs: stride scheduling (Waldspurger and Weihl 1995)."""

import heapq
from collections.abc import Container


class JobTurns:
    """Queue of the jobs with URLs to lease, each once, in the order of their turns.

    A job's stride is the time between its turns, on a clock that advances with the turns taken. No
    job starves: the time of its next turn is fixed when it enters the queue. Not thread-safe.
    """

    __slots__ = ("_arrivals", "_heap", "_now")

    def __init__(self) -> None:
        # (turn, number, job id): equal turns in the order of arrival.
        self._heap: list[tuple[int, int, str]] = []
        self._arrivals = 0
        self._now = 0

    def __len__(self) -> int:
        return len(self._heap)

    def enter(self, job_id: str, stride: int) -> None:
        """Enqueue a new job one turn early: before the large job that is being processed."""
        self.line_up(job_id, max(1, stride - 1))

    def line_up(self, job_id: str, stride: int) -> None:
        """Enqueue a job for its next turn."""
        self._arrivals += 1
        heapq.heappush(self._heap, (self._now + stride, self._arrivals, job_id))

    def take(self) -> str:
        """Remove and return the job whose turn it is."""
        self._now, _, job_id = heapq.heappop(self._heap)
        return job_id

    def keep(self, job_ids: Container[str]) -> None:
        """Drop all other jobs."""
        self._heap = [entry for entry in self._heap if entry[2] in job_ids]
        heapq.heapify(self._heap)
