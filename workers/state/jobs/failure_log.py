"""Limits the log lines for a job's failed attempts; the rest is counted."""

from dataclasses import dataclass, field
from typing import Final

LOGGED_FAILURES: Final = 100
"""Log lines for a job's failures, and as many for its retries: one request may hold 100,000 URLs
that fail, and a line has 430 bytes."""


@dataclass(slots=True)
class FailureLog:
    """Counts the failed attempts of one job, over all workers.

    Attributes:
        failures: number of failed URLs.
        retries: number of retried attempts.
        unlogged: number of failed URLs without a log line, by reason.
    """

    failures: int = 0
    retries: int = 0
    unlogged: dict[str, int] = field(default_factory=dict)

    def note_failure(self, reason: str) -> bool:
        """Count a failed URL; return whether to log it."""
        self.failures += 1
        if self.failures <= LOGGED_FAILURES:
            return True
        self.unlogged[reason] = self.unlogged.get(reason, 0) + 1
        return False

    def note_retry(self) -> bool:
        """Count a retry; return whether to log it."""
        self.retries += 1
        return self.retries <= LOGGED_FAILURES
