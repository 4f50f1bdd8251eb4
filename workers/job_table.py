"""The shared dict of jobs. A plain class: a Manager owns it here, a test or another engine there.

Each method is one atomic step under one lock, so that no reader ever sees counts, states, status
and finished stamp disagree, and no writer needs to read before it writes.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from workers.messages import (
    Failed,
    ImageState,
    JobSnapshot,
    JobStatus,
    JobSummary,
    Submission,
    Uploaded,
)

_MOST_ATTEMPTS_SHOWN = 255  # one byte a URL


@dataclass(slots=True)
class _Job:
    urls: tuple[str, ...]
    created: float
    states: bytearray
    attempts: bytearray
    pending: int
    status: JobStatus = JobStatus.PENDING
    finished: float | None = None
    links: dict[int, str] = field(default_factory=dict)
    troubles: dict[int, tuple[str, str]] = field(default_factory=dict)
    deletehashes: dict[int, str] = field(default_factory=dict, repr=False)


class JobTable:
    """Job id → job, with atomic methods in place of item assignment.

    Args:
        wall_clock: seconds since the epoch, for the stamps that clients see; never for deadlines.
    """

    def __init__(self, wall_clock: Callable[[], float] = time.time) -> None:
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}
        # Kept in order of completion, so that listing links never scans the jobs.
        self._links: list[str] = []

    def open(self, submission: Submission) -> None:
        """Enter a new job, all of its URLs pending.

        Raises:
            ValueError: the job id is taken, or there are no URLs.
        """
        if not submission.urls:
            raise ValueError("A job needs at least one URL.")
        count = len(submission.urls)
        with self._lock:
            if submission.job_id in self._jobs:
                raise ValueError(f"Job {submission.job_id} exists already.")
            self._jobs[submission.job_id] = _Job(
                urls=submission.urls,
                created=self._wall_clock(),
                states=bytearray(count),
                attempts=bytearray(count),
                pending=count,
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
            attempt = min(job.attempts[index] + 1, _MOST_ATTEMPTS_SHOWN)
            job.attempts[index] = attempt
            return attempt

    def interrupt(self, job_id: str, index: int, reason: str, message: str, *, count: bool) -> None:
        """Note why an attempt ended without a result; the URL stays pending.

        Args:
            job_id: the job.
            index: the URL's place in it.
            reason: the stable code shown to readers until the next result.
            message: the sentence that goes with it.
            count: False takes the attempt back: it was not the URL's fault.
        """
        with self._lock:
            job = self._jobs[job_id]
            if job.states[index] != ImageState.PENDING:
                return
            job.troubles[index] = (reason, message)
            if not count and job.attempts[index]:
                job.attempts[index] -= 1

    def record(self, job_id: str, index: int, result: Uploaded | Failed) -> JobSummary | None:
        """Make one URL final. A URL that is final already stays as it is.

        Returns:
            The job's summary, if this was its last open URL.
        """
        with self._lock:
            job = self._jobs[job_id]
            if job.states[index] != ImageState.PENDING:
                return None
            if isinstance(result, Uploaded):
                job.states[index] = ImageState.COMPLETE
                job.links[index] = result.link
                job.deletehashes[index] = result.deletehash
                job.troubles.pop(index, None)
                self._links.append(result.link)
            else:
                job.states[index] = ImageState.FAILED
                job.troubles[index] = (result.reason, result.message)
            job.pending -= 1
            return self._finish(job_id, job) if job.pending == 0 else None

    def _finish(self, job_id: str, job: _Job) -> JobSummary:
        # The wall clock may have been set back meanwhile; a job never ends before it began.
        job.finished = max(job.created, self._wall_clock())
        job.status = JobStatus.COMPLETE
        return JobSummary(
            job_id=job_id,
            complete=len(job.links),
            failed=len(job.urls) - len(job.links),
            seconds=round(job.finished - job.created, 3),
        )

    def snapshot(self, job_id: str) -> JobSnapshot | None:
        """One job as it stands, or None if there is no such job."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None:
                return None
            return JobSnapshot(
                job_id=job_id,
                status=job.status,
                created=job.created,
                finished=job.finished,
                urls=job.urls,
                states=bytes(job.states),
                attempts=bytes(job.attempts),
                links=dict(job.links),
                troubles=dict(job.troubles),
            )

    def links(self, start: int, limit: int) -> tuple[str, ...]:
        """A page of all links, in order of completion; an empty page is the end."""
        with self._lock:
            return tuple(self._links[start : start + limit])

    def unfinished(self) -> dict[str, int]:
        """Open URLs by job id, jobs that are complete left out."""
        with self._lock:
            return {job_id: job.pending for job_id, job in self._jobs.items() if job.pending}
