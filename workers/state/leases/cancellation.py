"""How a job is called off: what waits ends at once, what is in work by itself."""

import threading
import time
from collections.abc import Callable

from workers.contract.job_messages import Cancellation
from workers.contract.messages import JobStatus, Refusal, RefusalCode
from workers.state.jobs.job_table import JobTable
from workers.state.schedule.scheduler import Scheduler

_URLS_A_STEP = 1000  # some 4 ms
_STEP_ASIDE_SECONDS = 0.001  # a lock goes to whoever comes first, not to who has waited


def cancel(
    job_id: str,
    owner: str,
    *,
    table: JobTable,
    room: Scheduler,
    changed: threading.Condition,
    clock: Callable[[], float],
) -> Cancellation | Refusal | None:
    """End all URLs of a job that nobody works on.

    From the first step on nothing more of the job is handed out, and what comes back without a
    result ends, too; see `OutcomeHandler`.

    Args:
        job_id: the job.
        owner: who asks.
        table: the job table.
        room: where its URLs wait.
        changed: the mailbox's condition, under which both are used.
        clock: monotonic seconds.

    Returns:
        None when this owner has no such job.
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
    waiting.sort()
    for start in range(0, len(waiting), _URLS_A_STEP):
        step = waiting[start : start + _URLS_A_STEP]
        with changed:
            room.end_removed(job_id, len(step))
            table.cancel(job_id, step)
        if start + len(step) < len(waiting):
            time.sleep(_STEP_ASIDE_SECONDS)
    return Cancellation(len(waiting), is_first=True)
