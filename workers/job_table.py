"""The shared dict of jobs. A plain class: a Manager owns it here, a test or another engine there.

Each method is one atomic step under one lock, so that no reader ever sees counts, states, status
and finished stamp disagree, and no writer needs to read before it writes.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Final

from workers.job import Job
from workers.job_journal import JobJournal, NoJournal
from workers.link_list import LinkList
from workers.messages import (
    Failed,
    ImageState,
    JobChanges,
    JobStatus,
    JobSummary,
    Submission,
    Uploaded,
)

CHANGES_A_CALL: Final = 2000
"""Small enough that workers do not notice: the lock is held for about 1 ms, and pickling takes as
long again."""

_MOST_ATTEMPTS_SHOWN = 255  # one byte a URL


class JobTable:
    """Job id → job, with atomic methods in place of item assignment.

    Args:
        wall_clock: seconds since the epoch, for the stamps that clients see; never for deadlines.
        clock: monotonic seconds, for the age of finished jobs.
    """

    def __init__(
        self,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall_clock = wall_clock
        self._clock = clock
        self._lock = threading.Lock()
        self._journal: JobJournal = NoJournal()
        self._jobs: dict[str, Job] = {}
        # By owner and in order of completion, so that listing links never scans the jobs.
        self._links: defaultdict[str, LinkList] = defaultdict(LinkList)
        self._finished: deque[tuple[float, str]] = deque()

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
            self._jobs[submission.job_id] = Job(
                urls=submission.urls,
                created=self._wall_clock() if created is None else created,
                states=bytearray(count),
                attempts=bytearray(count),
                pending=count,
                owner=submission.owner,
            )

    def begin(self, job_id: str, index: int) -> int:
        """Note that an attempt begins; the job is in progress from its first one on.

        Returns:
            The number of this attempt, from 1.
        """
        with self._lock:
            job = self._jobs[job_id]
            if job.status is JobStatus.PENDING:
                job.status = JobStatus.IN_PROGRESS
                self._journal.started(job_id)
            attempt = min(job.attempts[index] + 1, _MOST_ATTEMPTS_SHOWN)
            job.attempts[index] = attempt
            job.log.note(index)
            return attempt

    def begin_upload(self, job_id: str, index: int) -> None:
        """Note that the image is about to be sent, before it is."""
        with self._lock:
            job = self._jobs[job_id]
            job.uploading.add(index)
            if index in job.unsure:
                job.doubled.add(index)
                job.log.note(index)
            self._journal.upload_begun(job_id, index)

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
            if not count and job.attempts[index]:
                job.attempts[index] -= 1
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
                self._links[job.owner].append(result.link)
            else:
                job.states[index] = ImageState.FAILED
                job.troubles[index] = (result.reason, result.message)
            job.pending -= 1
            job.log.note(index)
            summary = self._finish(job_id, job, finished) if job.pending == 0 else None
            self._journal.ended(job_id, index, result, job.finished)
            return summary

    def _finish(self, job_id: str, job: Job, finished: float | None) -> JobSummary:
        # The wall clock may have been set back meanwhile; a job never ends before it began.
        job.finished = max(job.created, self._wall_clock()) if finished is None else finished
        job.status = JobStatus.COMPLETE
        self._finished.append((self._clock(), job_id))
        return JobSummary(
            job_id=job_id,
            complete=len(job.links),
            failed=len(job.urls) - len(job.links),
            seconds=round(job.finished - job.created, 3),
        )

    def evict(self, age_seconds: float, limit: int = 100) -> int:
        """Forget jobs that finished so long ago, the oldest first; their links stay listed.

        Args:
            age_seconds: since the job finished.
            limit: jobs in one call, so that no other caller waits for long.

        Returns:
            How many were forgotten.
        """
        old: dict[str, Job] = {}
        with self._lock:
            due = self._clock() - age_seconds
            while self._finished and self._finished[0][0] <= due and len(old) < limit:
                job_id = self._finished.popleft()[1]
                old[job_id] = self._jobs.pop(job_id)
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
        """
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or job.owner != owner:
                return None
            return job.changes(job_id, since, known, limit)

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]:
        """A page of all of an owner's links, in order of completion; an empty page is the end."""
        with self._lock:
            kept = self._links.get(owner)
            return () if kept is None else kept.slice(start, limit)

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

    def enter_links(self, owner: str, links: Iterable[str]) -> None:
        """Append to an owner's links."""
        self._links[owner].extend(links)

    def start(self, job_id: str) -> None:
        """A job had been in progress."""
        self._jobs[job_id].status = JobStatus.IN_PROGRESS

    def forget(self, job_ids: Iterable[str]) -> None:
        """Jobs had been evicted, or were never taken after all."""
        for job_id in job_ids:
            self._jobs.pop(job_id, None)

    def resume(self, journal: JobJournal) -> None:
        """The state is as it was; from now on the journal is told of each change."""
        now, wall_now = self._clock(), self._wall_clock()
        ages = (
            (max(0.0, wall_now - job.finished), job_id)
            for job_id, job in self._jobs.items()
            if job.finished is not None
        )
        self._finished = deque((now - age, job_id) for age, job_id in sorted(ages, reverse=True))
        self._journal = journal
