"""Which task is in which worker's hands, until when."""

from dataclasses import dataclass, field

from workers.contract.messages import TaskKind, UrlKey

SILENT_SECONDS = 60.0
"""A worker with nothing in hand asks for work every second, in each lane; one that does not for
this long is stopped, or hung while it started. A busy machine may start hundreds slowly."""


@dataclass(slots=True)
class Holder:
    """A worker that was let in and is not retired.

    Attributes:
        last_word: monotonic seconds at which it last spoke, or was let in.
        tokens: its leases in force.
        images: how many of these are of images.
        has_claimed: whether it has ever asked for work.
        is_draining: it was told to leave: it finishes what it has, and is given nothing more.
        waits: its calls that wait for work now.
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
    """A task under a lease in force.

    Attributes:
        deadline: monotonic seconds; a worker that keeps it longer is stuck.
    """

    holder: Holder
    kind: TaskKind
    place: UrlKey
    deadline: float


class LeaseRegistry:
    """The leases in force, each under a token that is never used again, and the workers that were
    let in.

    A word about a token counts only while its lease is in force, and only from its holder: that
    fences off a worker that was taken for dead and speaks up later. Not safe for threads by itself.

    Attributes:
        images: how many of the leases are of images.
    """

    def __init__(self) -> None:
        self._leased: dict[int, Leased] = {}
        self._last_token = 0
        self._holders: dict[str, Holder] = {}
        self.images = 0

    # --- workers ----------------------------------------------------------------------------

    def register(self, worker_id: str, now: float) -> None:
        """Let a worker in.

        Raises:
            ValueError: the id is in use; a second one of that name would orphan its leases.
        """
        if worker_id in self._holders:
            raise ValueError(f"Worker {worker_id} is registered already.")
        self._holders[worker_id] = Holder(worker_id, now)

    def holder(self, worker_id: str) -> Holder | None:
        """A worker's standing here; None if it is retired, or was never let in."""
        return self._holders.get(worker_id)

    def workers(self) -> tuple[str, ...]:
        """All that were let in and are not retired."""
        return tuple(self._holders)

    def holders_ready(self) -> int:
        """How many workers have ever asked for work, those that are to leave left out."""
        return sum(
            holder.has_claimed and not holder.is_draining for holder in self._holders.values()
        )

    def holders_idle(self) -> int:
        """How many of these wait for work now."""
        return sum(holder.waits > 0 and not holder.is_draining for holder in self._holders.values())

    def holders_staying(self) -> int:
        """How many were not told to leave, those that have not asked for work yet among them."""
        return len(self._holders) - self.holders_draining()

    def holders_draining(self) -> int:
        """How many were told to leave, and are not retired yet."""
        return sum(holder.is_draining for holder in self._holders.values())

    # --- leases -----------------------------------------------------------------------------

    def lend(self, holder: Holder, kind: TaskKind, place: UrlKey, deadline: float) -> int:
        """Put a task under a new lease; returns its token."""
        self._last_token += 1
        token = self._last_token
        self._leased[token] = Leased(holder, kind, place, deadline)
        holder.tokens.add(token)
        if kind is TaskKind.IMAGE:
            holder.images += 1
            self.images += 1
        return token

    def find(self, worker_id: str, token: int) -> Leased | None:
        """What a lease in force is for; None if it is not in this worker's hands."""
        leased = self._leased.get(token)
        return leased if leased is not None and leased.holder.worker_id == worker_id else None

    def end(self, worker_id: str, token: int) -> Leased | None:
        """End a lease; None, and nothing changes, if it is not in force in this worker's hands."""
        leased = self.find(worker_id, token)
        if leased is not None:
            del self._leased[token]
            leased.holder.tokens.discard(token)
            if leased.kind is TaskKind.IMAGE:
                leased.holder.images -= 1
                self.images -= 1
        return leased

    def fence(self, holder: Holder) -> list[Leased]:
        """Forget a worker; returns what it held, in the order it was lent."""
        del self._holders[holder.worker_id]
        self.images -= holder.images
        return [self._leased.pop(token) for token in sorted(holder.tokens)]

    def expired(self, now: float) -> tuple[str, ...]:
        """The workers that keep a task past its deadline, or have none and have fallen silent."""
        late = {
            leased.holder.worker_id for leased in self._leased.values() if leased.deadline <= now
        }
        silent = {
            worker_id
            for worker_id, holder in self._holders.items()
            if not holder.tokens and holder.last_word + SILENT_SECONDS <= now
        }
        return tuple(late | silent)
