"""Which job of one tenant is next: stride scheduling (Waldspurger and Weihl 1995)."""

import heapq
from collections.abc import Container


class JobTurns:
    """The jobs that have something to hand out, each once, in the order of their turns.

    A job's stride is the time between two of its turns, on a clock that moves with the turns taken.
    No job waits for ever: the time of its next turn is fixed when its last one has passed. Not safe
    for threads by itself.
    """

    __slots__ = ("_arrivals", "_line", "_now")

    def __init__(self) -> None:
        # Turn, number, job id: equal turns in the order of arrival.
        self._line: list[tuple[int, int, str]] = []
        self._arrivals = 0
        self._now = 0

    def __len__(self) -> int:
        return len(self._line)

    def enter(self, job_id: str, stride: int) -> None:
        """Line up a new job, a turn earlier than it would come up again: before the large job
        that is at work.
        """
        self._push(job_id, max(1, stride - 1))

    def line_up(self, job_id: str, stride: int) -> None:
        """Line up a job for its next turn."""
        self._push(job_id, stride)

    def take(self) -> str:
        """Take the job whose turn it is out of the line."""
        self._now, _, job_id = heapq.heappop(self._line)
        return job_id

    def keep(self, job_ids: Container[str]) -> None:
        """Drop all other jobs."""
        self._line = [entry for entry in self._line if entry[2] in job_ids]
        heapq.heapify(self._line)

    def _push(self, job_id: str, wait: int) -> None:
        self._arrivals += 1
        heapq.heappush(self._line, (self._now + wait, self._arrivals, job_id))
