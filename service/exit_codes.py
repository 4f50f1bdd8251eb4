"""Exit codes and last messages of the service's commands."""

import sys
from collections.abc import Mapping
from typing import Final

import structlog

from workers import flush_logs

EXIT_DONE: Final = 0
EXIT_STATE_LOST: Final = 1
EXIT_CANNOT_START: Final = 2


def cannot_start(why: str) -> int:
    """Print the reason to stderr; return the exit code."""
    flush_logs()  # the reason is the last line
    sys.stderr.write(f"imgup: {why}\n")
    return EXIT_CANNOT_START


def log_unfinished(unfinished: Mapping[str, int], *, kept: bool) -> None:
    """Log the jobs that are unfinished after a drain.

    Args:
        unfinished: number of URLs by job id.
        kept: whether a journal restores them.
    """
    what = "job put off to the next start" if kept else "job dropped unfinished"
    for job_id, urls in unfinished.items():
        structlog.get_logger("service").warning(what, job_id=job_id, unfinished_urls=urls)
