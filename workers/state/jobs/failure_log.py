"""Which failed attempts of a job the log tells one by one; the others are counted."""

from dataclasses import dataclass, field
from typing import Final

LOGGED_FAILURES: Final = 100
"""Lines of the log for a job's failures, and as many for its retries: one request may name 100,000
URLs that fail, of 430 bytes of log each."""


@dataclass(slots=True)
class FailureLog:
    """Counts the failed attempts of one job, over all workers.

    Attributes:
        failures: URLs that failed for good.
        retries: attempts that are made again.
        unlogged: URLs that failed without a line of their own, by reason.
    """

    failures: int = 0
    retries: int = 0
    unlogged: dict[str, int] = field(default_factory=dict)

    def note_failure(self, reason: str) -> bool:
        """A URL failed for good; returns whether the log is to have a line about it."""
        self.failures += 1
        if self.failures <= LOGGED_FAILURES:
            return True
        self.unlogged[reason] = self.unlogged.get(reason, 0) + 1
        return False

    def note_retry(self) -> bool:
        """An attempt is made again; returns whether the log is to have a line about it."""
        self.retries += 1
        return self.retries <= LOGGED_FAILURES
