"""History of uploads for a restart: how many there were, and whether Imgur refuses them.

Times are in seconds since the epoch, as no other clock goes on across a restart.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from workers.contract.budget import DAY_SECONDS, Stamps
from workers.contract.messages.outcomes import Failed, MaybeBlocked
from workers.state.jobs.job_records import JobJournal, Record


@dataclass(slots=True)
class Shut:
    """The gate is shut: Imgur refuses whatever is sent.

    Attributes:
        refusal: the last one.
        since: seconds since the epoch.
        next_probe: when one image is tried; here in the same seconds, in the gate on its clock.
        probes: how many were, in vain.
    """

    refusal: MaybeBlocked
    since: float
    next_probe: float
    probes: int = 0

    def to_record(self) -> list[Any]:
        """Return the journal's form."""
        refusal = self.refusal
        told = [refusal.reason, refusal.message, refusal.sentence]
        return [*told, self.since, self.next_probe, self.probes]

    @classmethod
    def from_record(cls, record: list[Any]) -> "Shut":
        """Read the result of `to_record`."""
        reason, message, sentence, since, next_probe, probes = record
        return cls(MaybeBlocked(Failed(reason, message), sentence), since, next_probe, probes)


class QuotaHistory:
    """Writes each change to a journal, and keeps what a journal held until it is taken.

    Args:
        wall_clock: seconds since the epoch.
    """

    def __init__(self, wall_clock: Callable[[], float]) -> None:
        self.wall_clock = wall_clock
        self._journal = JobJournal()
        self._spent: dict[float, int] = {}
        self._block: Shut | None = None

    def resume(self, journal: JobJournal) -> None:
        """End the recovery; from now on the journal gets each change."""
        self._journal = journal

    # --- while the service runs -----------------------------------------------------------------

    def note_spent(self) -> None:
        """Record the end of an upload."""
        self._journal.append(["spent", [[math.ceil(self.wall_clock()), 1]]])

    def note_block(self, block: Shut | None) -> None:
        """Record a block, or with None its end."""
        self._journal.append(["blocked", None if block is None else block.to_record()])

    # --- a restart ----------------------------------------------------------------------------

    def enter_spent(self, stamps: Iterable[Stamps]) -> None:
        """Enter uploads of the journal."""
        for second, count in stamps:
            self._spent[second] = self._spent.get(second, 0) + count

    def enter_block(self, record: list[Any] | None) -> None:
        """Enter a block of the journal, or with None its end."""
        self._block = None if record is None else Shut.from_record(record)

    def take(self) -> tuple[list[Stamps], Shut | None]:
        """Return the uploads and the block; the caller keeps the uploads from now on."""
        spent, self._spent = sorted(self._spent.items()), {}
        return spent, self._block

    def records(self) -> Iterator[Record]:
        """Return the records of a compact journal."""
        since = max(self._spent, default=0.0) - DAY_SECONDS
        spent = [[second, count] for second, count in sorted(self._spent.items()) if second > since]
        if spent:
            yield ["spent", spent]
        if self._block is not None:
            yield ["blocked", self._block.to_record()]
