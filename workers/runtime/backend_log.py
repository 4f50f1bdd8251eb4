"""The log of a backend's end, for all engines."""

from collections import defaultdict
from collections.abc import Iterable

import structlog

from workers.contract.messages.round_trip import TaskKey
from workers.contract.state_calls import StateObjects

_MAX_JOB_IDS = 10  # in one line of the log


def close_state(objects: StateObjects, journal_path: str | None) -> dict[str, int]:
    """Log the tasks that are not done, and close the journal, after a drain.

    Returns:
        Number of unfinished URLs by job id.
    """
    unfinished = objects.job_table.unfinished()
    _log_open_tasks(objects.mailbox.open_tasks(), kept=journal_path is not None)
    objects.recovery.close()
    return unfinished


def _log_open_tasks(tasks: Iterable[TaskKey], *, kept: bool) -> None:
    event = "tasks kept for the next start" if kept else "tasks dropped"
    jobs: defaultdict[str, list[str]] = defaultdict(list)
    for kind, (job_id, _) in tasks:
        jobs[kind.value].append(job_id)
    for task, job_ids in jobs.items():
        structlog.get_logger("backend").warning(
            event, task=task, count=len(job_ids), job_ids=job_ids[:_MAX_JOB_IDS]
        )
