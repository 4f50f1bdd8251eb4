"""The log of a backend's end, for all engines."""

from collections import defaultdict

import structlog

from workers.contract.state_calls import StateObjects
from workers.worker.task_log import log_lines

_MAX_JOB_IDS = 10  # in one line of the log


def close_state(objects: StateObjects, journal_path: str | None) -> dict[str, int]:
    """Log what failed at last and the tasks that are not done, and close the journal, after a
    drain.

    Returns:
        Number of unfinished URLs by job id.
    """
    log_lines(objects.mailbox.tend())
    unfinished = objects.job_table.unfinished()
    event = "tasks dropped" if journal_path is None else "tasks kept for the next start"
    jobs: defaultdict[str, list[str]] = defaultdict(list)
    for kind, (job_id, _) in objects.mailbox.open_tasks():
        jobs[kind.value].append(job_id)
    for task, job_ids in jobs.items():
        structlog.get_logger("backend").warning(
            event, task=task, count=len(job_ids), job_ids=job_ids[:_MAX_JOB_IDS]
        )
    objects.recovery.close()
    return unfinished
