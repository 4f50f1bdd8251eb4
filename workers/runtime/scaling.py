"""How many workers there should be: as many as were asked for, and more while the queue is long."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from workers.contract.messages import MailboxStats
from workers.contract.queue_stats import QueueStats


@dataclass(frozen=True, slots=True)
class ScalingRules:
    """When workers are added and let go by themselves.

    Attributes:
        most: workers, never more; None to add none.
        wait_seconds: a queue that takes longer than this is too long.
        hold_seconds: for so long it must be, without a break.
        grow_seconds: from one growth to the next, so that the last one shows its effect first.
        quiet_seconds: for so long some worker must have had nothing to do before one leaves.
        shrink_seconds: from one that leaves to the next.
        heeds_quota: whether uploads use up what Imgur's limits say; the sandbox's do not.
    """

    most: int | None = None
    wait_seconds: float = 10.0
    hold_seconds: float = 2.0
    grow_seconds: float = 5.0
    quiet_seconds: float = 60.0
    shrink_seconds: float = 10.0
    heeds_quota: bool = True


@dataclass(frozen=True, slots=True)
class Load:
    """How much there is to do, and who does it.

    Attributes:
        waiting_urls: URLs that a worker could take now.
        workers_ready: workers that have asked for work, and are not leaving.
        workers_idle: of these, workers with a free lane that wait for work.
        rate_per_second: URLs that end in a second, lately; None while nobody knows.
        is_paused: Imgur has asked to wait.
        uploads_left: that Imgur takes until its next reset; None where it has not said.
    """

    waiting_urls: int
    workers_ready: int
    workers_idle: int
    rate_per_second: float | None = None
    is_paused: bool = False
    uploads_left: int | None = None

    @classmethod
    def of(cls, stats: MailboxStats, queue_stats: QueueStats) -> "Load":
        """What the mailbox says."""
        return cls(
            waiting_urls=stats.queued - stats.delayed,
            workers_ready=stats.workers_ready,
            workers_idle=stats.workers_idle,
            rate_per_second=queue_stats.rate_per_second,
            is_paused=queue_stats.quota.pause_seconds > 0 or queue_stats.quota.block is not None,
            uploads_left=queue_stats.quota.uploads_left,
        )


@dataclass(frozen=True, slots=True)
class Change:
    """Another number of workers, and why."""

    was: int
    wanted: int
    why: str


class Scaler:
    """Decides on the number of workers. Safe to use from any thread.

    It grows where that helps: where URLs wait although every worker has its hands full. It does
    not where workers wait as well, for a source host that has a limit, or for Imgur.

    Args:
        count: workers to begin with; it never goes below by itself.
        rules: when it changes by itself.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        count: int,
        rules: ScalingRules | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = rules or ScalingRules()
        self._clock = clock
        self._lock = threading.Lock()
        self._least = self._wanted = count
        self._changed_at = -math.inf
        self._pressed_since: float | None = None
        self._quiet_since: float | None = None

    @property
    def wanted(self) -> int:
        """Workers there should be now."""
        return self._wanted

    @property
    def most(self) -> int | None:
        """Workers there may be by itself; None where the number does not change by itself."""
        return self._rules.most

    def order(self, count: int) -> Change | None:
        """Somebody asks for a number: it holds at once, and from then on is the least.

        Returns:
            None if there should be as many already.

        Raises:
            ValueError: the number is below 1, or more than there may be.
        """
        if count < 1 or (self._rules.most is not None and count > self._rules.most):
            raise ValueError(f"{count} workers are not between 1 and {self._rules.most}.")
        with self._lock:
            self._least = count
            return self._change(count, "asked for") if count != self._wanted else None

    def review(self, load: Load) -> Change | None:
        """Look at the load, once a second or so; returns what changes by that."""
        if self._rules.most is None:
            return None
        with self._lock:
            now = self._clock()
            self._pressed_since = _since(self._pressed_since, now, holds=self._is_pressed(load))
            self._quiet_since = _since(self._quiet_since, now, holds=load.workers_idle > 0)
            return self._grow(load, self._rules.most, now) or self._shrink(now)

    def _is_pressed(self, load: Load) -> bool:
        if load.is_paused or load.workers_idle or load.workers_ready < self._wanted:
            return False
        left = load.uploads_left if self._rules.heeds_quota else None
        if left is not None and left < load.waiting_urls:
            return False  # they would only be used up sooner
        return self._seconds(load) > self._rules.wait_seconds

    def _seconds(self, load: Load) -> float:
        if not load.waiting_urls:
            return 0.0
        # Where none has ended yet, although all lanes are in use, it takes long.
        return load.waiting_urls / load.rate_per_second if load.rate_per_second else math.inf

    def _grow(self, load: Load, most: int, now: float) -> Change | None:
        rules = self._rules
        if (
            self._pressed_since is None
            or now - self._pressed_since < rules.hold_seconds
            or now - self._changed_at < rules.grow_seconds
            or self._wanted >= most
        ):
            return None
        # In proportion, as the rate grows with the lanes; twice as many at most.
        times = min(2.0, self._seconds(load) / rules.wait_seconds)
        count = min(most, math.ceil(self._wanted * times))
        return self._change(count, f"{load.waiting_urls:,} URLs wait, all lanes are busy")

    def _shrink(self, now: float) -> Change | None:
        rules = self._rules
        if (
            self._quiet_since is None
            or now - self._quiet_since < rules.quiet_seconds
            or now - self._changed_at < rules.shrink_seconds
            or self._wanted <= self._least
        ):
            return None
        idle = now - self._quiet_since
        return self._change(self._wanted - 1, f"there were idle lanes for {idle:.0f} s")

    def _change(self, count: int, why: str) -> Change:
        change = Change(self._wanted, count, why)
        self._wanted = count
        self._changed_at = self._clock()
        self._pressed_since = None
        return change


def _since(before: float | None, now: float, *, holds: bool) -> float | None:
    if not holds:
        return None
    return now if before is None else before
