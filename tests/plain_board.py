"""The web side's board for tests: the plain classes, no process in sight."""

from typing import Any

from workers import (
    BoardHealth,
    BoardState,
    Cancellation,
    ChangesWanted,
    DeletionRefusal,
    JobChanges,
    JobListing,
    JobStatus,
    MeterReading,
    Origin,
    Outlook,
    Refusal,
    Replay,
    Retry,
    Submission,
)
from workers.job_table import JobTable
from workers.mailbox import Mailbox
from workers.messages import Failed, Outcome, Report, TryAgain, Uploaded
from workers.queueing.mailbox_limits import MailboxLimits

WORKER = "worker-1"
CREATED = 1513961309.5


class PlainBoard:
    """What the web side sees, and a hand to do the workers' part."""

    def __init__(self, **limits: Any) -> None:
        self.now = CREATED
        self.table = JobTable(wall_clock=lambda: self.now)
        self.mailbox = Mailbox(self.table, MailboxLimits(**limits))
        self.mailbox.register(WORKER)
        self.state = BoardState.READY
        self.wanted = 2
        self.pause_seconds = 0.0
        self.failure: Exception | None = None
        self.calls = 0

    # --- Board ------------------------------------------------------------------------------

    def submit(self, submission: Submission) -> Refusal | Replay | None:
        self._count_call()
        return self.mailbox.put(submission)

    def cancel(self, job_id: str, owner: str = "") -> Cancellation | Refusal | None:
        self._count_call()
        return self.mailbox.cancel(job_id, owner)

    def retry(
        self, job_id: str, owner: str, new_job_id: str, origin: Origin | None = None
    ) -> Retry | Refusal | None:
        self._count_call()
        return self.mailbox.retry(job_id, owner, new_job_id, origin)

    def jobs(
        self, owner: str, status: JobStatus | None, before: int | None, limit: int
    ) -> JobListing:
        self._count_call()
        return self.table.listing(owner, status, before, limit)

    def changes(self, wanted: ChangesWanted) -> JobChanges | None:
        self._count_call()
        return self.table.changes(wanted)

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]:
        self._count_call()
        return self.table.links(start, limit, owner)

    def links_removed(self, owner: str = "") -> int:
        self._count_call()
        return self.table.links_removed(owner)

    def delete_image(self, job_id: str, index: int, owner: str = "") -> DeletionRefusal | None:
        self._count_call()
        return self.mailbox.delete_image(job_id, index, owner)

    def scale(self, count: int) -> None:
        self._count_call()
        self.wanted = count

    def workers_wanted(self) -> int:
        return self.wanted

    def health(self) -> BoardHealth:
        self._count_call()
        stats = self.mailbox.stats()
        return BoardHealth(
            self.state,
            stats.workers_ready,
            self.wanted,
            stats.queued,
            stats.leased,
            self.pause_seconds,
            stats.workers_leaving,
        )

    def outlook(self, job_id: str | None = None) -> Outlook:
        self._count_call()
        return self.mailbox.outlook(job_id)

    def meters(self) -> MeterReading:
        self._count_call()
        return self.mailbox.meters()

    def _count_call(self) -> None:
        self.calls += 1
        if self.failure is not None:
            raise self.failure

    # --- the workers' part ------------------------------------------------------------------

    def work(self, *outcomes: Outcome) -> None:
        """Claim one URL for each outcome, in turn, and report it."""
        for outcome in outcomes:
            (lease,) = self.mailbox.claim(WORKER, 0).leases
            self.mailbox.ack(WORKER, Report(lease.token, outcome))

    def upload(self, *links: str) -> None:
        self.work(*(Uploaded(link, "deletehash") for link in links))

    def fail(self, reason: str, message: str) -> None:
        self.work(Failed(reason, message))

    def put_off(self, reason: str, message: str) -> None:
        self.work(TryAgain(reason, message, 60.0))

    @property
    def open_urls(self) -> int:
        return self.mailbox.stats().queued
