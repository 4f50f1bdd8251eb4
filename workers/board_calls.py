"""The calls of a `Board`, answered by a mailbox and a job table, wherever those are."""

from typing import Protocol

from workers.board import BoardHealth, BoardLostError, BoardState
from workers.jobs.job_messages import Cancellation, JobListing, Replay, Retry
from workers.jobs.origin import Origin
from workers.messages import (
    ChangesWanted,
    DeletionRefusal,
    JobChanges,
    JobStatus,
    MailboxStats,
    Refusal,
    Submission,
)
from workers.metrics import MeterReading
from workers.queueing.outlook import Outlook


class BoardMailbox(Protocol):
    """What the web side asks of a `Mailbox`; each call raises BoardLostError when it is gone."""

    def put(self, submission: Submission) -> Refusal | Replay | None: ...

    def cancel(self, job_id: str, owner: str) -> Cancellation | Refusal | None: ...

    def retry(
        self, job_id: str, owner: str, new_job_id: str, origin: Origin | None
    ) -> Retry | Refusal | None: ...

    def delete_image(self, job_id: str, index: int, owner: str) -> DeletionRefusal | None: ...

    def outlook(self, job_id: str | None = None) -> Outlook: ...

    def meters(self) -> MeterReading: ...

    def stats(self) -> MailboxStats: ...


class BoardJobTable(Protocol):
    """What the web side asks of a `JobTable`; each call raises BoardLostError when it is gone."""

    def changes(self, wanted: ChangesWanted) -> JobChanges | None: ...

    def listing(
        self, owner: str, status: JobStatus | None, before: int | None, limit: int
    ) -> JobListing: ...

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]: ...

    def links_removed(self, owner: str = "") -> int: ...


class BoardCalls:
    """All of a `Board` but its life cycle, which is the engine's. Safe to call from any thread.

    An engine sets the attributes before the first call.

    Attributes:
        _mailbox: the queue, or a proxy of it.
        _job_table: the jobs, or a proxy of them.
        _workers_wanted: workers there should be.
        _workers_most: see `BoardHealth`.
        _is_lost: the state is known to be gone: `health` says so and asks nobody.
        _is_closed: the board was told to take nothing more.
    """

    _mailbox: BoardMailbox
    _job_table: BoardJobTable
    _workers_wanted: int
    _workers_most: int | None = None
    _is_lost: bool = False
    _is_closed: bool = False

    def submit(self, submission: Submission) -> Refusal | Replay | None:
        return self._mailbox.put(submission)

    def cancel(self, job_id: str, owner: str = "") -> Cancellation | Refusal | None:
        return self._mailbox.cancel(job_id, owner)

    def retry(
        self, job_id: str, owner: str, new_job_id: str, origin: Origin | None = None
    ) -> Retry | Refusal | None:
        return self._mailbox.retry(job_id, owner, new_job_id, origin)

    def jobs(
        self, owner: str, status: JobStatus | None, before: int | None, limit: int
    ) -> JobListing:
        return self._job_table.listing(owner, status, before, limit)

    def changes(self, wanted: ChangesWanted) -> JobChanges | None:
        return self._job_table.changes(wanted)

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]:
        return self._job_table.links(start, limit, owner)

    def links_removed(self, owner: str = "") -> int:
        return self._job_table.links_removed(owner)

    def delete_image(self, job_id: str, index: int, owner: str = "") -> DeletionRefusal | None:
        return self._mailbox.delete_image(job_id, index, owner)

    def outlook(self, job_id: str | None = None) -> Outlook:
        return self._mailbox.outlook(job_id)

    def meters(self) -> MeterReading:
        return self._mailbox.meters()

    def workers_wanted(self) -> int:
        return self._workers_wanted

    def health(self) -> BoardHealth:
        wanted = self.workers_wanted()
        try:
            stats = None if self._is_lost else self._mailbox.stats()
        except BoardLostError:
            stats = None
        if stats is None:
            return BoardHealth(
                BoardState.LOST, 0, wanted, 0, 0, 0.0, workers_most=self._workers_most
            )
        if self._is_closed or stats.draining:
            state = BoardState.DRAINING
        else:
            state = BoardState.READY if stats.workers_ready else BoardState.STARTING
        return BoardHealth(
            state=state,
            workers_ready=stats.workers_ready,
            workers_wanted=wanted,
            queued_urls=stats.queued,
            leased_urls=stats.leased,
            pause_seconds=stats.pause_seconds,
            workers_leaving=stats.workers_leaving,
            workers_most=self._workers_most,
        )
