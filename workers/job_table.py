"""The shared dict of jobs. A plain class: a Manager owns it here, a test or another engine there.

Each method is one atomic step under one lock, so that no reader ever sees counts, states, status
and finished stamp disagree, and no writer needs to read before it writes.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from workers.content_index import ContentIndex
from workers.errors import Reason
from workers.job import Job
from workers.job_journal import JobJournal, NoJournal
from workers.job_messages import CANCELLED, JobListing, JobOverview
from workers.job_order import JobOrder
from workers.link_list import LinkList
from workers.messages import (
    Arrival,
    Failed,
    ImageState,
    JobChanges,
    JobStatus,
    JobSummary,
    Submission,
    Uploaded,
)
from workers.metrics import MeterBook
from workers.origin import Origin
from workers.timeline import End, Timelines

CHANGES_A_CALL: Final = 2000
"""Small enough that workers do not notice: the lock is held for about 1 ms, and pickling takes as
long again."""

_MOST_ATTEMPTS_SHOWN = 255  # one byte a URL


@dataclass(frozen=True, slots=True)
class JobEntry:
    """A job of the table, for as long as nobody else may use the table.

    Attributes:
        journal: to be told of what changes.
        forget_image: the image of a link is not to serve for another URL any more.
        drop_link: takes a link off the list of its owner's links.
    """

    job: Job
    journal: JobJournal
    forget_image: Callable[[str], None]
    drop_link: Callable[[str], object]


class JobTable:
    """Job id → job, with atomic methods in place of item assignment.

    Args:
        wall_clock: seconds since the epoch, for the stamps that clients see; never for deadlines.
        clock: monotonic seconds, for the age of finished jobs.

    Attributes:
        meters: counts what happens here.
    """

    def __init__(
        self,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall_clock = wall_clock
        self._clock = clock
        self.meters = MeterBook()
        self._lock = threading.Lock()
        self._journal: JobJournal = NoJournal()
        self._jobs: dict[str, Job] = {}
        # By owner and in order of completion, so that listing links never scans the jobs.
        self._links: defaultdict[str, LinkList] = defaultdict(LinkList)
        self._finished: deque[tuple[float, str]] = deque()
        self._contents = ContentIndex()
        self._order = JobOrder()
        # By owner and key: the job that a request made, for when it comes again.
        self._requests: dict[tuple[str, str], str] = {}
        self.on_complete: Callable[[str], None] = lambda _: None
        """Called with the id of each job that becomes complete and has a callback URL, in the
        step that makes it so."""

    @property
    def wall_clock(self) -> Callable[[], float]:
        """Seconds since the epoch, as its stamps have them."""
        return self._wall_clock

    def announce(self, submission: Submission) -> float:
        """Tell the journal of a job before it is opened; this may wait for the disk.

        Returns:
            The job's stamp of creation, for `open`.

        Raises:
            ValueError: the job id is taken, or there are no URLs.
            JournalFullError: the journal cannot keep the job, so it must not be opened.
        """
        if not submission.urls:
            raise ValueError("A job needs at least one URL.")
        if submission.job_id in self._jobs:
            raise ValueError(f"Job {submission.job_id} exists already.")
        created = self._wall_clock()
        self._journal.opened(submission, created)
        return created

    def open(self, submission: Submission, created: float | None = None) -> None:
        """Enter a new job, all of its URLs pending.

        Args:
            submission: the job.
            created: what `announce` returned, if the job was announced.

        Raises:
            ValueError: the job id is taken, or there are no URLs.
        """
        if not submission.urls:
            raise ValueError("A job needs at least one URL.")
        count = len(submission.urls)
        with self._lock:
            if submission.job_id in self._jobs:
                raise ValueError(f"Job {submission.job_id} exists already.")
            job = self._jobs[submission.job_id] = Job(
                urls=submission.urls,
                created=self._wall_clock() if created is None else created,
                states=bytearray(count),
                attempts=bytearray(count),
                pending=count,
                owner=submission.owner,
                options=submission.options,
                opened=self._clock(),
                retry_of=submission.retry_of,
                request=submission.request,
                origin=submission.origin,
            )
            self._enlist(submission.job_id, job)
            origin = self._jobs.get(submission.retry_of or "")
            if origin is not None:
                origin.retried_as = submission.job_id
                origin.log.note(0)  # nothing of this URL: a change to be seen of the job itself
        self.meters.accepted(count)

    def begin(self, job_id: str, index: int) -> int:
        """Note that an attempt begins; the job is in progress from its first one on.

        Returns:
            The number of this attempt, from 1.
        """
        with self._lock:
            job = self._jobs[job_id]
            if job.status is JobStatus.PENDING:
                self._advance(job_id, job, JobStatus.IN_PROGRESS)
                self._journal.started(job_id)
            is_first = not job.attempts[index]
            self.meters.begun(self._wall_clock() - job.created if is_first else None)
            attempt = min(job.attempts[index] + 1, _MOST_ATTEMPTS_SHOWN)
            job.attempts[index] = attempt
            job.timelines.claimed(index, attempt, self._clock())
            job.log.note(index)
            return attempt

    def begin_upload(self, job_id: str, index: int, arrival: Arrival | None = None) -> str | None:
        """Note that the image is about to be sent, before it is.

        Args:
            job_id: the job.
            index: the URL's place in it.
            arrival: the image.

        Returns:
            The link of the same image of the same owner, if there is one; then nothing is to be
            sent.
        """
        with self._lock:
            job = self._jobs[job_id]
            if arrival is not None:
                job.timelines.arrived(index, arrival, self._clock())
                self.meters.downloaded(arrival.milliseconds / 1000, arrival.size)
                if arrival.content is not None:
                    link = self._contents.link(job.owner, arrival.content)
                    if link is not None:
                        return link
            job.uploading.add(index)
            if index in job.unsure:
                job.doubled.add(index)
                job.log.note(index)
            self._journal.upload_begun(job_id, index)
            return None

    def origin(self, job_id: str) -> Origin | None:
        """The request that a job came with, if that is known."""
        with self._lock:
            return self._jobs[job_id].origin

    def interrupted_uploads(self, job_id: str, index: int) -> int:
        """Of a URL whose attempt has just broken off: 0 if it was not being uploaded, 1 if it was,
        2 if that was not the first upload of an unknown end.
        """
        with self._lock:
            job = self._jobs[job_id]
            return 1 + (index in job.unsure) if index in job.uploading else 0

    def interrupt(
        self,
        job_id: str,
        index: int,
        reason: str,
        message: str,
        *,
        count: bool,
        maybe_stored: bool = False,
    ) -> None:
        """Note why an attempt ended without a result; the URL stays pending.

        Args:
            job_id: the job.
            index: the URL's place in it.
            reason: the stable code shown to readers until the next result.
            message: the sentence that goes with it.
            count: False takes the attempt back: it was not the URL's fault.
            maybe_stored: Imgur may have the image all the same.
        """
        with self._lock:
            job = self._jobs[job_id]
            if job.states[index] != ImageState.PENDING:
                return
            job.uploading.discard(index)
            if maybe_stored:
                job.unsure.add(index)
            job.troubles[index] = (reason, message)
            self.meters.interrupted(reason)
            if not count and job.attempts[index]:
                job.attempts[index] -= 1
            job.timelines.ended(index, End.RETRIED, self._clock(), reason)
            job.log.note(index)
            self._journal.interrupted(
                job_id, index, reason, message, count=count, maybe_stored=maybe_stored
            )

    def record(
        self, job_id: str, index: int, result: Uploaded | Failed, finished: float | None = None
    ) -> JobSummary | None:
        """Make one URL final. A URL that is final already stays as it is.

        Args:
            job_id: the job.
            index: the URL's place in it.
            result: how it ended.
            finished: the job's stamp, if this ended it before a restart.

        Returns:
            The job's summary, if this was its last open URL.
        """
        with self._lock:
            job = self._jobs[job_id]
            if job.states[index] != ImageState.PENDING:
                return None
            job.uploading.discard(index)
            job.unsure.discard(index)
            if isinstance(result, Uploaded):
                job.states[index] = ImageState.COMPLETE
                job.links[index] = result.link
                job.deletehashes[index] = result.deletehash
                job.troubles.pop(index, None)
                if result.same_as:
                    job.deduplicated.add(index)  # its link is listed already
                else:
                    self._links[job.owner].append(result.link)
                    if result.content is not None:
                        self._contents.add(job.owner, result.content, result.link)
                    self._time_upload(job, index)
                job.timelines.ended(index, End.UPLOADED, self._clock())
                job.pending -= 1
                job.log.note(index)
            else:
                self._fail(job, index, (result.reason, result.message), self._clock())
            self.meters.ended(result)
            summary = self._finish(job_id, job, finished) if job.pending == 0 else None
            self._journal.ended(job_id, index, result, job.finished)
            return summary

    def cancel(
        self, job_id: str, indexes: Sequence[int], finished: float | None = None
    ) -> JobSummary | None:
        """Note that a job is cancelled, and let some of its URLs end by that.

        Args:
            job_id: the job, not complete.
            indexes: pending URLs that nobody works on, ascending.
            finished: see `record`.

        Returns:
            The job's summary, if these were its last open URLs.
        """
        with self._lock:
            job = self._jobs[job_id]
            if job.cancelled is None:
                job.cancelled = 0
                job.log.note(0)  # as above
            trouble, now = (CANCELLED.reason, CANCELLED.message), self._clock()
            for index in indexes:
                self._fail(job, index, trouble, now)
            job.unsure.difference_update(indexes)
            self.meters.ended(CANCELLED, len(indexes))
            summary = self._finish(job_id, job, finished) if job.pending == 0 else None
            self._journal.cancelled(job_id, indexes, job.finished)
            return summary

    def _fail(self, job: Job, index: int, trouble: tuple[str, str], now: float) -> None:
        reason, _ = trouble
        job.states[index] = ImageState.FAILED
        job.troubles[index] = trouble
        job.timelines.ended(index, End.FAILED, now, reason)
        job.pending -= 1
        job.log.note(index)
        if job.cancelled is not None and reason == Reason.CANCELLED:
            job.cancelled += 1

    def _time_upload(self, job: Job, index: int) -> None:
        seconds = job.timelines.since_arrival(index, self._clock())
        if seconds is not None:
            self.meters.uploaded(seconds)

    def _finish(self, job_id: str, job: Job, finished: float | None) -> JobSummary:
        # The wall clock may have been set back meanwhile; a job never ends before it began.
        job.finished = max(job.created, self._wall_clock()) if finished is None else finished
        self._advance(job_id, job, JobStatus.COMPLETE)
        self._finished.append((self._clock(), job_id))
        self.meters.finished(job.finished - job.created)
        if job.options.callback_url is not None:
            self.on_complete(job_id)
        return JobSummary(
            job_id=job_id,
            complete=len(job.links),
            failed=len(job.urls) - len(job.links),
            seconds=round(job.finished - job.created, 3),
        )

    def evict(self, age_seconds: float, limit: int = 100) -> int:
        """Forget jobs that finished so long ago, the oldest first; their links stay listed. One
        with an open errand stays for as long again.

        Args:
            age_seconds: since the job finished.
            limit: jobs in one call, so that no other caller waits for long.

        Returns:
            How many were forgotten.
        """
        old: dict[str, Job] = {}
        with self._lock:
            now = self._clock()
            for _ in range(min(limit, len(self._finished))):
                finished, job_id = self._finished[0]
                if finished > now - age_seconds:
                    break
                self._finished.popleft()
                if self._jobs[job_id].has_open_errands:
                    self._finished.append((now, job_id))
                else:
                    old[job_id] = self._jobs.pop(job_id)
                    self._delist(job_id, old[job_id])
            if old:
                self._journal.forgotten(list(old))
        # Freed here, with the lock released: a large job takes a while.
        return len(old)

    def changes(
        self,
        job_id: str,
        since: int = 0,
        owner: str = "",
        *,
        known: int | None = None,
        limit: int = CHANGES_A_CALL,
        name_urls: bool = False,
    ) -> JobChanges | None:
        """What is new of a job, or None if this owner has no such job.

        A reader begins with nothing but the job's id, and hands in what the last answer told it,
        until one is current; later it goes on from there. No call takes long, so that a large job
        being read does not hold up those who write.

        Args:
            job_id: the job.
            since: the version in the reader's last answer. One that is not of this job, such as
                0, begins anew.
            owner: who asks.
            known: URLs the reader has been told of; None for all of them.
            limit: URLs to tell of, and changes to go through, in this call.
            name_urls: tell the URLs that have changed as well, for a reader that keeps none.
        """
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or job.owner != owner:
                return None
            return job.changes(job_id, since, known, limit, name_urls=name_urls)

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]:
        """A page of all of an owner's links, in order of completion; an empty page is the end, and
        an empty link the place of one that was removed.
        """
        with self._lock:
            kept = self._links.get(owner)
            return () if kept is None else kept.slice(start, limit)

    def links_removed(self, owner: str = "") -> int:
        """How many links of an owner were removed from the list; their places stay, empty."""
        with self._lock:
            kept = self._links.get(owner)
            return 0 if kept is None else kept.removed

    @contextmanager
    def entry(self, job_id: str) -> Iterator[JobEntry | None]:
        """One job, to be read and changed in one step; None if there is none of this id."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None:
                yield None
                return
            links = self._links[job.owner]
            yield JobEntry(job, self._journal, self._contents.forget_link, links.remove)

    def forget_link(self, link: str) -> None:
        """An image is at Imgur no longer: it is uploaded again when it comes again."""
        with self._lock:
            self._contents.forget_link(link)

    def overview(self, job_id: str, owner: str) -> JobOverview | None:
        """A job without its URLs, or None if this owner has no such job."""
        with self._lock:
            job = self._jobs.get(job_id)
            return None if job is None or job.owner != owner else job.overview(job_id)

    def listing(
        self, owner: str, status: JobStatus | None, before: int | None, limit: int
    ) -> JobListing:
        """A page of an owner's jobs, newest first.

        Args:
            owner: whose.
            status: only those of this status; None for all.
            before: what the last page said follows; None for the first page.
            limit: jobs on it, at most.
        """
        statuses = tuple(JobStatus) if status is None else (status,)
        with self._lock:
            entries = self._order.newest_first(owner, statuses, before, limit + 1)
            shown = entries[:limit]
            jobs = tuple(self._jobs[job_id].overview(job_id) for _, job_id in shown)
            return JobListing(jobs, shown[-1][0] if len(entries) > limit else None)

    def failed_of(self, job_id: str, new_job_id: str) -> Submission | None:
        """A job's failed URLs as a job of their own; None if there are none any more."""
        with self._lock:
            job = self._jobs.get(job_id)
            urls = () if job is None else job.failed_urls()
            if job is None or not urls:
                return None
            return Submission(new_job_id, urls, job.owner, job.options, retry_of=job_id)

    def request(self, owner: str, key: str) -> tuple[str, str] | None:
        """The job that a request with this key has made, and what was asked for, as a digest."""
        with self._lock:
            job_id = self._requests.get((owner, key), "")
            job = self._jobs.get(job_id)
            return None if job is None or job.request is None else (job_id, job.request.digest)

    def is_cancelled(self, job_id: str) -> bool:
        """Whether somebody has cancelled the job."""
        with self._lock:
            return self._jobs[job_id].cancelled is not None

    def _enlist(self, job_id: str, job: Job) -> None:
        job.number = self._order.add(job.owner, job_id, job.status)
        if job.request is not None:
            self._requests[job.owner, job.request.key] = job_id

    def _delist(self, job_id: str, job: Job) -> None:
        self._order.remove(job.owner, (job.number, job_id), job.status)
        if job.request is not None:
            del self._requests[job.owner, job.request.key]

    def _advance(self, job_id: str, job: Job, status: JobStatus) -> None:
        self._order.move(job.owner, (job.number, job_id), job.status, status)
        job.status = status

    def unfinished(self) -> dict[str, int]:
        """Open URLs by job id, jobs that are complete left out."""
        with self._lock:
            return {job_id: job.pending for job_id, job in self._jobs.items() if job.pending}

    # --- a restart; until `resume` nobody else uses the table -----------------------------------

    def jobs(self) -> Iterable[tuple[str, Job]]:
        """All jobs, in the order in which they were opened."""
        return self._jobs.items()

    def owned_links(self) -> Iterable[tuple[str, LinkList]]:
        """All links by owner, in order of completion."""
        return self._links.items()

    def enter(self, job_id: str, job: Job) -> None:
        """Enter a job as it stood; its links are entered apart, by `enter_links`."""
        self._jobs[job_id] = job
        self._enlist(job_id, job)

    def enter_links(self, owner: str, links: Iterable[str]) -> None:
        """Append to an owner's links."""
        self._links[owner].extend(links)

    def start(self, job_id: str) -> None:
        """A job had been in progress."""
        self._advance(job_id, self._jobs[job_id], JobStatus.IN_PROGRESS)

    def forget(self, job_ids: Iterable[str]) -> None:
        """Jobs had been evicted, or were never taken after all."""
        for job_id in job_ids:
            job = self._jobs.pop(job_id, None)
            if job is not None:
                self._delist(job_id, job)

    def resume(self, journal: JobJournal) -> None:
        """The state is as it was; from now on the journal is told of each change."""
        now, wall_now = self._clock(), self._wall_clock()
        for job in self._jobs.values():
            # Those made while the journal was read tell of now, and not of then.
            job.timelines = Timelines(len(job.urls), now - max(0.0, wall_now - job.created))
        ages = (
            (max(0.0, wall_now - job.finished), job_id)
            for job_id, job in self._jobs.items()
            if job.finished is not None
        )
        self._finished = deque((now - age, job_id) for age, job_id in sorted(ages, reverse=True))
        self._journal = journal
        self.meters.start_afresh()
