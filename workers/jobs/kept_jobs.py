"""All jobs and links that there are, and the ways to find them."""

from collections import defaultdict, deque
from collections.abc import Iterable

from workers.jobs.content_index import ContentIndex
from workers.jobs.job import Job
from workers.jobs.job_messages import JobListing
from workers.jobs.job_order import JobOrder
from workers.jobs.link_list import LinkList
from workers.messages import JobStatus


class KeptJobs:
    """Jobs by id, by owner and age, by the key of their request, by when they finished; links by
    owner. Not safe for threads by itself.

    Attributes:
        by_id: all jobs, in the order in which they were opened.
        links: by owner and in order of completion, so that listing links never scans the jobs.
        contents: which images are at Imgur already.
    """

    def __init__(self) -> None:
        self.by_id: dict[str, Job] = {}
        self.links: defaultdict[str, LinkList] = defaultdict(LinkList)
        self.contents = ContentIndex()
        self._finished: deque[tuple[float, str]] = deque()
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
        self._finished.append((now, job_id))

    def forget(self, job_ids: Iterable[str]) -> dict[str, Job]:
        """Drop jobs; returns those that were there. Their links stay."""
        dropped = {}
        for job_id in job_ids:
            job = self.by_id.pop(job_id, None)
            if job is None:
                continue
            dropped[job_id] = job
            self._order.remove(job.owner, (job.number, job_id), job.status)
            if job.request is not None:
                del self._requests[job.owner, job.request.key]
        return dropped

    def take_old(self, age_seconds: float, limit: int, now: float) -> list[str]:
        """Jobs that finished so long ago and are to be forgotten, the oldest first. One with an
        open errand stays for as long again.

        Args:
            age_seconds: since the job finished.
            limit: jobs to look at.
            now: monotonic seconds.
        """
        old = []
        for _ in range(min(limit, len(self._finished))):
            finished, job_id = self._finished[0]
            if finished > now - age_seconds:
                break
            self._finished.popleft()
            if self.by_id[job_id].has_open_errands:
                self._finished.append((now, job_id))
            else:
                old.append(job_id)
        return old

    def resume(self, now: float, wall_now: float) -> None:
        """After a restart, all jobs as they were: their ages and timelines go on from here.

        Args:
            now: monotonic seconds.
            wall_now: seconds since the epoch, at the same moment.
        """
        for job in self.by_id.values():
            job.restart_timelines(now - max(0.0, wall_now - job.created))
        ages = (
            (max(0.0, wall_now - job.finished), job_id)
            for job_id, job in self.by_id.items()
            if job.finished is not None
        )
        self._finished = deque((now - age, job_id) for age, job_id in sorted(ages, reverse=True))
