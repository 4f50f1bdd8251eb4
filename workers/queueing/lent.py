"""What is in which worker's hands, until when: URLs, and errands."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


@dataclass(slots=True)
class _Held(Generic[_Item]):
    worker_id: str
    item: _Item
    deadline: float


class Lent(Generic[_Item]):
    """The leases in force, each under a token that is never used again.

    A word about a token counts only while its lease is in force, and only from its holder: that
    fences off a worker that was taken for dead and speaks up later. Not safe for threads by itself.
    """

    def __init__(self) -> None:
        self._held: dict[int, _Held[_Item]] = {}
        self._last_token = 0

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[_Item]:
        return (held.item for held in self._held.values())

    def lend(self, worker_id: str, item: _Item, deadline: float) -> int:
        """Put something under a new lease; returns its token."""
        self._last_token += 1
        self._held[self._last_token] = _Held(worker_id, item, deadline)
        return self._last_token

    def item(self, worker_id: str, token: int) -> _Item | None:
        """What a lease in force is for; None if it is not in this worker's hands."""
        held = self._held.get(token)
        return held.item if held is not None and held.worker_id == worker_id else None

    def end(self, worker_id: str, token: int) -> _Item | None:
        """End a lease; None, and nothing changes, if it is not in force in this worker's hands."""
        item = self.item(worker_id, token)
        if item is not None:
            del self._held[token]
        return item

    def take_back(self, worker_id: str) -> list[_Item]:
        """End all leases of a worker; returns what it held, in the order it was lent."""
        tokens = [token for token, held in self._held.items() if held.worker_id == worker_id]
        return [self._held.pop(token).item for token in tokens]

    def holders(self) -> frozenset[str]:
        """The workers that hold something."""
        return frozenset(held.worker_id for held in self._held.values())

    def late(self, now: float) -> frozenset[str]:
        """The workers that keep something past its deadline, in monotonic seconds."""
        return frozenset(held.worker_id for held in self._held.values() if held.deadline <= now)
