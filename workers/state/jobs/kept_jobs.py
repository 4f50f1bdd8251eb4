"""All jobs and links, with their indexes."""

from collections.abc import Iterable
from typing import Final
from weakref import WeakValueDictionary

from workers.contract.job_messages import JobListing
from workers.contract.messages import JobStatus
from workers.contract.shares import Shares
from workers.state.jobs.album import Album
from workers.state.jobs.content_index import ContentIndex
from workers.state.jobs.finished_jobs import FinishedJobs
from workers.state.jobs.job import Job
from workers.state.jobs.job_order import JobOrder
from workers.state.jobs.kept_links import KeptLinks

_LINKS_SHARE: Final = 4
"""Of all memory; the web side has as much for the responses that list them."""

_CONTENTS_SHARE: Final = 8
_SPARE_SHARE: Final = 64


class KeptJobs:
    """Jobs by id, owner and age, idempotency key, and finish time; links by owner. Not thread-safe.

    Args:
        max_bytes: memory limit for jobs, links and the content index.

    Attributes:
        by_id: all jobs, in the order in which they were opened.
        links: apart from the jobs, so that listing them never scans those.
        contents: which images are at Imgur already.
        albums: those that jobs asked for, for as long as there is such a job.
        sizes: bytes of memory of all jobs, by an estimate.
        open_sizes: of those that cannot make room yet: not complete, or with an open task.
        dropped_for_room: jobs that were dropped because there was no memory for them.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.by_id: dict[str, Job] = {}
        self.links = KeptLinks(max_bytes // _LINKS_SHARE)
        self.contents = ContentIndex(max_bytes // _CONTENTS_SHARE)
        self.albums = WeakValueDictionary[str, Album]()
        self.sizes = Shares()
        self.open_sizes = Shares()
        self.dropped_for_room = 0
        self._finished = FinishedJobs(self._has_open_tasks)
        self._order = JobOrder()
        # (owner, idempotency key) → job id.
        self._requests: dict[tuple[str, str], str] = {}

    def of_owner(self, job_id: str, owner: str) -> Job | None:
        """Return a job; None if this owner has no such job."""
        job = self.by_id.get(job_id)
        return None if job is None or job.owner != owner else job

    def of_request(self, owner: str, key: str) -> tuple[str, str] | None:
        """Return the job id and the request digest of an idempotency key, or None."""
        job_id = self._requests.get((owner, key), "")
        job = self.by_id.get(job_id)
        return None if job is None or job.request is None else (job_id, job.request.digest)

    def listing(
        self, owner: str, status: JobStatus | None, before: int | None, limit: int
    ) -> JobListing:
        """See `JobReader.listing`."""
        statuses = tuple(JobStatus) if status is None else (status,)
        entries = self._order.newest_first(owner, statuses, before, limit + 1)
        shown = entries[:limit]
        jobs = tuple(self.by_id[job_id].overview(job_id) for _, job_id in shown)
        return JobListing(jobs, shown[-1][0] if len(entries) > limit else None)

    def enter(self, job_id: str, job: Job) -> None:
        """Enter a job as it is; its links are entered separately."""
        self.by_id[job_id] = job
        self.weigh(job)
        if job.album is not None:
            self.albums[job.album.key] = job.album
        if job.finished is not None:
            self._finished.add(job.tenant, job_id, 0.0)
        job.number = self._order.add(job.owner, job_id, job.status)
        if job.request is not None:
            self._requests[job.owner, job.request.key] = job_id

    def advance(self, job_id: str, job: Job, status: JobStatus) -> None:
        """Set a job's next status."""
        self._order.move(job.owner, (job.number, job_id), job.status, status)
        job.status = status

    def finish(self, job_id: str, job: Job, now: float) -> None:
        """Mark a job as complete at this monotonic second."""
        self.advance(job_id, job, JobStatus.COMPLETE)
        self._finished.add(job.tenant, job_id, now)

    def forget(self, job_ids: Iterable[str]) -> dict[str, Job]:
        """Drop jobs; return those that existed. Their links stay."""
        dropped = {}
        for job_id in job_ids:
            job = self.by_id.pop(job_id, None)
            if job is None:
                continue
            dropped[job_id] = job
            self._order.remove(job.owner, (job.number, job_id), job.status)
            self.sizes.add(job.tenant, -job.weighed)
            self.open_sizes.add(job.tenant, -job.weighed_open)
            if job.request is not None:
                del self._requests[job.owner, job.request.key]
        return dropped

    def forget_old(self, age_seconds: float, limit: int, now: float) -> tuple[dict[str, Job], int]:
        """Drop jobs older than an age, the oldest first. One with an open task counts as finished
        now.

        Args:
            age_seconds: maximum age since the job finished.
            limit: maximum number of jobs to check.
            now: monotonic seconds.

        Returns:
            The dropped jobs, and the number of jobs checked.
        """
        old, looked = self._finished.take_old(now - age_seconds, limit, now)
        return self.forget(old), looked

    @property
    def finished_count(self) -> int:
        """Number of complete jobs."""
        return len(self._finished)

    # --- memory -----------------------------------------------------------------------------

    @property
    def max_job_bytes(self) -> int:
        """Bytes of the largest job that fits beside full links and a full content index."""
        return self.max_bytes - self.max_bytes // _LINKS_SHARE - self.max_bytes // _CONTENTS_SHARE

    @property
    def lasting_bytes(self) -> int:
        """Estimated memory of links and content index in bytes: they outlive the jobs."""
        return self.links.size + self.contents.size

    @property
    def size(self) -> int:
        """Estimated memory in bytes."""
        return self.sizes.total + self.lasting_bytes

    def weigh(self, job: Job) -> None:
        """Update the sizes with a job's current size."""
        size = job.size
        open_size = size if job.finished is None or job.has_open_tasks else 0
        if size != job.weighed:
            self.sizes.add(job.tenant, size - job.weighed)
            job.weighed = size
        if open_size != job.weighed_open:
            self.open_sizes.add(job.tenant, open_size - job.weighed_open)
            job.weighed_open = open_size

    def make_room(self, max_bytes: int, now: float) -> dict[str, Job]:
        """Drop complete jobs down to a memory limit; see `FinishedJobs.take_for_room`."""
        dropped: dict[str, Job] = {}
        if self.size <= max_bytes or self.sizes.total == self.open_sizes.total:
            return dropped
            # A margin, so that not every new job evicts again.
        enough = max_bytes - max_bytes // _SPARE_SHARE

        def forget(job_ids: list[str]) -> bool:
            dropped.update(self.forget(job_ids))
            return self.size <= enough

        self._finished.take_for_room(self.sizes.of, forget, now)
        self.dropped_for_room += len(dropped)
        return dropped

    def resume(self, now: float, wall_now: float) -> None:
        """End a recovery: set the ages and timelines of all jobs.

        Args:
            now: monotonic seconds.
            wall_now: the same moment in seconds since the epoch.
        """
        for job in self.by_id.values():
            job.restart_timelines(now - max(0.0, wall_now - job.created))
            self.weigh(job)
        ages = [
            (max(0.0, wall_now - job.finished), job_id)
            for job_id, job in self.by_id.items()
            if job.finished is not None
        ]
        self._finished = FinishedJobs(self._has_open_tasks)
        for age, job_id in sorted(ages, reverse=True):
            self._finished.add(self.by_id[job_id].tenant, job_id, now - age)

    def _has_open_tasks(self, job_id: str) -> bool:
        job = self.by_id.get(job_id)
        return job is not None and job.has_open_tasks
