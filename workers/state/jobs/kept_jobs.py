"""All jobs and links that there are, and the ways to find them."""

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
"""Of all memory; as much as the web side has for answers that list them."""

_CONTENTS_SHARE: Final = 8
_SPARE_SHARE: Final = 64


class KeptJobs:
    """Jobs by id, by owner and age, by the key of their request, by when they finished; links by
    owner. Not safe for threads by itself.

    Args:
        max_bytes: of memory, for all of it.

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
        # By owner and key: the job that a request made, for when it comes again.
        self._requests: dict[tuple[str, str], str] = {}

    def of_owner(self, job_id: str, owner: str) -> Job | None:
        """A job; None if this owner has no such one."""
        job = self.by_id.get(job_id)
        return None if job is None or job.owner != owner else job

    def of_request(self, owner: str, key: str) -> tuple[str, str] | None:
        """The job that a request with this key has made, and what was asked for, as a digest."""
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
        """Enter a job as it stands; its links are entered apart."""
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
        """Give a job its next status."""
        self._order.move(job.owner, (job.number, job_id), job.status, status)
        job.status = status

    def finish(self, job_id: str, job: Job, now: float) -> None:
        """A job is complete, since this monotonic second."""
        self.advance(job_id, job, JobStatus.COMPLETE)
        self._finished.add(job.tenant, job_id, now)

    def forget(self, job_ids: Iterable[str]) -> dict[str, Job]:
        """Drop jobs; returns those that were there. Their links stay."""
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
        """Drop jobs that finished so long ago, the oldest first. One with an open task stays for
        as long again.

        Args:
            age_seconds: since the job finished.
            limit: jobs to look at.
            now: monotonic seconds.

        Returns:
            What was dropped, and how many jobs were looked at.
        """
        old, looked = self._finished.take_old(now - age_seconds, limit, now)
        return self.forget(old), looked

    @property
    def finished_count(self) -> int:
        """Jobs that are complete."""
        return len(self._finished)

    # --- memory -----------------------------------------------------------------------------

    @property
    def max_job_bytes(self) -> int:
        """The largest job that fits whatever outlives the others."""
        return self.max_bytes - self.max_bytes // _LINKS_SHARE - self.max_bytes // _CONTENTS_SHARE

    @property
    def lasting_bytes(self) -> int:
        """Memory for what outlives the jobs, by an estimate."""
        return self.links.size + self.contents.size

    @property
    def size(self) -> int:
        """Bytes of memory, by an estimate."""
        return self.sizes.total + self.lasting_bytes

    def weigh(self, job: Job) -> None:
        """Count what a job takes now."""
        size = job.size
        open_size = size if job.finished is None or job.has_open_tasks else 0
        if size != job.weighed:
            self.sizes.add(job.tenant, size - job.weighed)
            job.weighed = size
        if open_size != job.weighed_open:
            self.open_sizes.add(job.tenant, open_size - job.weighed_open)
            job.weighed_open = open_size

    def make_room(self, max_bytes: int, now: float) -> dict[str, Job]:
        """Drop complete jobs until no more memory is taken; see `FinishedJobs.take_for_room`."""
        dropped: dict[str, Job] = {}
        if self.size <= max_bytes or self.sizes.total == self.open_sizes.total:
            return dropped
        # A bit more, so that the next job need not look for its room again.
        enough = max_bytes - max_bytes // _SPARE_SHARE

        def forget(job_ids: list[str]) -> bool:
            dropped.update(self.forget(job_ids))
            return self.size <= enough

        self._finished.take_for_room(self.sizes.of, forget, now)
        self.dropped_for_room += len(dropped)
        return dropped

    def resume(self, now: float, wall_now: float) -> None:
        """After a restart, all jobs as they were: their ages and timelines go on from here.

        Args:
            now: monotonic seconds.
            wall_now: seconds since the epoch, at the same moment.
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
