"""Automatic scaling: the requested number of workers, and more while the queue is long."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from workers.contract.budget import QueueStats, QuotaState
from workers.contract.messages.supervision import MailboxStats


@dataclass(frozen=True, slots=True)
class ScalingRules:
    maximum: int | None = None  # maximum number of workers; None for no automatic scaling
    wait_seconds: float = 10.0  # a queue with a longer expected wait is too long
    hold_seconds: float = 2.0  # minimum time that the queue must be too long, without a break
    grow_seconds: float = 5.0  # between two growths, so that the first shows its effect
    quiet_seconds: float = 60.0  # minimum time with idle lanes before a worker is drained
    shrink_seconds: float = 10.0  # between two drains
    heeds_quota: bool = True  # uploads use up Imgur's quota; not so with the sandbox


@dataclass(frozen=True, slots=True)
class Change:
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

    def review(self, stats: MailboxStats, queue_stats: QueueStats) -> Change | None:
        """Adapt the number to the load, about once a second; return the change, if any."""
        if self.rules.maximum is None:
            return None
        waiting, rate = stats.queued - stats.delayed, queue_stats.rate_per_second
        # Without a rate all lanes are busy and no URL has ended yet: the wait is long.
        seconds = (waiting / rate if rate else math.inf) if waiting else 0.0
        with self._lock:
            now = self.clock()
            can_help = self._can_help(stats, queue_stats.quota, waiting)
            pressed, quiet = can_help and seconds > self.rules.wait_seconds, stats.workers_idle > 0
            self._pressed_since = min(self._pressed_since, now) if pressed else math.inf
            self._quiet_since = min(self._quiet_since, now) if quiet else math.inf
            return self._grow(waiting, seconds, self.rules.maximum, now) or self._shrink(now)

    def _can_help(self, stats: MailboxStats, quota: QuotaState, waiting: int) -> bool:
        """Return whether another worker would find work that no other can do now."""
        is_paused = quota.pause_seconds > 0 or quota.block is not None
        if is_paused or stats.workers_idle or stats.workers_ready < self.wanted:
            return False
        left = quota.uploads_left if self.rules.heeds_quota else None
        # More workers would only exhaust the quota sooner.
        return left is None or left >= waiting

    def _grow(self, waiting: int, seconds: float, maximum: int, now: float) -> Change | None:
        rules = self.rules
        if (
            now - self._pressed_since < rules.hold_seconds
            or now - self._changed_at < rules.grow_seconds
            or self.wanted >= maximum
        ):
            return None
        # In proportion, as the rate grows with the lanes, but at most doubled.
        times = min(2.0, seconds / rules.wait_seconds)
        count = min(maximum, math.ceil(self.wanted * times))
        return self._change(count, f"{waiting:,} URLs wait, all lanes are busy")

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
