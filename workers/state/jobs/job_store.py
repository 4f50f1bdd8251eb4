"""The jobs of a job table with their lock: atomic reads, and the limit of memory."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import islice

from workers.contract.messages import (
    ChangesWanted,
    JobChanges,
    JobListing,
    JobOverview,
    JobStatus,
    Origin,
    Submission,
)
from workers.contract.shares import Shares, share_left
from workers.state.jobs.job import Job
from workers.state.jobs.job_changes import changes_of, overview_of
from workers.state.jobs.job_records import JobJournal
from workers.state.jobs.kept_jobs import KeptJobs

STEP_ASIDE_SECONDS = 0.001
"""Between two steps of long work: a lock is not fair, and without a pause waiters may starve."""

_LOOKS_A_STEP = 100  # jobs checked in a step: about 1 ms
_LONGEST_SECONDS = 0.5  # of one call, as the supervisor waits for it: enough for 20,000 jobs


class JobStore:
    """The half of a `JobTable` for reads and memory; see there for the arguments.

    Attributes:
        kept: the jobs and links themselves; for a restart, while nobody else uses them.
        lock: guards all of it.
        journal: gets each change, in the step that makes it.
        held: why all pending URLs wait, if there is such a reason.
    """

    def __init__(self, max_bytes: int, clock: Callable[[], float]) -> None:
        self.kept = KeptJobs(max_bytes)
        self.lock = threading.Lock()
        self.journal = JobJournal()
        self.held: tuple[str, str] | None = None
        self._clock = clock

    # --- for the web side: see `WebJobTable` --------------------------------------------------

    def changes(self, wanted: ChangesWanted) -> JobChanges | None:
        with self.lock:
            job = self.kept.of_owner(wanted.job_id, wanted.owner)
            return None if job is None else changes_of(job, wanted, self.held)

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]:
        with self.lock:
            return self.kept.links.of(owner).slice(start, limit)

    def links_removed(self, owner: str = "") -> int:
        with self.lock:
            return self.kept.links.of(owner).removed

    def listing(
        self, owner: str, status: JobStatus | None, before: int | None, limit: int
    ) -> JobListing:
        statuses = tuple(JobStatus) if status is None else (status,)
        with self.lock:
            jobs = self.kept.order.newest_first(owner, statuses, before, limit + 1)
            shown = tuple(map(overview_of, jobs[:limit]))
        return JobListing(shown, jobs[limit - 1].number if len(jobs) > limit else None)

    # --- for the supervisor and the mailbox ---------------------------------------------------

    def unfinished(self) -> dict[str, int]:
        """Return the number of open URLs by job id, without complete jobs."""
        with self.lock:
            return {job_id: job.pending for job_id, job in self.kept.by_id.items() if job.pending}

    def overview(self, job_id: str, owner: str) -> JobOverview | None:
        """Return a job without its URLs, or None if this owner has no such job."""
        with self.lock:
            job = self.kept.of_owner(job_id, owner)
            return None if job is None else overview_of(job)

    def request(self, owner: str, key: str) -> tuple[str, str] | None:
        """Return the job id and the request digest of an idempotency key, or None."""
        with self.lock:
            return self.kept.requests.get((owner, key))

    def failed_of(self, job_id: str, new_job_id: str, origin: Origin | None) -> Submission | None:
        """Return a job's failed URLs as a new job; None if there are none."""
        with self.lock:
            job = self.kept.by_id.get(job_id)
            failed = [] if job is None else job.failed()
            if job is None or not failed:
                return None
            data = {n: job.data[index] for n, index in enumerate(failed) if index in job.data}
            return replace(
                job.asked,
                job_id=new_job_id,
                urls=tuple(map(job.asked.urls.__getitem__, failed)),
                retry_of=job_id,
                request=None,
                origin=origin,
                data=data,
            )

    def job(self, job_id: str) -> Job:
        """Return an open job, for reading by the mailbox, which alone changes open jobs; takes no
        lock.
        """
        return self.kept.by_id[job_id]

    def jobs(self) -> Iterable[tuple[str, Job]]:
        """Return all jobs, in the order of submission; takes no lock."""
        return self.kept.by_id.items()

    # --- memory -------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Estimated memory of jobs and links in bytes."""
        with self.lock:
            return self.kept.size

    def bytes_left(self, tenant: str, max_bytes: int, announced: Shares) -> int:
        """Return the bytes left of `max_bytes` for new jobs of a tenant, if all complete jobs are
        evicted; `announced` are those of jobs that are not entered yet.
        """
        with self.lock:
            return share_left(
                max_bytes - self.kept.lasting_bytes,
                self.kept.open_sizes.total + announced.total,
                self.kept.open_sizes.of(tenant) + announced.of(tenant),
            )

    def make_room(self, max_bytes: int) -> dict[str, Job]:
        """Evict complete jobs down to a memory limit; see `FinishedJobs.take_for_room`.

        Returns:
            The evicted jobs. Freeing a large job takes a while: drop the reference without a lock.
        """
        with self.lock:
            dropped = self.kept.make_room(max_bytes, self._clock())
            self._log_forgotten(dropped)
            return dropped

    def evict(self, age_seconds: float | None) -> int:
        """Evict jobs that finished longer ago than an age, if there is one, the oldest first, and
        those beyond the memory limit; return their number. Their links stay; a job with an open
        task counts as finished now.

        Releases the lock between steps. Stops after `_LONGEST_SECONDS`; the next call continues.
        """
        forgotten = self.make_room(self.kept.max_bytes)
        count = len(forgotten)
        if age_seconds is None:
            return count
        now, is_done = self._clock(), False
        old = self.kept.finished.take_old(now - age_seconds, now)
        while not is_done and self._clock() <= now + _LONGEST_SECONDS:
            forgotten.clear()  # without the lock: freeing a large job takes a while
            time.sleep(STEP_ASIDE_SECONDS)
            with self.lock:
                step = list(islice(old, _LOOKS_A_STEP))
                forgotten = self.kept.forget(filter(None, step))
                self._log_forgotten(forgotten)
            count += len(forgotten)
            is_done = len(step) < _LOOKS_A_STEP
        return count

    def _log_forgotten(self, dropped: Mapping[str, Job]) -> None:
        if dropped:
            self.journal.append(["forgotten", list(dropped)])
