"""The ids of jobs as they stand in paths."""

import uuid
from http import HTTPStatus

from service.problems import Problem


def canonical(job_id: str) -> str | None:
    """The id as the board knows it; None if it is none, and not worth asking the board."""
    # Capitals mean the same (RFC 9562, section 4).
    try:
        return str(uuid.UUID(job_id))
    except ValueError:
        return None


def job_not_found() -> Problem:
    """The problem of an id that belongs to no job, or to one of somebody else."""
    return Problem(
        HTTPStatus.NOT_FOUND,
        "job-not-found",
        "There is no job with this id. Jobs may be gone after a restart, or forgotten some time "
        "after their end.",
    )
