"""The registry of leases: task, worker and deadline."""

from dataclasses import dataclass, field

from workers.contract.messages.round_trip import UrlKey
from workers.contract.messages.tasks import TaskKind

SILENT_SECONDS = 60.0
"""A worker without leases requests work every second; one that does not for this long is stopped,
or hung at its start. A busy machine may start hundreds slowly."""


@dataclass(slots=True)
class Holder:
    """A registered worker that is not fenced.

    Attributes:
        last_word: monotonic seconds of its last request, or of its registration.
        tokens: of its valid leases.
        images: number of its leases of images.
        has_claimed: whether it has ever asked for work.
        is_draining: it finishes its leases, and gets no more.
        waits: number of its calls that wait for work.
    """

    worker_id: str
    last_word: float
    tokens: set[int] = field(default_factory=set)
    images: int = 0
    has_claimed: bool = False
    is_draining: bool = False
    waits: int = 0


@dataclass(slots=True)
class Leased:
    """A task under a valid lease.

    Attributes:
        deadline: monotonic seconds; then the lease has expired, and the worker is stuck.
        is_extended: see `LeaseRegistry.extend`.
    """

    holder: Holder
    kind: TaskKind
    place: UrlKey
    deadline: float
    is_extended: bool = False


class LeaseRegistry:
    """The valid leases, each with a unique token, and the registered workers.

    A report counts only while its lease is valid, and only from its holder: that fences a worker
    that counts as dead and reports later. Not thread-safe.

    Attributes:
        images: number of leases of images.
    """

    def __init__(self) -> None:
        self._leased: dict[int, Leased] = {}
        self._last_token = 0
        self._holders: dict[str, Holder] = {}
        self.images = 0

    # --- workers ----------------------------------------------------------------------------

    def register(self, worker_id: str, now: float) -> None:
        """Register a worker.

        Raises:
            ValueError: the id is in use; a second worker with it would orphan its leases.
        """
        if worker_id in self._holders:
            raise ValueError(f"Worker {worker_id} is registered already.")
        self._holders[worker_id] = Holder(worker_id, now)

    def holder(self, worker_id: str) -> Holder | None:
        """Return a worker's record; None if it is fenced, or was never registered."""
        return self._holders.get(worker_id)

    def workers(self) -> tuple[str, ...]:
        """Return all registered workers that are not fenced."""
        return tuple(self._holders)

    def holders_ready(self) -> int:
        """Number of workers that have asked for work and are not draining."""
        return sum(
            holder.has_claimed and not holder.is_draining for holder in self._holders.values()
        )

    def holders_idle(self) -> int:
        """Number of these that wait for work."""
        return sum(holder.waits > 0 and not holder.is_draining for holder in self._holders.values())

    def holders_staying(self) -> int:
        """Number of workers that are not draining, with those that have not asked for work yet."""
        return len(self._holders) - self.holders_draining()

    def holders_draining(self) -> int:
        """Number of draining workers that are not fenced yet."""
        return sum(holder.is_draining for holder in self._holders.values())

    # --- leases -----------------------------------------------------------------------------

    def lend(self, holder: Holder, kind: TaskKind, place: UrlKey, deadline: float) -> int:
        """Lease a task; return the token."""
        self._last_token += 1
        token = self._last_token
        self._leased[token] = Leased(holder, kind, place, deadline)
        holder.tokens.add(token)
        if kind is TaskKind.IMAGE:
            holder.images += 1
            self.images += 1
        return token

    def find(self, worker_id: str, token: int) -> Leased | None:
        """Return the task of a valid lease; None if this worker does not hold it."""
        leased = self._leased.get(token)
        return leased if leased is not None and leased.holder.worker_id == worker_id else None

    def extend(self, worker_id: str, token: int, seconds: float) -> None:
        """Extend a valid lease, once; a worker that is stuck in a loop expires all the same."""
        leased = self.find(worker_id, token)
        if leased is not None and not leased.is_extended:
            leased.is_extended = True
            leased.deadline += seconds

    def end(self, worker_id: str, token: int) -> Leased | None:
        """End a lease; None, without a change, if this worker does not hold it."""
        leased = self.find(worker_id, token)
        if leased is not None:
            del self._leased[token]
            leased.holder.tokens.discard(token)
            if leased.kind is TaskKind.IMAGE:
                leased.holder.images -= 1
                self.images -= 1
        return leased

    def fence(self, holder: Holder) -> list[Leased]:
        """Remove a worker; return its tasks in the order of their leases."""
        del self._holders[holder.worker_id]
        self.images -= holder.images
        return [self._leased.pop(token) for token in sorted(holder.tokens)]

    def expired(self, now: float) -> tuple[str, ...]:
        """Return the workers with an expired lease, and those without leases and requests."""
        late = {
            leased.holder.worker_id for leased in self._leased.values() if leased.deadline <= now
        }
        silent = {
            worker_id
            for worker_id, holder in self._holders.items()
            if not holder.tokens and holder.last_word + SILENT_SECONDS <= now
        }
        return tuple(late | silent)
