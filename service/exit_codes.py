"""How a command of the service ends: its exit code, and its last words."""

import sys
from collections.abc import Mapping
from typing import Final

import structlog

from workers import flush_logs

EXIT_DONE: Final = 0
EXIT_STATE_LOST: Final = 1
EXIT_CANNOT_START: Final = 2


def cannot_start(why: str) -> int:
    """Say why in one line to stderr; returns the exit code."""
    flush_logs()  # the reason is the last line
    sys.stderr.write(f"imgup: {why}\n")
    return EXIT_CANNOT_START


def log_unfinished(unfinished: Mapping[str, int], *, kept: bool) -> None:
    """Say which jobs a drain has not ended.

    Args:
        unfinished: URLs by job id.
        kept: whether a journal brings them back.
    """
    what = "job put off to the next start" if kept else "job dropped unfinished"
    for job_id, urls in unfinished.items():
        structlog.get_logger("service").warning(what, job_id=job_id, unfinished_urls=urls)
