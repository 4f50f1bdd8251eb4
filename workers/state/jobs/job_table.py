"""The shared dict of jobs: a plain class, owned by a Manager, a state actor or a test.

Each method is one atomic step under one lock: readers see consistent counts, states, status and
time stamps, and writers need no read before.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from workers.contract.errors import JournalFullError
from workers.contract.job_messages import CANCELLED
from workers.contract.job_options import NewAlbum
from workers.contract.messages import (
    DownloadReport,
    Failed,
    ImageState,
    JobStatus,
    JobSummary,
    Submission,
    TaskKind,
    Uploaded,
    UrlKey,
)
from workers.state.jobs.album import Album
from workers.state.jobs.eviction import evict
from workers.state.jobs.job import Job
from workers.state.jobs.job_reader import JobReader
from workers.state.jobs.job_records import (
    JobJournal,
    NoJournal,
    cancelled_record,
    ended_record,
    opened_record,
)
from workers.state.jobs.quota_history import QuotaHistory
from workers.state.metrics import Metrics


@dataclass(frozen=True, slots=True)
class JobEntry:
    """A job of the table, valid while the table's lock is held.

    Attributes:
        journal: for the records of changes.
        forget_image: removes a link from the content index.
        drop_link: removes a link from its owner's list.
    """

    job: Job
    journal: JobJournal
    forget_image: Callable[[str], None]
    drop_link: Callable[[str], object]


class JobTable(JobReader):
    """Job id → job, with atomic methods in place of item assignment.

    Args:
        wall_clock: seconds since the epoch, for time stamps; never for deadlines.
        clock: monotonic seconds, for the age of finished jobs.
        max_bytes: memory limit, beyond which complete jobs are evicted. Unlimited for a tool that
            reads or rewrites a journal, so that nothing is lost.

    Attributes:
        metrics: counts what happens here.
        quota_history: what a restart is to know of uploads as a whole.
    """

    def __init__(
        self,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        max_bytes: int = sys.maxsize,
    ) -> None:
        super().__init__(max_bytes)
        self._wall_clock = wall_clock
        self._clock = clock
        self.metrics = Metrics()
        self.quota_history = QuotaHistory(wall_clock)
        self._journal: JobJournal = NoJournal()
        self.on_task: Callable[[TaskKind, UrlKey], None] = lambda _kind, _place: None
        """Called with each task that is to be done for a job from now on, in the step that makes it
        so: a webhook, or a step of an album."""

    @property
    def wall_clock(self) -> Callable[[], float]:
        """Clock of the time stamps: seconds since the epoch."""
        return self._wall_clock

    # --- the life of a job --------------------------------------------------------------------

    def announce(self, submission: Submission) -> float:
        """Write a job to the journal before it is opened; may wait for the disk.

        Returns:
            The job's creation time in seconds since the epoch, for `open`.

        Raises:
            ValueError: the job id exists, or there are no URLs.
            JournalFullError: the job is not in the journal, and must not be opened.
        """
        if not submission.urls:
            raise ValueError("A job needs at least one URL.")
        if submission.job_id in self.kept.by_id:
            raise ValueError(f"Job {submission.job_id} exists already.")
        created = self._wall_clock()
        try:
            self._journal.commit(opened_record(submission, created))
        except JournalFullError as error:
            if error.maybe_kept:
                # The client gets a refusal, so a restart must not bring the job back.
                self._journal.append(["forgotten", [submission.job_id]])
            raise
        return created

    def open(
        self, submission: Submission, created: float | None = None, asked_bytes: int = 0
    ) -> None:
        """Enter a new job with all URLs pending.

        Args:
            submission: the job.
            created: the result of `announce`, if the job was announced.
            asked_bytes: see `workers.state.jobs.job_size.size_of`; 0 if unknown.

        Raises:
            ValueError: the job id exists, or there are no URLs.
        """
        if not submission.urls:
            raise ValueError("A job needs at least one URL.")
        with self._lock:
            if submission.job_id in self.kept.by_id:
                raise ValueError(f"Job {submission.job_id} exists already.")
            created = self._wall_clock() if created is None else created
            job = Job.of(submission, created, self._clock(), asked_bytes)
            origin = self.kept.by_id.get(submission.retry_of or "")
            if isinstance(submission.options.album, NewAlbum):
                self._join_album(submission.job_id, job, submission.options.album, origin)
            self.kept.enter(submission.job_id, job)
            if origin is not None:
                origin.retry(submission.job_id)
                self.kept.weigh(origin)
        self.metrics.accepted(len(submission.urls))

    def begin(self, job_id: str, index: int) -> int:
        """Begin an attempt; the first one sets the job in progress.

        Returns:
            The attempt's number, from 1.
        """
        with self._lock:
            job = self.kept.by_id[job_id]
            if job.status is JobStatus.PENDING:
                self.kept.advance(job_id, job, JobStatus.IN_PROGRESS)
                self._journal.append(["started", job_id])
            is_first = not job.attempts[index]
            self.metrics.begun(self._wall_clock() - job.created if is_first else None)
            attempt = job.begin(index, self._clock())
            self.kept.weigh(job)
            return attempt

    def begin_upload(
        self, job_id: str, index: int, download_report: DownloadReport | None = None
    ) -> str | None:
        """Record that an upload begins, before it does.

        Args:
            job_id: the job.
            index: of the URL in the job.
            download_report: the downloaded image.

        Returns:
            The link of the same image of the same owner, if any; the upload is then skipped.
        """
        with self._lock:
            job = self.kept.by_id[job_id]
            if download_report is not None:
                job.timelines.arrived(index, download_report, self._clock())
                self.metrics.downloaded(download_report.milliseconds / 1000, download_report.size)
                if download_report.converting:
                    self.metrics.converted(download_report.converting / 1000)
                if download_report.content is not None:
                    link = self.kept.contents.link(job.owner, download_report.content)
                    if link is not None:
                        return link
            job.begin_upload(index)
            self.kept.weigh(job)
            self._journal.append(["uploading", job_id, index])
            return None

    def end_upload(self, job_id: str, index: int) -> None:
        """Note that Imgur does not have the image that was being sent; what follows from that is
        not decided yet.
        """
        with self._lock:
            self.kept.by_id[job_id].uploading.discard(index)
            self._journal.append(["refused", job_id, index])

    def hold(self, why: tuple[str, str] | None) -> None:
        """Say why all pending URLs wait, to who reads their jobs: a reason and a sentence; None for
        no such reason.
        """
        with self._lock:
            if why == self.held:
                return
            self.held = why
            for job in self.kept.by_id.values():
                if job.pending:
                    job.log.note(0)  # nothing of this URL: a change to be seen of the job itself
                    self.kept.weigh(job)

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
        """End an attempt without a result; the URL stays pending.

        Args:
            job_id: the job.
            index: of the URL in the job.
            reason: the stable code shown until the next result.
            message: the sentence shown with it.
            count: False if the attempt does not count, as the URL did not cause its end.
            maybe_stored: whether Imgur may have the image nevertheless.
        """
        with self._lock:
            job = self.kept.by_id[job_id]
            if job.states[index] != ImageState.PENDING:
                return
            self.metrics.interrupted(reason)
            trouble, now = (reason, message), self._clock()
            job.interrupt(index, trouble, now, count=count, maybe_stored=maybe_stored)
            self.kept.weigh(job)
            flags = [int(count), int(maybe_stored)]
            self._journal.append(["interrupted", job_id, index, [reason, message], flags])

    def record(
        self, job_id: str, index: int, result: Uploaded | Failed, finished: float | None = None
    ) -> JobSummary | None:
        """Record the result of a URL; a final one stays unchanged.

        Args:
            job_id: the job.
            index: of the URL in the job.
            result: upload or failure.
            finished: seconds since the epoch, from the journal; None for now.

        Returns:
            The job's summary, if this was its last open URL; else None.
        """
        with self._lock:
            job = self.kept.by_id[job_id]
            if job.states[index] != ImageState.PENDING:
                return None
            now = self._clock()
            if result.resolved_to is not None:
                job.resolve(index, result.resolved_to)
                self._journal.append(["resolved", job_id, index, result.resolved_to])
            if isinstance(result, Uploaded):
                if not result.same_as:  # a duplicate's link is listed already
                    self._note_image(job, index, result, now)
                was_ordered = job.album is not None and job.album.is_ordered
                job.complete(index, result, now)
                if job.album is not None and was_ordered:
                    self._note_album_change(job.album)
            else:
                job.fail(index, (result.reason, result.message), now)
            self.metrics.ended(result)
            summary = self._finish(job_id, job, finished)
            self._journal.append(ended_record(job_id, index, result, job.finished))
            return summary

    def note_failure(self, job_id: str, reason: str) -> bool:
        """Count a failure, before `record`; return whether to log it."""
        with self._lock:
            return self.kept.by_id[job_id].failure_log.note_failure(reason)

    def note_retry(self, job_id: str) -> bool:
        """Count a retry; return whether to log it."""
        with self._lock:
            return self.kept.by_id[job_id].failure_log.note_retry()

    def cancel(
        self, job_id: str, indexes: Sequence[int], finished: float | None = None
    ) -> JobSummary | None:
        """Cancel a job and fail these URLs.

        Args:
            job_id: the job, not complete.
            indexes: of pending URLs without a lease, ascending.
            finished: see `record`.

        Returns:
            The job's summary, if these were its last open URLs; else None.
        """
        with self._lock:
            job = self.kept.by_id[job_id]
            job.cancel(indexes, self._clock())
            self.metrics.ended(CANCELLED, len(indexes))
            summary = self._finish(job_id, job, finished)
            self._journal.append(cancelled_record(job_id, indexes, job.finished))
            return summary

    def fail(self, job_id: str, indexes: Sequence[int], failure: Failed) -> JobSummary | None:
        """Make URLs that nobody works on final, all in the same way.

        Args:
            job_id: the job.
            indexes: of pending URLs.
            failure: how they end.

        Returns:
            The job's summary, if these were its last open URLs; else None.
        """
        summary = None
        for index in indexes:
            summary = self.record(job_id, index, failure) or summary
        return summary

    def evict(self, age_seconds: float | None) -> int:
        """Evict jobs older than an age, the oldest first, and those beyond the memory limit. Their
        links stay; a job with an open task counts as finished now.

        Args:
            age_seconds: maximum age since the job finished; None for no maximum.

        Returns:
            Number of evicted jobs.
        """
        return evict(self.kept, self._lock, self._log_forgotten, self._clock, age_seconds)

    def make_room(self, max_bytes: int) -> dict[str, Job]:
        """Evict complete jobs down to a memory limit; see `FinishedJobs.take_for_room`.

        Returns:
            The evicted jobs. Freeing a large job takes a while: drop the reference without a lock.
        """
        with self._lock:
            dropped = self.kept.make_room(max_bytes, self._clock())
            self._log_forgotten(dropped)
            return dropped

    # --- tasks besides images ---------------------------------------------------------------

    @contextmanager
    def entry(self, job_id: str) -> Iterator[JobEntry | None]:
        """Hold the lock and yield a job to read and change; None if the id is unknown."""
        with self._lock:
            job = self.kept.by_id.get(job_id)
            if job is None:
                yield None
                return
            drop_link = partial(self.kept.links.remove, job.owner)
            yield JobEntry(job, self._journal, self.kept.contents.forget_link, drop_link)
            self.kept.weigh(job)

    @contextmanager
    def album(self, key: str, *, changes: bool = True) -> Iterator[Album | None]:
        """One album, to be read and changed in one step; None if there is none of this key.

        Args:
            key: see `Album`.
            changes: whether it is changed.
        """
        with self._lock:
            album = self.kept.albums.get(key)
            yield album
            if album is None or not changes:
                return
            self._journal.append(["album", key, album.to_record()])
            self._note_album_change(album)

    # --- recovery; takes no lock, as nothing else uses the table until `resume` ------------------

    def start(self, job_id: str) -> None:
        """Set a job in progress."""
        self.kept.advance(job_id, self.kept.by_id[job_id], JobStatus.IN_PROGRESS)

    def resolve(self, job_id: str, index: int, url: str) -> None:
        """A URL had led to a page; its end is told next."""
        self.kept.by_id[job_id].resolve(index, url)

    def forget(self, job_ids: Iterable[str]) -> None:
        """Drop jobs that were evicted or refused."""
        self.kept.forget(job_ids)

    def resume(self, journal: JobJournal) -> None:
        """End the recovery; from now on the journal gets each change."""
        self.kept.resume(self._clock(), self._wall_clock())
        self._journal = journal
        self.quota_history.resume(journal)
        self.metrics = Metrics()  # what a journal brought back was counted before the restart

    # --- internal, with the lock held ---------------------------------------------------------

    def _join_album(self, job_id: str, job: Job, asked: NewAlbum, origin: Job | None) -> None:
        album = None if origin is None else origin.album
        if origin is None or album is None or album.is_deleted:
            album = Album(job_id, asked)
        else:
            job.places = tuple(map(origin.place, origin.failed()))
        album.join(job_id)
        job.album = album
        self._open_album_task(album)

    def _note_album_change(self, album: Album) -> None:
        for job_id in album.job_ids:
            job = self.kept.by_id.get(job_id)
            if job is not None:
                job.log.note(0)  # any index will do: what has changed is the job's
                self.kept.weigh(job)

    def _open_album_task(self, album: Album) -> None:
        if album.step is not None:
            self.on_task(TaskKind.ALBUM, (album.key, 0))

    def _log_forgotten(self, dropped: Mapping[str, Job]) -> None:
        if dropped:
            self._journal.append(["forgotten", list(dropped)])

    def _note_image(self, job: Job, index: int, image: Uploaded, now: float) -> None:
        self.kept.links.add(job.owner, (image.link,))
        if image.content is not None:
            self.kept.contents.add(job.owner, image.content, image.link)
        seconds = job.timelines.since_arrival(index, now)
        if seconds is not None:
            self.metrics.uploaded(seconds)

    def _finish(self, job_id: str, job: Job, finished: float | None) -> JobSummary | None:
        if job.pending:
            self.kept.weigh(job)
            return None
        # The wall clock may have been set back; a job never ends before it began.
        job.finished = max(job.created, self._wall_clock()) if finished is None else finished
        self.kept.finish(job_id, job, self._clock())
        self.kept.weigh(job)
        self.metrics.finished(job.finished - job.created)
        if job.options.callback_url is not None:
            self.on_task(TaskKind.WEBHOOK, (job_id, 0))
        if job.album is not None:
            job.album.job_finished(is_cancelled=job.cancelled is not None)
            self._open_album_task(job.album)
        return JobSummary(
            job_id=job_id,
            complete=len(job.links),
            failed=len(job.urls) - len(job.links),
            seconds=round(job.finished - job.created, 3),
            unlogged=dict(job.failure_log.unlogged),
        )
