"""Admission of jobs: whole or not at all, and each idempotency key once."""

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Final

from workers.contract.errors import JournalFullError
from workers.contract.messages.jobs import JobStatus
from workers.contract.messages.submission import (
    Origin,
    Refusal,
    RefusalCode,
    Replay,
    Retry,
    Submission,
)
from workers.contract.shares import Shares, share_left
from workers.state.jobs.job_size import least_size, size_of
from workers.state.jobs.job_table import JobTable
from workers.state.schedule.scheduler import Scheduler

_FULL_RETRY_SECONDS = 10
_DRAINING_RETRY_SECONDS = 30
_JOURNAL_RETRY_SECONDS = 30
_SAME_REQUEST_SECONDS = 5.0  # a job usually waits for the disk for less

_UNDER_WAY: Final = Refusal(
    RefusalCode.REQUEST_UNDER_WAY, "The same request is under way at the moment.", 1
)
_KEY_REUSED: Final = Refusal(
    RefusalCode.KEY_REUSED,
    "This Idempotency-Key came with another job before. Use a new key for a new job; the same key "
    "is for sending the same job again.",
    None,
)
_UNFINISHED: Final = Refusal(
    RefusalCode.JOB_UNFINISHED,
    "The job is not complete yet, and its URLs are tried again by themselves. Retry it when "
    "that is over.",
    None,
)
_NOTHING_FAILED: Final = Refusal(
    RefusalCode.NOTHING_TO_RETRY, "No URL of this job has failed.", None
)


class Admission:
    """Enters jobs into journal, table and scheduler.

    Args:
        changed: the mailbox's condition, which guards all of these.
        max_open_urls: see `MailboxLimits`.
    """

    def __init__(
        self, table: JobTable, room: Scheduler, changed: threading.Condition, max_open_urls: int
    ) -> None:
        self._table = table
        self._room = room
        self._changed = changed
        self._max_open_urls = max_open_urls
        # URLs and bytes of jobs that are being written to the journal.
        self._announced_urls, self._announced_bytes = Shares(), Shares()
        # Keys of requests in progress: of a retry the job, whose album goes on with the new one.
        self._under_way: set[Hashable] = set()
        table.kept = self._under_way
        self.is_closed = False
        """True if no more jobs are taken; set with the condition held."""

    def refusal(self, tenant: str, urls: int, text_bytes: int) -> Refusal | None:
        """Why a job of so many URLs and characters would not be taken now, so that one of megabytes
        need not be sent for that.
        """
        with self._changed:
            refusal = self._judge(tenant, urls, least_size(urls, text_bytes))
        return self._noted(refusal)

    def put(self, submission: Submission) -> Refusal | Replay | None:
        """Take a whole job, or refuse it; None if it was taken."""
        request = submission.request
        if request is None:
            return self._noted(self._take(submission))
        with self._once((submission.owner, request.key)) as is_alone:
            if not is_alone:
                return self._noted(_UNDER_WAY)
            known = self._table.request(submission.owner, request.key)
            if known is None:
                return self._noted(self._take(submission))
            job_id, digest = known
            if digest != request.digest:
                return self._noted(_KEY_REUSED)
            return Replay(job_id)

    def retry(
        self, job_id: str, owner: str, new_job_id: str, origin: Origin | None = None
    ) -> Retry | Refusal | None:
        """Make a new job of the failed URLs of a complete job, once; None if this owner has no such
        job.
        """
        with self._once(job_id) as is_alone:
            if not is_alone:
                return self._noted(_UNDER_WAY)
            job = self._table.overview(job_id, owner)
            if job is None:
                return None
            earlier = self._table.overview(job.retried_as or "", owner)
            if earlier is not None:
                return Retry(earlier.job_id, earlier.total, is_first=False)
            if job.status is not JobStatus.COMPLETE:
                return self._noted(_UNFINISHED)
            submission = self._table.failed_of(job_id, new_job_id, origin)
            if submission is None:
                return self._noted(_NOTHING_FAILED)
            refusal = self._noted(self._take(submission))
            return refusal or Retry(new_job_id, len(submission.urls), is_first=True)

    @contextmanager
    def _once(self, request: Hashable) -> Iterator[bool]:
        # A repeated request waits for the first one.
        with self._changed:
            is_alone = self._changed.wait_for(
                lambda: request not in self._under_way, _SAME_REQUEST_SECONDS
            )
            if is_alone:
                self._under_way.add(request)
        try:
            yield is_alone
        finally:
            if is_alone:
                with self._changed:
                    self._under_way.discard(request)
                    self._changed.notify_all()

    def _take(self, submission: Submission) -> Refusal | None:
        size = size_of(submission)
        with self._changed:
            refusal = self._judge(submission.tenant, len(submission.urls), size)
            if refusal is not None:
                return refusal
            self._announce(submission, size)
            max_bytes = self._max_bytes - self._announced_bytes.total
            forgotten = self._table.make_room(max_bytes)
        forgotten.clear()  # without the condition: freeing a large job takes a while
        created = None
        try:
            # Without the condition: the journal waits for the disk, and workers must not.
            created = self._table.announce(submission)
        except JournalFullError as error:
            return Refusal(
                RefusalCode.JOURNAL_FULL,
                f"The service cannot write down new jobs at the moment ({error}).",
                _JOURNAL_RETRY_SECONDS,
            )
        finally:
            with self._changed:
                self._announce(submission, size, -1)
                if created is not None:
                    self._table.open(submission, created, size)
                    new_album = self._table.by_id[submission.job_id].new_album
                    self._room.queue.add(submission, new_album)
                    self._changed.notify_all()
        return None

    def _announce(self, submission: Submission, size: int, sign: int = 1) -> None:
        self._announced_urls.add(submission.tenant, sign * len(submission.urls))
        self._announced_bytes.add(submission.tenant, sign * size)

    @property
    def _max_bytes(self) -> int:
        """Memory for jobs and links: the limit without the queue's part."""
        return self._table.max_bytes - self._room.size

    def _judge(self, tenant: str, count: int, size: int) -> Refusal | None:
        if self.is_closed:
            return Refusal(
                RefusalCode.DRAINING,
                "The service is shutting down and takes no new jobs.",
                _DRAINING_RETRY_SECONDS,
            )
        max_bytes, max_urls = self._table.max_job_bytes, self._max_open_urls
        if size > max_bytes or count > max_urls:
            return Refusal(
                RefusalCode.JOB_TOO_LARGE,
                f"The job has {count} URLs and takes {size} bytes of memory; at most {max_urls} "
                f"URLs and {max_bytes} bytes fit here. Send the URLs in several jobs.",
                None,
            )
        # A journal may restore more than a lowered limit allows.
        room = share_left(
            self._max_open_urls,
            self._room.queue.unfinished + self._announced_urls.total,
            self._room.queue.unfinished_of(tenant) + self._announced_urls.of(tenant),
        )
        if count > room:
            return Refusal(
                RefusalCode.QUEUE_FULL,
                f"The queue has room for {room} more URLs of yours and this job has {count}.",
                _FULL_RETRY_SECONDS,
            )
        room = self._table.bytes_left(tenant, self._max_bytes, self._announced_bytes)
        if size > room:
            return Refusal(
                RefusalCode.STATE_FULL,
                f"There are {room} bytes of memory for more jobs of yours and this one takes "
                f"{size}.",
                _FULL_RETRY_SECONDS,
            )
        return None

    def _noted(self, refusal: Refusal | None) -> Refusal | None:
        if refusal is not None:
            self._table.metrics.refusals(refusal.code).inc()
        return refusal
