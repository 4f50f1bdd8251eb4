"""The jobs that are named in paths."""

import uuid
from http import HTTPStatus

from service.problems.problems import Problem
from workers import Backend, ChangesWanted, JobChanges


def canonical(job_id: str) -> str:
    """The id as the board knows it.

    Raises:
        Problem: it is none, and not worth asking the board.
    """
    # Capitals mean the same (RFC 9562, section 4).
    try:
        return str(uuid.UUID(job_id))
    except ValueError:
        raise job_not_found() from None


def look_at(backend: Backend, job_id: str, owner: str) -> JobChanges:
    """A job at a glance, without its URLs.

    Args:
        backend: where it is.
        job_id: its id, as the board knows it.
        owner: who asks.

    Raises:
        Problem: this owner has no such job.
    """
    job = backend.job_table.changes(ChangesWanted(job_id, owner=owner, limit=0))
    if job is None:
        raise job_not_found()
    return job


def job_not_found() -> Problem:
    """The problem of an id that belongs to no job, or to one of somebody else."""
    return Problem(
        HTTPStatus.NOT_FOUND,
        "job-not-found",
        "There is no job with this id. Jobs may be gone after a restart, or forgotten some time "
        "after their end.",
    )
