"""Who waits for a source host that is at its limit, and whose turn it is there."""

from collections import OrderedDict, deque

# Bytes, measured with CPython 3.11: of a host with the first job that waits; of each job at a host.
_HOST_BYTES = 1_500
_JOB_BYTES = 300


class HostLines:
    """At each host tenants take turns, and a tenant's jobs do. Not safe for threads by itself."""

    def __init__(self) -> None:
        # By host and tenant: the jobs, each once. The first of each has the next turn.
        self._lines: dict[str, OrderedDict[str, deque[str]]] = {}
        self._count = 0

    @property
    def size(self) -> int:
        """Bytes of memory, by an estimate; the URLs themselves count with their jobs."""
        return _HOST_BYTES * len(self._lines) + _JOB_BYTES * self._count

    def join(self, host: str, tenant: str, job_id: str) -> None:
        """A job waits for a host, for which it did not wait before."""
        tenants = self._lines.setdefault(host, OrderedDict())
        tenants.setdefault(tenant, deque()).append(job_id)
        self._count += 1

    def first(self, host: str) -> str | None:
        """The job whose turn it is; None if no job waits."""
        tenants = self._lines.get(host)
        return None if tenants is None else next(iter(tenants.values()))[0]

    def pass_on(self, host: str) -> None:
        """The first job has had its turn."""
        tenants = self._lines[host]
        tenant, jobs = next(iter(tenants.items()))
        jobs.rotate(-1)
        tenants.move_to_end(tenant)

    def leave(self, host: str, tenant: str, job_id: str) -> None:
        """A job waits for a host no longer."""
        tenants = self._lines[host]
        tenants[tenant].remove(job_id)
        self._count -= 1
        if not tenants[tenant]:
            del tenants[tenant]
        if not tenants:
            del self._lines[host]
