"""The web side's backend for tests: the plain classes, no process in sight."""

from dataclasses import replace
from typing import Any

from tests.lane_mailbox import Mailbox
from workers import BackendHealth, BackendState
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.outcomes import Failed, Outcome, RetryLater, Uploaded
from workers.contract.messages.round_trip import Report
from workers.state.jobs.job_table import JobTable

WORKER = "worker-1"
CREATED = 1513961309.5


class PlainBackend:
    """What the web side sees, and a hand to do the workers' part."""

    def __init__(self, **limits: Any) -> None:
        self.now = CREATED
        self.table = JobTable(wall_clock=lambda: self.now)
        self._mailbox = Mailbox(self.table, MailboxLimits(**limits))
        self._mailbox.register(WORKER)
        self.state = BackendState.READY
        self.wanted = 2
        self.pause_seconds = 0.0
        self.journal_error: str | None = None
        self.failure: Exception | None = None
        self.calls = 0

    # --- Backend ------------------------------------------------------------------------------

    @property
    def mailbox(self) -> Mailbox:
        self._count_call()
        return self._mailbox

    @property
    def job_table(self) -> JobTable:
        self._count_call()
        return self.table

    def scale(self, count: int) -> None:
        self._count_call()
        self.wanted = count

    def workers_wanted(self) -> int:
        return self.wanted

    def health(self) -> BackendHealth:
        self._count_call()
        more = {"pause_seconds": self.pause_seconds, "journal_error": self.journal_error}
        stats = replace(self._mailbox.stats(), **more)
        return BackendHealth(self.state, self.wanted, stats)

    def _count_call(self) -> None:
        self.calls += 1
        if self.failure is not None:
            raise self.failure

    # --- the workers' part ------------------------------------------------------------------

    def work(self, *outcomes: Outcome) -> None:
        """Claim one URL for each outcome, in turn, and report it."""
        for outcome in outcomes:
            (lease,) = self._mailbox.claim(WORKER, 0).leases
            self._mailbox.ack(WORKER, Report(lease.token, outcome))

    def upload(self, *links: str) -> None:
        self.work(*(Uploaded(link, "deletehash") for link in links))

    def fail(self, reason: str, message: str) -> None:
        self.work(Failed(reason, message))

    def put_off(self, reason: str, message: str) -> None:
        self.work(RetryLater(reason, message, 60.0))

    @property
    def open_urls(self) -> int:
        return self._mailbox.stats().queued
