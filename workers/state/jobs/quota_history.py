"""History of uploads for a restart: how many there were, and whether Imgur refuses them.

Times are in seconds since the epoch, as no other clock goes on across a restart.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from workers.contract.budget import DAY_SECONDS, Block, Stamps
from workers.state.jobs.job_records import JobJournal, Record


class QuotaHistory:
    """Writes each change to a journal, and keeps what a journal held until it is taken.

    Args:
        wall_clock: seconds since the epoch.
    """

    def __init__(self, wall_clock: Callable[[], float]) -> None:
        self.wall_clock = wall_clock
        self._journal = JobJournal()
        self._spent: dict[float, int] = {}
        self._block: Block | None = None  # its next probe is in seconds since the epoch

    def resume(self, journal: JobJournal) -> None:
        """End the recovery; from now on the journal gets each change."""
        self._journal = journal

    # --- while the service runs -----------------------------------------------------------------

    def note_spent(self) -> None:
        """Record the end of an upload."""
        self._journal.append(["spent", [[math.ceil(self.wall_clock()), 1]]])

    def note_block(self, block: Block | None) -> None:
        """Record a block, or with None its end."""
        self._journal.append(["blocked", block and _moved(block, self.wall_clock())])

    # --- a restart ----------------------------------------------------------------------------

    def enter_spent(self, stamps: Iterable[Stamps]) -> None:
        """Enter uploads of the journal."""
        for second, count in stamps:
            self._spent[second] = self._spent.get(second, 0) + count

    def enter_block(self, record: list[Any] | None) -> None:
        """Enter a block of the journal, or with None its end."""
        self._block = None if record is None else Block(*record)

    def take(self) -> tuple[list[Stamps], Block | None]:
        """Return the uploads and the block; the caller keeps the uploads from now on."""
        spent, self._spent = sorted(self._spent.items()), {}
        return spent, self._block and _moved(self._block, -self.wall_clock())

    def records(self) -> Iterator[Record]:
        """Return the records of a compact journal."""
        # The clock may have been ahead for a while: that makes no other upload old.
        since = min(max(self._spent, default=0.0), self.wall_clock()) - DAY_SECONDS
        spent = [[second, count] for second, count in sorted(self._spent.items()) if second > since]
        if spent:
            yield ["spent", spent]
        if self._block is not None:
            yield ["blocked", self._block]


def _moved(block: Block, seconds: float) -> Block:
    return block._replace(next_probe_seconds=block.next_probe_seconds + seconds)
