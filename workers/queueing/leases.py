"""Which URL is in which worker's hands, until when."""

from dataclasses import dataclass, field

from workers.messages import Place

SILENT_SECONDS = 60.0
"""A worker with nothing in hand asks for work every second, in each lane; one that does not for
this long is stopped, or hung while it started. A busy machine may start hundreds slowly."""


@dataclass(slots=True)
class _Held:
    worker_id: str
    place: Place
    deadline: float


@dataclass(slots=True)
class Holder:
    """A worker that was let in and is not retired.

    Attributes:
        last_word: monotonic seconds at which it last spoke, or was let in.
        tokens: its leases in force.
        has_claimed: whether it has ever asked for work.
    """

    last_word: float
    tokens: set[int] = field(default_factory=set)
    has_claimed: bool = False


class LeaseBook:
    """The leases in force, each under a token that is never used again.

    A word about a token counts only while its lease is in force, and only from its holder: that
    fences off a worker that was taken for dead and speaks up later. Not safe for threads by itself.
    """

    def __init__(self) -> None:
        self._held: dict[int, _Held] = {}
        self._holders: dict[str, Holder] = {}
        self._last_token = 0

    def __len__(self) -> int:
        return len(self._held)

    def register(self, worker_id: str, now: float) -> None:
        """Let a worker in.

        Raises:
            ValueError: the id is in use; a second one of that name would orphan its leases.
        """
        if worker_id in self._holders:
            raise ValueError(f"Worker {worker_id} is registered already.")
        self._holders[worker_id] = Holder(last_word=now)

    def holder(self, worker_id: str) -> Holder | None:
        """A worker's standing here; None if it is retired, or was never let in."""
        return self._holders.get(worker_id)

    def holders_ready(self) -> int:
        """How many workers have ever asked for work."""
        return sum(holder.has_claimed for holder in self._holders.values())

    def lend(self, worker_id: str, place: Place, deadline: float) -> int:
        """Put a URL under a new lease; returns its token."""
        self._last_token += 1
        self._held[self._last_token] = _Held(worker_id, place, deadline)
        self._holders[worker_id].tokens.add(self._last_token)
        return self._last_token

    def place(self, worker_id: str, token: int) -> Place | None:
        """What a lease in force is for; None if it is not in this worker's hands."""
        held = self._held.get(token)
        return held.place if held is not None and held.worker_id == worker_id else None

    def end(self, worker_id: str, token: int) -> Place | None:
        """End a lease; None, and nothing changes, if it is not in force in this worker's hands."""
        place = self.place(worker_id, token)
        if place is not None:
            del self._held[token]
            self._holders[worker_id].tokens.discard(token)
        return place

    def retire(self, worker_id: str) -> list[Place]:
        """Forget a worker; returns what it held, in the order it was lent."""
        holder = self._holders.pop(worker_id)
        return [self._held.pop(token).place for token in sorted(holder.tokens)]

    def overdue(self, now: float) -> tuple[str, ...]:
        """The workers that keep a URL past its deadline, or have none and have fallen silent."""
        late = {held.worker_id for held in self._held.values() if held.deadline <= now}
        silent = {
            worker_id
            for worker_id, holder in self._holders.items()
            if not holder.tokens and holder.last_word + SILENT_SECONDS <= now
        }
        return tuple(late | silent)
