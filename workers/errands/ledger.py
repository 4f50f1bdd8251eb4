"""What of the errands outlives the book: each change is one step of job table and journal."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from workers.errands.event import job_complete
from workers.errands.messages import (
    PENDING_DELETION,
    Deletion,
    DeletionRefusal,
    DeletionState,
    DeliveryAttempt,
    ErrandKind,
)
from workers.errands.records import JobErrands, deletion_record, delivery_record
from workers.job_table import JobTable
from workers.jobs.job import Job
from workers.jobs.origin import Origin
from workers.journal.journal_records import Record
from workers.messages import ImageState
from workers.queueing.source_limits import host_of

ErrandKey = tuple[ErrandKind, str, int]
"""Kind, job id, and index of the image; 0 for a webhook."""


@dataclass(frozen=True, slots=True)
class OpenErrand:
    """An errand that a journal brought back.

    Attributes:
        attempts: made before.
        wait_seconds: until the next one is due.
    """

    key: ErrandKey
    attempts: int
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done: see `Errand`."""

    target: str = field(repr=False)
    body: bytes = b""
    origin: Origin | None = None


class ErrandLedger:
    """The errands of all jobs, as the job table keeps them.

    Args:
        table: where jobs are.
    """

    def __init__(self, table: JobTable) -> None:
        self._table = table
        self._wall_clock = table.wall_clock

    def order(self, key: ErrandKey) -> Order | None:
        """What an errand consists of; None when its job is gone."""
        kind, job_id, index = key
        with self._table.entry(job_id) as entry:
            if entry is None:
                return None
            job = entry.job
            if kind is ErrandKind.DELETION:
                return Order(job.deletehashes[index], origin=job.origin)
            url = job.options.callback_url
            return None if url is None else Order(url, job_complete(job_id, job), job.origin)

    def host(self, key: ErrandKey) -> str:
        """The host that a webhook goes to; none for a deletion: all of them go to Imgur."""
        kind, job_id, _ = key
        if kind is ErrandKind.DELETION:
            return ""
        with self._table.entry(job_id) as entry:
            return host_of((entry and entry.job.options.callback_url) or "")

    # --- webhooks ---------------------------------------------------------------------------

    def note_attempt(
        self,
        job_id: str,
        attempt: int,
        *,
        status: int | None,
        reason: str | None,
        wait_seconds: float | None,
    ) -> None:
        """Enter an attempt to tell a job's callback URL.

        Args:
            job_id: the job.
            attempt: its number, from 1.
            status: of the answer, if there was one.
            reason: why there was none.
            wait_seconds: until the next one; None if this was the last.
        """
        now = self._wall_clock()
        due = None if wait_seconds is None else now + wait_seconds
        self.enter_attempt(job_id, DeliveryAttempt(now, attempt, status, reason, due))

    def enter_attempt(self, job_id: str, attempt: DeliveryAttempt) -> None:
        with self._table.entry(job_id) as entry:
            if entry is None:
                return
            _errands_of(entry.job).deliveries.append(attempt)
            entry.job.log.note(0)  # any index will do: what has changed is the job's
            entry.journal.append(["delivery", job_id, delivery_record(attempt)])

    # --- deletions --------------------------------------------------------------------------

    def want_deletion(self, job_id: str, index: int, owner: str) -> DeletionRefusal | None:
        """Enter the wish to delete an image; returns why not, if that cannot be."""
        with self._table.entry(job_id) as entry:
            if entry is None or entry.job.owner != owner:
                return DeletionRefusal.JOB_NOT_FOUND
            refusal = _refusal(entry.job, index)
            if refusal is None:
                # At once: nothing else must come to rely on the image meanwhile.
                entry.forget_image(entry.job.links[index])
                self._set(entry.job, index, PENDING_DELETION)
                entry.journal.append(_deletion_told(job_id, index, PENDING_DELETION))
            return refusal

    def enter_deletion(self, job_id: str, index: int, deletion: Deletion) -> None:
        """Enter how a deletion stands; with the image, its link leaves the list of all links."""
        with self._table.entry(job_id) as entry:
            if entry is None:
                return
            self._set(entry.job, index, deletion)
            entry.forget_image(entry.job.links[index])
            if deletion.state is DeletionState.DONE:
                entry.drop_link(entry.job.links[index])
            entry.journal.append(_deletion_told(job_id, index, deletion))

    def _set(self, job: Job, index: int, deletion: Deletion) -> None:
        _errands_of(job).set_deletion(index, deletion)
        job.log.note(index)

    # --- a restart --------------------------------------------------------------------------

    def open_errands(self) -> Iterator[OpenErrand]:
        """All that is still to be done; before anybody else uses the table."""
        now = self._wall_clock()
        for job_id, job in self._table.jobs():
            errands = job.errands
            for index in sorted(errands.pending_deletions) if errands else ():
                yield OpenErrand((ErrandKind.DELETION, job_id, index), 0, 0.0)
            if job.finished is None or job.options.callback_url is None:
                continue
            if errands is None or not errands.deliveries:
                yield OpenErrand((ErrandKind.WEBHOOK, job_id, 0), 0, 0.0)
            elif not errands.is_told:
                last = errands.deliveries[-1]
                wait = max(0.0, (last.next_at or now) - now)
                yield OpenErrand((ErrandKind.WEBHOOK, job_id, 0), last.attempt, wait)


def _deletion_told(job_id: str, index: int, deletion: Deletion) -> Record:
    return ["deletion", job_id, index, deletion_record(deletion)]


def _errands_of(job: Job) -> JobErrands:
    if job.errands is None:
        job.errands = JobErrands()
    return job.errands


def _refusal(job: Job, index: int) -> DeletionRefusal | None:
    if not 0 <= index < len(job.urls):
        return DeletionRefusal.IMAGE_NOT_FOUND
    if job.states[index] != ImageState.COMPLETE:
        return DeletionRefusal.IMAGE_NOT_COMPLETE
    known = job.errands.deletions.get(index) if job.errands else None
    if known is not None and known.state is not DeletionState.FAILED:
        return DeletionRefusal.IMAGE_ALREADY_DELETED
    return None if job.deletehashes.get(index) else DeletionRefusal.IMAGE_NOT_DELETABLE
