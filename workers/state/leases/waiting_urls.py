"""Ends the URLs of a job that no worker has; leased ones still end by themselves."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from workers.contract.budget import Block
from workers.contract.messages.jobs import JobStatus
from workers.contract.messages.outcomes import Failed
from workers.contract.messages.submission import Cancellation, Refusal, RefusalCode
from workers.state.jobs.job_store import LONGEST_SECONDS, STEP_ASIDE_SECONDS
from workers.state.jobs.job_table import JobTable
from workers.state.leases.outcome_handler import OutcomeHandler
from workers.state.schedule.scheduler import Scheduler

_URLS_A_STEP = 1000  # 4 to 20 ms
_CANCEL_SECONDS = 5.0  # of a call, whose caller waits twice as long

_Work = tuple[Sequence[int], Callable[[Sequence[int]], None]]
"""Indexes of URLs, and what ends some of them, which is called with the condition held."""


@dataclass(frozen=True, slots=True)
class WaitingUrls:
    """Makes waiting URLs final in steps, so that no other caller waits for long.

    From the first step on no URL of the job is leased. What a call cannot end in time is left for
    `go_on`. The clock is in monotonic seconds.

    Attributes:
        changed: the mailbox's condition, which guards the others; not held by the caller.
    """

    table: JobTable
    room: Scheduler
    outcomes: OutcomeHandler
    changed: threading.Condition
    clock: Callable[[], float]
    _left: deque[_Work] = field(default_factory=deque, init=False)

    def cancel(self, job_id: str, owner: str) -> Cancellation | Refusal | None:
        """Cancel a job. A URL that would be requeued fails from now on; see `OutcomeHandler`.

        Returns:
            None if this owner has no such job.
        """
        with self.changed:
            job = self.table.overview(job_id, owner)
            if job is None:
                return None
            if job.cancelled is not None:
                return Cancellation(job.cancelled, is_first=False)
            if job.status is JobStatus.COMPLETE:
                message = "The job is complete; there is nothing to cancel."
                return Refusal(RefusalCode.JOB_COMPLETE, message, None)
            self.table.cancel(job_id, ())
            waiting = sorted(self.room.remove(job_id, self.clock()))

        def end(step: Sequence[int]) -> None:
            self.room.queue.end(job_id, len(step))
            self.table.cancel(job_id, step)

        self._in_steps(waiting, end, self.clock() + _CANCEL_SECONDS)
        return Cancellation(len(waiting), is_first=True)

    def fail(self, jobs: Sequence[tuple[str, Failed]]) -> None:
        """Leave all waiting URLs of jobs, which may have ended meanwhile, to `go_on`, to fail."""
        for job_id, failure in jobs:
            self._left.append(self._to_fail(job_id, failure))

    def give_up(self, block: Block) -> bool:
        """Fail all waiting URLs, as Imgur has refused whatever is sent for too long. Stops after
        `LONGEST_SECONDS`; the next call continues.

        Returns:
            Whether none is left.
        """
        message = f"Uploads have stopped for too long (IMGUR_BLOCKED_SECONDS). {block.message}"
        failure = Failed(block.reason, message)
        stop_at = self.clock() + LONGEST_SECONDS
        for job_id in self.table.unfinished():
            if self.clock() >= stop_at:
                return False
            self._in_steps(*self._to_fail(job_id, failure), stop_at)
        return not self._left

    def go_on(self) -> None:
        """End what other calls left, for `LONGEST_SECONDS`."""
        stop_at = self.clock() + LONGEST_SECONDS
        while self._left:
            self._in_steps(*self._left.popleft(), stop_at)
            if self.clock() >= stop_at:
                return

    def _to_fail(self, job_id: str, failure: Failed) -> _Work:
        with self.changed:
            waiting = sorted(self.room.remove(job_id, self.clock()))

        def end(step: Sequence[int]) -> None:
            for index in step:
                self.outcomes.end_late((job_id, index), failure)

        return waiting, end

    def _in_steps(
        self, indexes: Sequence[int], end: Callable[[Sequence[int]], None], stop_at: float
    ) -> None:
        for start in range(0, len(indexes), _URLS_A_STEP):
            if start and self.clock() >= stop_at:
                self._left.append((indexes[start:], end))
                return
            with self.changed:
                end(indexes[start : start + _URLS_A_STEP])
            time.sleep(STEP_ASIDE_SECONDS)
