"""Job ids in paths."""

import uuid

from service.problems.problems import Problem
from workers import Backend, ChangesWanted, JobChanges


def canonical(job_id: str) -> str:
    """Return the normalized job id.

    Raises:
        Problem: 404, not a UUID.
    """
    # UUIDs are case-insensitive (RFC 9562, section 4).
    try:
        return str(uuid.UUID(job_id))
    except ValueError:
        raise job_not_found() from None


def look_at(backend: Backend, job_id: str, owner: str) -> JobChanges:
    """Return a job without its URLs, by its normalized id.

    Raises:
        Problem: 404, this owner has no such job.
    """
    job = backend.job_table.changes(ChangesWanted(job_id, owner=owner, limit=0))
    if job is None:
        raise job_not_found()
    return job


def job_not_found() -> Problem:
    """Return the problem of an unknown job, or of one of another owner."""
    return Problem(
        "job-not-found",
        "There is no job with this id. Jobs may be gone after a restart, or forgotten some time "
        "after their end.",
    )
