"""The shared dict of jobs: a plain class, owned by a Manager, a state actor or a test.

Each method is one atomic step under one lock: readers see consistent counts, states, status and
time stamps, and writers need no read before.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence

from workers.contract.budget import Block
from workers.contract.errors import JournalFullError
from workers.contract.job_options import NewAlbum
from workers.contract.messages.jobs import ImageState, JobStatus
from workers.contract.messages.outcomes import CANCELLED, Failed, Uploaded
from workers.contract.messages.round_trip import DownloadReport, UrlKey
from workers.contract.messages.submission import Submission
from workers.contract.messages.supervision import LogLine
from workers.contract.messages.tasks import TaskKind
from workers.state.jobs.album import Album
from workers.state.jobs.job import Job
from workers.state.jobs.job_changes import completion_line
from workers.state.jobs.job_records import JobJournal, cancelled_record, ended_record, opened_record
from workers.state.jobs.job_store import JobStore
from workers.state.metrics import Metrics


class JobTable(JobStore):
    """Job id → job, with atomic methods in place of item assignment.

    Args:
        wall_clock: seconds since the epoch, for time stamps; never for deadlines.
        clock: monotonic seconds, for the age of finished jobs.
        max_bytes: memory limit, beyond which complete jobs are evicted. Unlimited for a tool that
            reads or rewrites a journal, so that nothing is lost.

    Attributes:
        metrics: counts what happens here.
        lines: to be logged by whoever calls `Mailbox.tend`; guarded by the mailbox's condition.
        spent: uploads of a journal, until `UploadQuota` takes them: how many ended in each second
            since the epoch.
        block: that of a journal; its next probe is in seconds since the epoch, as no other clock
            goes on across a restart.
        read_albums: albums of a journal, until the recovery ends: the record of one job has the
            images for all of them, and may be dropped for want of memory before the next is read.
    """

    block: Block | None = None

    def __init__(
        self,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        max_bytes: int = sys.maxsize,
    ) -> None:
        super().__init__(max_bytes, clock)
        self.wall_clock = wall_clock
        self.metrics = Metrics()
        self.lines: list[LogLine] = []
        self.spent = Counter[float]()
        self.read_albums: list[Album] = []
        self.on_task: Callable[[TaskKind, UrlKey], None] = lambda _kind, _place: None
        """Called with each task that is to be done for a job from now on, in the step that makes it
        so: a webhook, a deletion, or a step of an album."""

    # --- the life of a job --------------------------------------------------------------------

    def announce(self, submission: Submission) -> float:
        """Write a job to the journal before it is opened; may wait for the disk.

        Returns:
            The job's creation time in seconds since the epoch, for `open`.

        Raises:
            ValueError: the job id exists, or there are no URLs.
            JournalFullError: the job is not in the journal, and must not be opened.
        """
        self._check_new(submission)
        created = self.wall_clock()
        try:
            self.journal.commit(opened_record(submission, created))
        except JournalFullError as error:
            if error.maybe_kept:
                # The client gets a refusal, so a restart must not bring the job back.
                self.journal.append(["forgotten", [submission.job_id]])
            raise
        return created

    def open(
        self, submission: Submission, created: float | None = None, asked_bytes: int = 0
    ) -> None:
        """Enter a new job with all URLs pending. `created` is the result of `announce`, if the job
        was announced; for `asked_bytes` see `size_of`.

        Raises:
            ValueError: as `announce`.
        """
        with self.lock:
            self._check_new(submission)
            created = self.wall_clock() if created is None else created
            job = Job(submission, created, opened=self._clock(), asked_bytes=asked_bytes)
            origin = self.by_id.get(submission.retry_of or "")
            if isinstance(submission.options.album, NewAlbum):
                self._join_album(job, submission.options.album, origin)
            self.enter(job)
            if origin is not None:
                origin.retry(submission.job_id)
                self.weigh(origin)
        self.metrics.accepted(len(submission.urls))

    def begin(self, job_id: str, index: int) -> int:
        """Begin an attempt, the first one of all sets the job in progress; return its number, from
        1.
        """
        with self.lock:
            job = self.by_id[job_id]
            if job.status is JobStatus.PENDING:
                self.order.advance(job, JobStatus.IN_PROGRESS)
                self.journal.append(["started", job_id])
            is_first = not job.attempts[index]
            self.metrics.begun(self.wall_clock() - job.created if is_first else None)
            attempt = job.begin(index, self._clock())
            self.weigh(job)
            return attempt

    def begin_upload(
        self, job_id: str, index: int, download_report: DownloadReport | None = None
    ) -> str | None:
        """Record that an upload begins, before it does.

        Returns:
            The link of the same image of the same owner, if any; the upload is then skipped.
        """
        with self.lock:
            job = self.by_id[job_id]
            if download_report is not None:
                job.timelines.arrived(index, download_report, self._clock())
                self.metrics.downloaded(download_report.milliseconds / 1000, download_report.size)
                if download_report.converting:
                    self.metrics.conversions.observe(download_report.converting / 1000)
                if download_report.content is not None:
                    link = self.contents.link(job.asked.owner, download_report.content)
                    if link is not None:
                        return link
            job.begin_upload(index)
            self.weigh(job)
            self.journal.append(["uploading", job_id, index])
            return None

    def end_upload(self, job_id: str, index: int) -> None:
        """Imgur does not have the image that was being sent; what follows is not decided yet."""
        with self.lock:
            self.by_id[job_id].uploading.discard(index)
            self.journal.append(["refused", job_id, index])

    def hold(self, why: tuple[str, str] | None) -> None:
        """Show in all jobs why their pending URLs wait: a reason and a sentence; None for none."""
        with self.lock:
            if why == self.held:
                return
            self.held = why
            for job in self.by_id.values():
                if job.pending:
                    job.log.note()
                    self.weigh(job)

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
        """End an attempt without a result; the URL stays pending, and shows reason and message
        until the next result. It does not `count` if the URL did not cause its end. Imgur may have
        the image nevertheless if it is `maybe_stored`.
        """
        with self.lock:
            job = self.by_id[job_id]
            if job.states[index] != ImageState.PENDING:
                return
            self.metrics.retries(reason).inc()
            error, now = (reason, message), self._clock()
            job.interrupt(index, error, now, count=count, maybe_stored=maybe_stored)
            self.weigh(job)
            flags = [int(count), int(maybe_stored)]
            self.journal.append(["interrupted", job_id, index, error, flags])

    def record(
        self, job_id: str, index: int, result: Uploaded | Failed, finished: float | None = None
    ) -> LogLine | None:
        """Record the result of a URL; a final one stays unchanged.

        `finished` is in seconds since the epoch, from a journal; None for now.

        Returns:
            The line about the job's end, if this was its last open URL.
        """
        with self.lock:
            job = self.by_id[job_id]
            if job.states[index] != ImageState.PENDING:
                return None
            now = self._clock()
            if isinstance(result, Uploaded):
                if not result.details.deduplicated:  # a duplicate's link is listed already
                    self._note_image(job, index, result, now)
                ordered = job.album if job.album is not None and job.album.is_ordered else None
                job.complete(index, result, now)
                if ordered is not None:
                    self.album_changed(ordered)
            else:
                job.fail(index, result, now)
            self.metrics.ended(result)
            summary = self._finish(job, finished)
            self.journal.append(ended_record(job_id, index, result, job.finished))
            return summary

    def cancel(self, job_id: str, indexes: Sequence[int], finished: float | None = None) -> None:
        """Cancel a job that is not complete, and fail these URLs: pending, without a lease, in
        ascending order. For `finished` see `record`.
        """
        with self.lock:
            job = self.by_id[job_id]
            job.cancel(indexes, self._clock())
            self.metrics.ended(CANCELLED, len(indexes))
            self._finish(job, finished)
            self.journal.append(cancelled_record(job_id, indexes, job.finished))

    def album_changed(self, album: Album) -> None:
        """Show a change of an album in its jobs, and announce its next step; the lock is held."""
        shown = album.status(), album.step
        if shown != album.shown:  # it may have thousands of jobs, one for each retry
            album.shown = shown
            for job in filter(None, map(self.by_id.get, album.job_ids)):
                job.log.note()
                self.weigh(job)
        if album.step is not None:
            self.on_task(TaskKind.ALBUM, (album.key, 0))

    # --- recovery; takes no lock, as nothing else uses the table until `resume` ------------------

    def resume(self, journal: JobJournal) -> None:
        """End the recovery; from now on the journal gets each change."""
        self.restore_ages(self._clock(), self.wall_clock())
        self.journal = journal
        self.read_albums.clear()
        self.metrics = Metrics()  # what a journal brought back was counted before the restart

    # --- internal, with the lock held ---------------------------------------------------------

    def _check_new(self, submission: Submission) -> None:
        if not submission.urls:
            raise ValueError("A job needs at least one URL.")
        if submission.job_id in self.by_id:
            raise ValueError(f"Job {submission.job_id} exists already.")

    def _join_album(self, job: Job, asked: NewAlbum, origin: Job | None) -> None:
        album = None if origin is None else origin.album
        if origin is None or album is None or album.is_deleted:
            album = Album(job.asked.job_id, asked)
        else:
            # By their URLs: a repaired journal may not know that one has failed.
            indexes = {url: index for index, url in enumerate(origin.asked.urls)}
            job.places = tuple(origin.place(indexes[url]) for url in job.asked.urls)
        album.join(job.asked.job_id)
        job.album = album
        self.album_changed(album)

    def _note_image(self, job: Job, index: int, image: Uploaded, now: float) -> None:
        self.kept_links.add(job.asked.owner, (image.link,))
        if image.content is not None:
            self.contents.add(job.asked.owner, image.content, image.link)
        seconds = job.timelines.since_arrival(index, now)
        if seconds is not None:
            self.metrics.uploads.observe(seconds)

    def _finish(self, job: Job, finished: float | None) -> LogLine | None:
        if job.pending:
            self.weigh(job)
            return None
        # The wall clock may have been set back; a job never ends before it began.
        job.finished = max(job.created, self.wall_clock()) if finished is None else finished
        self.order.advance(job, JobStatus.COMPLETE)
        self.enter_finished(job, self._clock())
        self.weigh(job)
        self.metrics.finished(job.finished - job.created)
        if job.asked.options.callback_url is not None:
            self.on_task(TaskKind.WEBHOOK, (job.asked.job_id, 0))
        if job.album is not None:
            job.album.job_finished(is_cancelled=job.cancelled is not None)
            self.album_changed(job.album)
        return completion_line(job, job.finished - job.created)
