"""Fair queue: leases waiting URLs in turns of tenants and jobs, within the hosts' limits."""

from array import array
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from workers.contract.job_options import Priority
from workers.contract.messages.round_trip import ImageOptions, UrlKey
from workers.contract.messages.submission import Submission
from workers.state.schedule.host_queues import HostQueues
from workers.state.schedule.job_queue import Indexes, JobQueue, Tenant
from workers.state.schedule.job_sizes import JobSizes
from workers.state.schedule.source_limits import SourceLimits, host_of

_LOOKS_PER_TURN = 64
_LOOKS_PER_POP = 1_024
"""Maximum number of URLs to check for one to lease: per tenant, and in all. About 2 µs each; a URL
is checked once and then parked, so the next call continues from there."""

_STRIDES: Final = {Priority.HIGH: 1, Priority.NORMAL: 2, Priority.LOW: 4}
"""A job's distance between turns: the ratio is 4 : 2 : 1 turns. Between jobs of one tenant only: a
priority takes nothing from other tenants."""

_TENANT_STRIDE: Final = 1  # the same for all

_TENANT_BYTES = 2_000  # measured with CPython 3.11


class FairQueue:
    """Round robin by tenant, and within a tenant by job: no tenant waits longer because another has
    sent more, and a small job does not wait for an earlier large one. A job of a higher priority
    gets more of its tenant's turns.

    A URL whose host is at its limit is parked, and the job's next URL is checked. A released slot
    goes to a parked URL at once, so a host with parked URLs has no free slot. Each URL is
    parked once at most. Tenants and jobs that wait for the same host take turns there too.

    A job is known from `add` to the `end` of its last URL. Not thread-safe.

    Args:
        sources: the limits.

    Attributes:
        unfinished: number of URLs of all jobs that are not final.
        held: of these, URLs of jobs whose albums are not created.
        is_unsearched: whether the last `pop` stopped at its limit of checks.
    """

    def __init__(self, sources: SourceLimits) -> None:
        self._sources = sources
        self._jobs: dict[str, JobQueue] = {}
        self._tenants: dict[str, Tenant] = {}
        self._tenant_sizes = JobSizes()
        # Tenants with URLs to check, each once, in the order of their turns.
        self._tenant_turns: deque[Tenant] = deque()
        self._parked = HostQueues()
        self.unfinished = 0
        self.held = 0
        self.is_unsearched = False

    def unfinished_of(self, tenant: str) -> int:
        """Return the number of a tenant's URLs that are not final."""
        found = self._tenants.get(tenant)
        return 0 if found is None else found.unfinished

    @property
    def size(self) -> int:
        """Estimated memory in bytes, without the jobs."""
        return _TENANT_BYTES * len(self._tenants) + self._parked.size

    def add(
        self,
        job: Submission,
        new_album: str | None = None,
        waiting: Iterable[int] | None = None,
        leased: int = 0,
    ) -> None:
        """Append a job.

        Args:
            job: the job.
            new_album: the name of the album that it asked for; empty while that is not created:
                then nothing of the job is handed out before `release`.
            waiting: indexes of the URLs to lease, after a recovery; None for all.
            leased: number of further open URLs, which the caller requeues or ends.
        """
        order = range(len(job.urls)) if waiting is None else tuple(waiting)
        tenant = self._tenants.get(job.tenant)
        if tenant is None:
            tenant = self._tenants[job.tenant] = Tenant(job.tenant)
        options = ImageOptions.of(job.options, len(job.urls), new_album or "")
        queue = JobQueue(tenant, job.urls, 0, options, _STRIDES[job.options.priority], order)
        self._jobs[job.job_id] = queue
        queue.is_held = new_album == ""
        tenant.jobs += 1
        self._count(queue, len(order) + leased)
        if queue:
            self._enqueue_tenant(tenant)
            tenant.turns.enter(job.job_id, queue.stride)

    def release(self, job_id: str, new_album: str) -> bool:
        """The album of a job is created; returns whether the job was held for it."""
        job = self._jobs.get(job_id)
        if job is None or not job.is_held:
            return False
        self.held -= job.unfinished
        job.is_held = False
        options = job.options or ImageOptions(len(job.urls))
        told = replace(options.job, album=new_album)
        job.options = replace(options, job=told, is_album_new=True)
        if job:
            self._enqueue_tenant(job.tenant)
            job.tenant.turns.enter(job_id, job.stride)
        return True

    def pop(self) -> UrlKey | None:
        """Remove and return the next URL of the tenant whose turn it is; it has a slot of its host.

        Returns:
            None if no URL may be leased, or none was found among those checked.
        """
        looks = _LOOKS_PER_POP
        self.is_unsearched = False
        while self._tenant_turns:
            if looks <= 0:
                self.is_unsearched = True
                return None
            tenant = self._tenant_turns.popleft()
            key, looked = self._search(tenant)
            looks -= looked
            if tenant.turns:
                self._tenant_turns.append(tenant)
            if key is not None:
                return key
        return None

    def requeue(self, key: UrlKey) -> None:
        """Put a URL back at the front of its job; it keeps its slot."""
        job_id, index = key
        job = self._jobs[job_id]
        host = host_of(job.urls[index])
        if self._sources.take(key, host):
            self._enqueue_unless_queued(job_id, job)
            job.admitted.insert(0, index)
        else:
            self._parked_at(job_id, job, host).insert(0, index)

    def admit(self, host: str) -> int:
        """Give released slots to parked URLs; return how many."""
        count = 0
        while (job_id := self._parked.first(host)) is not None:
            job = self._jobs[job_id]
            waiting = job.parked[host]
            if not self._sources.take((job_id, waiting[0]), host):
                return count
            count += 1
            self._enqueue_unless_queued(job_id, job)
            job.admitted.append(waiting.pop(0))
            self._parked.pass_on(host)
            if not waiting:
                self._leave(job_id, job, host)
        return count

    def remove(self, job_id: str, now: float) -> list[int]:
        """Remove the waiting URLs of a job, if it is known; return their indexes. The caller ends
        them later.
        """
        job = self._jobs.get(job_id)
        if job is None:
            return []
        waiting = [*job.admitted, *job.order[job.position :]]
        for host in list(job.parked):
            waiting += job.parked[host]
            self._leave(job_id, job, host)
        keys = [(job_id, index) for index in job.admitted]
        job.order, job.position, job.admitted = (), 0, array("I")
        # Its turn is skipped when due: a search for it would take longer.
        for key in keys:
            host_with_room = self._sources.ended(key, None, now)
            if host_with_room is not None:
                self.admit(host_with_room)
        return waiting

    def url(self, key: UrlKey) -> str:
        job_id, index = key
        return self._jobs[job_id].urls[index]

    def options(self, job_id: str) -> ImageOptions | None:
        """Return the options that workers need for a job's images."""
        return self._jobs[job_id].options

    def ahead(self, job_id: str) -> int | None:
        """Return the number of URLs before a job's last one; None if it has no open URLs."""
        job = self._jobs.get(job_id)
        if job is None:
            return None
        own = job.tenant.sizes.ahead(job.stride, job.unfinished)
        return own + self._tenant_sizes.beside(_TENANT_STRIDE, job.tenant.unfinished, own + 1)

    def end(self, job_id: str, count: int = 1) -> None:
        """Count URLs as final; the job is dropped with its last one."""
        job = self._jobs[job_id]
        self._count(job, -count)
        if not job.unfinished:
            del self._jobs[job_id]
            self._forget(job.tenant)

    # --- internal -----------------------------------------------------------------------------

    def _count(self, job: JobQueue, urls: int) -> None:
        tenant = job.tenant
        tenant.sizes.change(job.stride, job.unfinished, job.unfinished + urls)
        self._tenant_sizes.change(_TENANT_STRIDE, tenant.unfinished, tenant.unfinished + urls)
        job.unfinished += urls
        self.held += urls if job.is_held else 0
        tenant.unfinished += urls
        self.unfinished += urls

    def _forget(self, tenant: Tenant) -> None:
        """Remove a job from its tenant, and the tenant with its last job."""
        tenant.jobs -= 1
        if tenant.jobs:
            # Removed jobs leave stale entries; many would be a leak.
            if len(tenant.turns) <= 2 * tenant.jobs:
                return
            tenant.turns.keep(self._jobs)
            if tenant.turns:
                return
        else:
            del self._tenants[tenant.name]
            if not tenant.turns:
                return
        self._tenant_turns.remove(tenant)

    def _search(self, tenant: Tenant) -> tuple[UrlKey | None, int]:
        """Search a URL to lease; return it and the number of checked URLs."""
        looked = 0
        while tenant.turns and looked < _LOOKS_PER_TURN:
            job_id = tenant.turns.take()
            job = self._jobs.get(job_id)
            if job is None:
                continue  # it was removed
            index = None
            while job and index is None and looked < _LOOKS_PER_TURN:
                looked += 1
                index = self._look_at_next(job_id, job)
            if job:
                tenant.turns.line_up(job_id, job.stride)
            if index is not None:
                return (job_id, index), looked
        return None, looked

    def _enqueue_unless_queued(self, job_id: str, job: JobQueue) -> None:
        if not job:
            self._enqueue_tenant(job.tenant)
            job.tenant.turns.line_up(job_id, job.stride)

    def _enqueue_tenant(self, tenant: Tenant) -> None:
        """Enqueue a tenant before its job, unless it is enqueued."""
        if not tenant.turns:
            self._tenant_turns.append(tenant)

    def _look_at_next(self, job_id: str, job: JobQueue) -> int | None:
        if job.admitted:
            index = job.admitted.pop(0)
            paused = self._sources.withdraw((job_id, index))
            if paused is None:
                return index
            self._parked_at(job_id, job, paused).insert(0, index)
            return None
        index = job.order[job.position]
        job.position += 1
        host = host_of(job.urls[index])
        if self._sources.take((job_id, index), host):
            return index
        self._parked_at(job_id, job, host).append(index)
        return None

    def _parked_at(self, job_id: str, job: JobQueue, host: str) -> Indexes:
        found = job.parked.get(host)
        if found is None:
            found = job.parked[host] = array("I")
            self._parked.join(host, job.tenant.name, job_id)
        return found

    def _leave(self, job_id: str, job: JobQueue, host: str) -> None:
        """Remove a job without parked URLs from a host's queue."""
        del job.parked[host]
        self._parked.leave(host, job.tenant.name, job_id)
