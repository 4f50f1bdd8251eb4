"""The jobs of a job table with their indexes and lock: atomic reads, and the limit of memory."""

import heapq
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Container, Hashable, Iterable, Iterator
from itertools import takewhile
from operator import itemgetter
from typing import Final
from weakref import WeakValueDictionary

from workers.contract.messages.jobs import (
    ChangesWanted,
    JobChanges,
    JobListing,
    JobOverview,
    JobStatus,
)
from workers.contract.messages.submission import Origin, Submission
from workers.contract.shares import Shares, share_left
from workers.state.jobs.album import Album
from workers.state.jobs.content_index import ContentIndex
from workers.state.jobs.job import Job
from workers.state.jobs.job_changes import changes_of, overview_of
from workers.state.jobs.job_order import JobOrder
from workers.state.jobs.job_records import JobJournal
from workers.state.jobs.links import KeptLinks
from workers.state.jobs.timeline import Timelines

_LINKS_SHARE: Final = 4
"""Of all memory; the web side has as much for the responses that list them."""

_CONTENTS_SHARE: Final = 8
_SPARE_SHARE: Final = 64

STEP_ASIDE_SECONDS = 0.001
"""Between two steps of long work: a lock is not fair, and without a pause waiters may starve."""

LONGEST_SECONDS = 0.5
"""Of one call, as the supervisor waits for it: enough to forget 20,000 jobs."""

_LOOKS_A_STEP = 100  # jobs checked in a step: about 1 ms


class JobStore:
    """The half of a `JobTable` for reads and memory; see there for the arguments.

    Attributes:
        max_bytes: memory limit for jobs, links and the content index.
        lock: guards all of it; a restart needs none, as nobody else uses it.
        journal: gets each change, in the step that makes it.
        held: why all pending URLs wait, if there is such a reason.
        by_id: all jobs, in the order in which they were opened. The mailbox, which alone changes
            open jobs, reads them without the lock.
        kept_links: apart from the jobs, so that listing them never scans those.
        contents: which images are at Imgur already.
        albums: those that jobs requested, for as long as there is such a job.
        sizes: bytes of memory of all jobs, by an estimate.
        open_sizes: of those that cannot make room yet: not complete, or with an open task.
        finished: complete jobs by tenant and id, the oldest first, with the monotonic seconds of
            their ends.
        order: jobs by owner and status.
        dropped_for_room: jobs that were dropped because there was no memory for them.
        kept: has the ids of jobs that are not dropped now, as a retry is being made of them.
    """

    def __init__(self, max_bytes: int, clock: Callable[[], float]) -> None:
        self.max_bytes = max_bytes
        self.lock = threading.Lock()
        self.journal = JobJournal()
        self.held: tuple[str, str] | None = None
        self.by_id: dict[str, Job] = {}
        self.kept_links = KeptLinks(max_bytes // _LINKS_SHARE)
        self.contents = ContentIndex(max_bytes // _CONTENTS_SHARE)
        self.albums = WeakValueDictionary[str, Album]()
        self.sizes = Shares()
        self.open_sizes = Shares()
        self.finished: dict[str, OrderedDict[str, tuple[float, Job]]] = {}
        self.order = JobOrder()
        self.dropped_for_room = 0
        self.kept: Container[Hashable] = ()
        # Job id and digest of the request, by owner and idempotency key.
        self._requests: dict[tuple[str, str], tuple[str, str]] = {}
        self._clock = clock

    # --- for the web side: see `WebJobTable` --------------------------------------------------

    def changes(self, wanted: ChangesWanted) -> JobChanges | None:
        with self.lock:
            job = self._of_owner(wanted.job_id, wanted.owner)
            return None if job is None else changes_of(job, wanted, self.held)

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]:
        with self.lock:
            return self.kept_links.of(owner).slice(start, limit)

    def links_removed(self, owner: str = "") -> int:
        with self.lock:
            return self.kept_links.of(owner).removed

    def listing(
        self, owner: str, status: JobStatus | None, before: int | None, limit: int
    ) -> JobListing:
        statuses = tuple(JobStatus) if status is None else (status,)
        with self.lock:
            jobs = self.order.newest_first(owner, statuses, before, limit + 1)
            shown = tuple(map(overview_of, jobs[:limit]))
        return JobListing(shown, jobs[limit - 1].number if len(jobs) > limit else None)

    # --- for the supervisor and the mailbox ---------------------------------------------------

    def unfinished(self) -> dict[str, int]:
        """Return the number of open URLs by job id, without complete jobs."""
        with self.lock:
            return {job_id: job.pending for job_id, job in self.by_id.items() if job.pending}

    def overview(self, job_id: str, owner: str) -> JobOverview | None:
        """Return a job without its URLs, or None if this owner has no such job."""
        with self.lock:
            job = self._of_owner(job_id, owner)
            return None if job is None else overview_of(job)

    def request(self, owner: str, key: str) -> tuple[str, str] | None:
        """Return the job id and the request digest of an idempotency key, or None."""
        with self.lock:
            return self._requests.get((owner, key))

    def failed_of(self, job_id: str, new_job_id: str, origin: Origin | None) -> Submission | None:
        """Return a job's failed URLs as a new job; None if there are none."""
        with self.lock:
            job = self.by_id.get(job_id)
            return None if job is None else job.failed_as(new_job_id, origin)

    # --- memory -------------------------------------------------------------------------------

    @property
    def max_job_bytes(self) -> int:
        """Bytes of the largest job that fits beside full links and a full content index."""
        return self.max_bytes - self.max_bytes // _LINKS_SHARE - self.max_bytes // _CONTENTS_SHARE

    @property
    def lasting_bytes(self) -> int:
        """Estimated memory of links and content index in bytes: they outlive the jobs."""
        return self.kept_links.size + self.contents.size

    @property
    def size(self) -> int:
        """Estimated memory in bytes."""
        return self.sizes.total + self.lasting_bytes

    def bytes_left(self, tenant: str, max_bytes: int, announced: Shares) -> int:
        """Return the bytes left of `max_bytes` for new jobs of a tenant, if all complete jobs are
        evicted; `announced` are those of jobs that are not entered yet.
        """
        with self.lock:
            return share_left(
                max_bytes - self.lasting_bytes,
                self.open_sizes.total + announced.total,
                self.open_sizes.of(tenant) + announced.of(tenant),
            )

    def make_room(self, max_bytes: int) -> dict[str, Job]:
        """Evict complete jobs down to a memory limit: each time the oldest of the tenant with the
        most memory. So a tenant that sends much loses its own results, not those of others.

        Returns:
            The evicted jobs. Freeing a large job takes a while: drop the reference without a lock.
        """
        with self.lock:
            if self.size <= max_bytes or self.sizes.total == self.open_sizes.total:
                return {}
            # A margin, so that not every new job evicts again.
            enough = max_bytes - max_bytes // _SPARE_SHARE
            dropped = self._let_go(takewhile(lambda _: self.size > enough, self._for_room()))
            self.dropped_for_room += len(dropped)
        return dropped

    def evict(self, age_seconds: float | None) -> int:
        """Evict jobs that finished longer ago than an age, if there is one, the oldest first, and
        those beyond the memory limit; return their number. Their links stay; a job with an open
        task counts as finished now.

        Releases the lock between steps. Stops after `LONGEST_SECONDS`; the next call continues.
        """
        forgotten = self.make_room(self.max_bytes)
        count = len(forgotten)
        if age_seconds is None:
            return count
        now = self._clock()
        with self.lock:
            old = deque(
                job
                for jobs in self.finished.values()
                for _, job in takewhile(lambda end: end[0] <= now - age_seconds, jobs.values())
            )
        while old and self._clock() <= now + LONGEST_SECONDS:
            forgotten.clear()  # without the lock: freeing a large job takes a while
            time.sleep(STEP_ASIDE_SECONDS)
            step = [old.popleft() for _ in range(min(_LOOKS_A_STEP, len(old)))]
            with self.lock:
                forgotten = self._let_go(job for job in step if job.asked.job_id in self.by_id)
            count += len(forgotten)
        return count

    # --- internal: with the lock held, or at a restart ---------------------------------------

    def _of_owner(self, job_id: str, owner: str) -> Job | None:
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
            self.enter_finished(job, 0.0)
        self.order.add(job)
        if request is not None:
            self._requests[owner, request.key] = job_id, request.digest

    def forget(self, job_ids: Iterable[str]) -> dict[str, Job]:
        """Drop jobs; return those that existed. Their links stay."""
        dropped = {}
        for job_id in job_ids:
            job = self.by_id.pop(job_id, None)
            if job is None:
                continue
            dropped[job_id], asked = job, job.asked
            if job.album is not None and job.finished is None:  # the disk did not confirm it
                job.album.job_finished(is_cancelled=True)
            self.order.remove(job)
            if asked.tenant in self.finished:
                self.finished[asked.tenant].pop(job_id, None)
                if not self.finished[asked.tenant]:
                    del self.finished[asked.tenant]
            self.sizes.add(asked.tenant, -job.weighed)
            self.open_sizes.add(asked.tenant, -job.weighed_open)
            if asked.request is not None:
                key = asked.owner, asked.request.key
                # In a repaired journal two jobs may have one key, which is that of the later one.
                if self._requests.get(key) == (job_id, asked.request.digest):
                    del self._requests[key]
        return dropped

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

    def enter_finished(self, job: Job, now: float) -> None:
        """Enter a complete job as the last that is evicted of its tenant."""
        jobs = self.finished.setdefault(job.asked.tenant, OrderedDict())
        jobs[job.asked.job_id] = now, job
        jobs.move_to_end(job.asked.job_id)

    def _for_room(self) -> Iterator[Job]:
        # Each job once: one that is not evicted becomes the last of its tenant.
        left = {tenant: len(jobs) for tenant, jobs in self.finished.items()}
        heap = [(-self.sizes.of(tenant), tenant) for tenant in left]
        heapq.heapify(heap)
        while heap:
            _, tenant = heap[0]
            yield next(iter(self.finished[tenant].values()))[1]
            left[tenant] -= 1
            if left[tenant]:
                heapq.heapreplace(heap, (-self.sizes.of(tenant), tenant))
            else:
                heapq.heappop(heap)

    def _let_go(self, jobs: Iterable[Job]) -> dict[str, Job]:
        dropped: dict[str, Job] = {}
        for job in jobs:
            if job.has_open_tasks or job.asked.job_id in self.kept:
                self.enter_finished(job, self._clock())
            else:
                dropped |= self.forget([job.asked.job_id])
        if dropped:
            self.journal.append(["forgotten", list(dropped)])
        return dropped

    def restore_ages(self, now: float, wall_now: float) -> None:
        """Set the ages and timelines of all jobs. `wall_now` is the same moment as
        `now`, in seconds since the epoch.
        """
        for job in self.by_id.values():
            # Without the times of the recovery itself.
            job.timelines = Timelines(len(job.asked.urls), now - max(0.0, wall_now - job.created))
            self.weigh(job)
        ended = [(job.finished, job) for job in self.by_id.values() if job.finished is not None]
        self.finished.clear()
        for at, job in sorted(ended, key=itemgetter(0)):
            self.enter_finished(job, now - max(0.0, wall_now - at))
