"""What the log says at the beginning and the end of a backend's life, whichever engine it has."""

from collections import defaultdict
from collections.abc import Iterable

import structlog

from workers.contract.messages import TaskKey
from workers.contract.state_calls import Recovered

_JOB_IDS_TOLD = 10  # in one line of the log


def log_recovered(journal_path: str, recovered: Recovered) -> None:
    """Say what a journal brought back."""
    log = structlog.get_logger("backend")
    log.info(
        "journal read: going on from there",
        journal=journal_path,
        jobs=recovered.jobs,
        open_urls=recovered.open_urls,
    )
    if recovered.cut_bytes:
        log.warning(
            "the journal's last record was not whole and is left out",
            journal=journal_path,
            cut_bytes=recovered.cut_bytes,
        )
    if recovered.dropped_jobs:
        log.warning(
            "the journal holds more than there is memory for: the oldest complete jobs are dropped",
            journal=journal_path,
            dropped_jobs=recovered.dropped_jobs,
        )


def log_open_tasks(tasks: Iterable[TaskKey], *, kept: bool) -> None:
    """Log the webhooks and deletions that are not done.

    Args:
        tasks: the open ones.
        kept: whether a journal brings them back.
    """
    event = "tasks kept for the next start" if kept else "tasks dropped"
    jobs: defaultdict[str, list[str]] = defaultdict(list)
    for kind, (job_id, _) in tasks:
        jobs[kind.value].append(job_id)
    for task, job_ids in jobs.items():
        structlog.get_logger("backend").warning(
            event, task=task, count=len(job_ids), job_ids=job_ids[:_JOB_IDS_TOLD]
        )
