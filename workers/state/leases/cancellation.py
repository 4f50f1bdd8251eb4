"""Cancels a job: waiting URLs fail at once, leased ones still end."""

import threading
import time
from collections.abc import Callable, Sequence

from workers.contract.job_messages import Cancellation
from workers.contract.messages import Failed, JobStatus, Refusal, RefusalCode
from workers.state.jobs.job_table import JobTable
from workers.state.schedule.scheduler import Scheduler

_URLS_A_STEP = 1000  # about 4 ms
_STEP_ASIDE_SECONDS = 0.001  # a lock is not fair: without a pause, waiters may starve


def cancel(
    job_id: str,
    owner: str,
    *,
    table: JobTable,
    room: Scheduler,
    changed: threading.Condition,
    clock: Callable[[], float],
) -> Cancellation | Refusal | None:
    """Fail all URLs of a job without a lease.

    From the first step on no URL of the job is leased, and one that would be requeued fails too;
    see `OutcomeHandler`.

    Args:
        job_id: the job.
        owner: of the job.
        table: the job table.
        room: the scheduler.
        changed: the mailbox's condition, which guards both.
        clock: monotonic seconds.

    Returns:
        None if this owner has no such job.
    """
    with changed:
        job = table.overview(job_id, owner)
        if job is None:
            return None
        if job.cancelled is not None:
            return Cancellation(job.cancelled, is_first=False)
        if job.status is JobStatus.COMPLETE:
            return Refusal(
                RefusalCode.JOB_COMPLETE, "The job is complete; there is nothing to cancel.", None
            )
        table.cancel(job_id, ())
        waiting = room.remove(job_id, clock())
    _end(job_id, waiting, lambda step: table.cancel(job_id, step), room=room, changed=changed)
    return Cancellation(len(waiting), is_first=True)


def fail_waiting(
    job_id: str,
    failure: Failed,
    *,
    table: JobTable,
    room: Scheduler,
    changed: threading.Condition,
    clock: Callable[[], float],
) -> None:
    """Have all URLs of a job fail that nobody works on, and no more be handed out; see `cancel`."""
    with changed:
        if job_id not in table.kept.by_id or not table.kept.by_id[job_id].pending:
            return
        waiting = room.remove(job_id, clock())
    _end(
        job_id, waiting, lambda step: table.fail(job_id, step, failure), room=room, changed=changed
    )


def _end(
    job_id: str,
    waiting: list[int],
    end: Callable[[Sequence[int]], object],
    *,
    room: Scheduler,
    changed: threading.Condition,
) -> None:
    """Make URLs final in steps, so that no other caller waits for long."""
    waiting.sort()
    for start in range(0, len(waiting), _URLS_A_STEP):
        step = waiting[start : start + _URLS_A_STEP]
        with changed:
            room.end_removed(job_id, len(step))
            end(step)
        if start + len(step) < len(waiting):
            time.sleep(_STEP_ASIDE_SECONDS)
