"""All jobs and links, with their indexes."""

from collections.abc import Iterable
from operator import itemgetter
from typing import Final
from weakref import WeakValueDictionary

from workers.contract.shares import Shares
from workers.state.jobs.album import Album
from workers.state.jobs.content_index import ContentIndex
from workers.state.jobs.finished_jobs import FinishedJobs
from workers.state.jobs.job import Job
from workers.state.jobs.job_order import JobOrder
from workers.state.jobs.links import KeptLinks
from workers.state.jobs.timeline import Timelines

_LINKS_SHARE: Final = 4
"""Of all memory; the web side has as much for the responses that list them."""

_CONTENTS_SHARE: Final = 8
_SPARE_SHARE: Final = 64


class KeptJobs:
    """Jobs by id, owner and age, idempotency key, and finish time; links by owner. Not thread-safe.

    Attributes:
        max_bytes: memory limit for jobs, links and the content index.
        by_id: all jobs, in the order in which they were opened.
        links: apart from the jobs, so that listing them never scans those.
        contents: which images are at Imgur already.
        albums: those that jobs requested, for as long as there is such a job.
        sizes: bytes of memory of all jobs, by an estimate.
        open_sizes: of those that cannot make room yet: not complete, or with an open task.
        finished: complete jobs, in the order of their eviction.
        order: jobs by owner and status.
        requests: job id and digest of the request, by owner and idempotency key.
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
        self.finished = FinishedJobs()
        self.order = JobOrder()
        self.requests: dict[tuple[str, str], tuple[str, str]] = {}

    def of_owner(self, job_id: str, owner: str) -> Job | None:
        """Return a job; None if this owner has no such job."""
        job = self.by_id.get(job_id)
        return None if job is None or job.asked.owner != owner else job

    def enter(self, job: Job) -> None:
        """Enter a job as it is; its links are entered separately."""
        job_id, owner, request = job.asked.job_id, job.asked.owner, job.asked.request
        self.by_id[job_id] = job
        self.weigh(job)
        if job.album is not None:
            self.albums[job.album.key] = job.album
        if job.finished is not None:
            self.finished.add(job, 0.0)
        self.order.add(job)
        if request is not None:
            self.requests[owner, request.key] = job_id, request.digest

    def forget(self, job_ids: Iterable[str]) -> dict[str, Job]:
        """Drop jobs; return those that existed. Their links stay."""
        dropped = {}
        for job_id in job_ids:
            job = self.by_id.pop(job_id, None)
            if job is None:
                continue
            dropped[job_id], asked = job, job.asked
            self.order.remove(job)
            self.sizes.add(asked.tenant, -job.weighed)
            self.open_sizes.add(asked.tenant, -job.weighed_open)
            if asked.request is not None:
                del self.requests[asked.owner, asked.request.key]
        return dropped

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
            self.sizes.add(job.asked.tenant, size - job.weighed)
            job.weighed = size
        if open_size != job.weighed_open:
            self.open_sizes.add(job.asked.tenant, open_size - job.weighed_open)
            job.weighed_open = open_size

    def album_changed(self, album: Album) -> None:
        """Give each job of an album a new version, as it shows the album."""
        for job_id in album.job_ids:
            job = self.by_id.get(job_id)
            if job is not None:
                job.log.note(0)  # any index will do: what has changed is the job's
                self.weigh(job)

    def make_room(self, max_bytes: int, now: float) -> dict[str, Job]:
        """Drop complete jobs down to a memory limit; see `FinishedJobs.take_for_room`."""
        dropped: dict[str, Job] = {}
        if self.size <= max_bytes or self.sizes.total == self.open_sizes.total:
            return dropped
        # A margin, so that not every new job evicts again.
        enough = max_bytes - max_bytes // _SPARE_SHARE
        for job_id in self.finished.take_for_room(self.sizes.of, now):
            dropped |= self.forget(filter(None, [job_id]))
            if self.size <= enough:
                break
        self.dropped_for_room += len(dropped)
        return dropped

    def resume(self, now: float, wall_now: float) -> None:
        """End a recovery: set the ages and timelines of all jobs. `wall_now` is the same moment as
        `now`, in seconds since the epoch.
        """
        for job in self.by_id.values():
            # Without the times of the recovery itself.
            job.timelines = Timelines(len(job.asked.urls), now - max(0.0, wall_now - job.created))
            self.weigh(job)
        self.finished = FinishedJobs()
        ended = [(job.finished, job) for job in self.by_id.values() if job.finished is not None]
        for at, job in sorted(ended, key=itemgetter(0)):
            self.finished.add(job, now - max(0.0, wall_now - at))
