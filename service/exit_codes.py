"""Exit codes and last messages of the service's commands."""

import sys
from collections.abc import Mapping
from typing import Final

import structlog

from workers import BackendLostError, flush_logs

EXIT_DONE: Final = 0
EXIT_STATE_LOST: Final = 1
EXIT_CANNOT_START: Final = 2


def cannot_start(why: str) -> int:
    """Print the reason to stderr; return the exit code."""
    flush_logs()  # the reason is the last line
    sys.stderr.write(f"imgup: {why}\n")
    return EXIT_CANNOT_START


def log_lost(error: BackendLostError, *, journal: str | None, outlives_service: bool) -> None:
    """Log that the process with the job state is gone or silent, and what that means.

    Args:
        error: of the call that showed it.
        journal: its path, if there is one.
        outlives_service: whether the state may still exist when it does not respond.
    """
    event = "the job state is lost; exiting so that a fresh start can follow"
    if outlives_service and error.may_live:
        event = "the job state does not respond to this service, and may still exist; exiting"
    elif journal is not None:
        event = "the process with the job state is lost; the next start goes on from the journal"
    structlog.get_logger("service").critical(
        event, cause=str(error), exit_code=EXIT_STATE_LOST, journal=journal
    )


def log_unfinished(unfinished: Mapping[str, int], *, kept: bool) -> None:
    """Log the jobs that are unfinished after a drain.

    Args:
        unfinished: number of URLs by job id.
        kept: whether a journal restores them.
    """
    what = "job put off to the next start" if kept else "job dropped unfinished"
    for job_id, urls in unfinished.items():
        structlog.get_logger("service").warning(what, job_id=job_id, unfinished_urls=urls)
