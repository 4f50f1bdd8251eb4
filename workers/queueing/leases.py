"""Which URL is in which worker's hands, until when."""

from dataclasses import dataclass, field

from workers.messages import Place
from workers.queueing.lent import Lent

SILENT_SECONDS = 60.0
"""A worker with nothing in hand asks for work every second, in each lane; one that does not for
this long is stopped, or hung while it started. A busy machine may start hundreds slowly."""


@dataclass(slots=True)
class Holder:
    """A worker that was let in and is not retired.

    Attributes:
        last_word: monotonic seconds at which it last spoke, or was let in.
        tokens: its leases in force.
        has_claimed: whether it has ever asked for work.
        is_dismissed: it was told to leave: it finishes what it has, and is given nothing more.
        waits: its calls that wait for work now.
    """

    last_word: float
    tokens: set[int] = field(default_factory=set)
    has_claimed: bool = False
    is_dismissed: bool = False
    waits: int = 0


class LeaseBook(Lent[Place]):
    """The URLs that are lent, and the workers that were let in."""

    def __init__(self) -> None:
        super().__init__()
        self._holders: dict[str, Holder] = {}

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

    def workers(self) -> tuple[str, ...]:
        """All that were let in and are not retired."""
        return tuple(self._holders)

    def holders_ready(self) -> int:
        """How many workers have ever asked for work, those that are to leave left out."""
        return sum(
            holder.has_claimed and not holder.is_dismissed for holder in self._holders.values()
        )

    def holders_idle(self) -> int:
        """How many of these wait for work now."""
        return sum(
            holder.waits > 0 and not holder.is_dismissed for holder in self._holders.values()
        )

    def holders_staying(self) -> int:
        """How many were not told to leave, those that have not asked for work yet among them."""
        return len(self._holders) - self.holders_leaving()

    def holders_leaving(self) -> int:
        """How many were told to leave, and are not retired yet."""
        return sum(holder.is_dismissed for holder in self._holders.values())

    def lend(self, worker_id: str, item: Place, deadline: float) -> int:
        """Put a URL under a new lease; returns its token."""
        token = super().lend(worker_id, item, deadline)
        self._holders[worker_id].tokens.add(token)
        return token

    def end(self, worker_id: str, token: int) -> Place | None:
        """End a lease; see `Lent.end`."""
        place = super().end(worker_id, token)
        if place is not None:
            self._holders[worker_id].tokens.discard(token)
        return place

    def retire(self, worker_id: str) -> list[Place]:
        """Forget a worker; returns what it held, in the order it was lent."""
        del self._holders[worker_id]
        return self.take_back(worker_id)

    def overdue(self, now: float) -> tuple[str, ...]:
        """The workers that keep a URL past its deadline, or have none and have fallen silent."""
        silent = {
            worker_id
            for worker_id, holder in self._holders.items()
            if not holder.tokens and holder.last_word + SILENT_SECONDS <= now
        }
        return tuple(self.late(now) | silent)
