"""Queues of jobs that wait for a source host at its limit."""

from collections import OrderedDict, deque

# Bytes, measured with CPython 3.11: of a host with its first job; of each job at a host.
_HOST_BYTES = 1_500
_JOB_BYTES = 300


class HostQueues:
    """At each host tenants take turns, and so do a tenant's jobs. Not thread-safe."""

    def __init__(self) -> None:
        # host → tenant → jobs, each once. The first of each has the next turn.
        self._queues: dict[str, OrderedDict[str, deque[str]]] = {}
        self._count = 0

    @property
    def size(self) -> int:
        """Estimated memory in bytes; the URLs themselves count with their jobs."""
        return _HOST_BYTES * len(self._queues) + _JOB_BYTES * self._count

    def join(self, host: str, tenant: str, job_id: str) -> None:
        """Add a job that did not wait for the host before."""
        tenants = self._queues.setdefault(host, OrderedDict())
        tenants.setdefault(tenant, deque()).append(job_id)
        self._count += 1

    def first(self, host: str) -> str | None:
        """Return the job whose turn it is; None if no job waits."""
        tenants = self._queues.get(host)
        return None if tenants is None else next(iter(tenants.values()))[0]

    def pass_on(self, host: str) -> None:
        """End the turn of the first job."""
        tenants = self._queues[host]
        tenant, jobs = next(iter(tenants.items()))
        jobs.rotate(-1)
        tenants.move_to_end(tenant)

    def leave(self, host: str, tenant: str, job_id: str) -> None:
        tenants = self._queues[host]
        tenants[tenant].remove(job_id)
        self._count -= 1
        if not tenants[tenant]:
            del tenants[tenant]
        if not tenants:
            del self._queues[host]
