"""Automatic scaling: the requested number of workers, and more while the queue is long."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from workers.contract.budget import QueueStats
from workers.contract.messages.supervision import MailboxStats


@dataclass(frozen=True, slots=True)
class ScalingRules:
    """Rules of automatic scaling."""

    maximum: int | None = None  # maximum number of workers; None for no automatic scaling
    wait_seconds: float = 10.0  # a queue with a longer expected wait is too long
    hold_seconds: float = 2.0  # minimum time that the queue must be too long, without a break
    grow_seconds: float = 5.0  # between two growths, so that the first shows its effect
    quiet_seconds: float = 60.0  # minimum time with idle lanes before a worker is drained
    shrink_seconds: float = 10.0  # between two drains
    heeds_quota: bool = True  # uploads use up Imgur's quota; not so with the sandbox


@dataclass(frozen=True, slots=True)
class Load:
    """The load of the workers."""

    waiting_urls: int  # URLs that a worker could take now
    workers_ready: int  # workers that have requested work, and are not draining
    workers_idle: int  # of these, those with a free lane that waits for work
    rate_per_second: float | None = None  # recent rate of final URLs; None if unknown
    is_paused: bool = False  # uploads pause for Imgur
    uploads_left: int | None = None  # remaining quota until its reset; None if unknown

    @classmethod
    def of(cls, stats: MailboxStats, queue_stats: QueueStats) -> "Load":
        """Return the load by the mailbox's figures."""
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
    """A change of the number of workers, with its reason."""

    was: int
    wanted: int
    why: str


@dataclass(eq=False)
class Scaler:
    """Decides on the number of workers. Thread-safe.

    The number grows if URLs wait and all lanes are busy; not if lanes wait too, for a source host
    at its limit or for Imgur.
    """

    wanted: int  # the target number of workers; at first also the lower limit
    rules: ScalingRules
    clock: Callable[[], float] = time.monotonic
    _changed_at: float = field(default=-math.inf, init=False)
    _pressed_since: float = field(default=math.inf, init=False)
    _quiet_since: float = field(default=math.inf, init=False)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._least = self.wanted

    def order(self, count: int) -> Change | None:
        """Set the number of workers, which is also the new lower limit.

        Returns:
            None if the target number is the same.

        Raises:
            ValueError: the number is below 1, or above the maximum.
        """
        if count < 1 or (self.rules.maximum is not None and count > self.rules.maximum):
            raise ValueError(f"{count} workers are not between 1 and {self.rules.maximum}.")
        with self._lock:
            self._least = count
            return self._change(count, "asked for") if count != self.wanted else None

    def review(self, load: Load) -> Change | None:
        """Adapt the number to the load, about once a second; return the change, if any."""
        if self.rules.maximum is None:
            return None
        with self._lock:
            now = self.clock()
            pressed, quiet = self._is_pressed(load), load.workers_idle > 0
            self._pressed_since = min(self._pressed_since, now) if pressed else math.inf
            self._quiet_since = min(self._quiet_since, now) if quiet else math.inf
            return self._grow(load, self.rules.maximum, now) or self._shrink(now)

    def _is_pressed(self, load: Load) -> bool:
        if load.is_paused or load.workers_idle or load.workers_ready < self.wanted:
            return False
        left = load.uploads_left if self.rules.heeds_quota else None
        if left is not None and left < load.waiting_urls:
            return False  # more workers would only exhaust the quota sooner
        return self._seconds(load) > self.rules.wait_seconds

    def _seconds(self, load: Load) -> float:
        if not load.waiting_urls:
            return 0.0
        # All lanes are busy and no URL has ended yet: the wait is long.
        return load.waiting_urls / load.rate_per_second if load.rate_per_second else math.inf

    def _grow(self, load: Load, maximum: int, now: float) -> Change | None:
        rules = self.rules
        if (
            now - self._pressed_since < rules.hold_seconds
            or now - self._changed_at < rules.grow_seconds
            or self.wanted >= maximum
        ):
            return None
        # In proportion, as the rate grows with the lanes, but at most doubled.
        times = min(2.0, self._seconds(load) / rules.wait_seconds)
        count = min(maximum, math.ceil(self.wanted * times))
        return self._change(count, f"{load.waiting_urls:,} URLs wait, all lanes are busy")

    def _shrink(self, now: float) -> Change | None:
        rules = self.rules
        if (
            now - self._quiet_since < rules.quiet_seconds
            or now - self._changed_at < rules.shrink_seconds
            or self.wanted <= self._least
        ):
            return None
        idle = now - self._quiet_since
        return self._change(self.wanted - 1, f"there were idle lanes for {idle:.0f} s")

    def _change(self, count: int, why: str) -> Change:
        change = Change(self.wanted, count, why)
        self.wanted = count
        self._changed_at = self.clock()
        self._pressed_since = math.inf
        return change
