"""The service's own upload budget: so many in any 24 hours, and in any hour.

Imgur takes 1,250 uploads a day from an application and 1,250 POST requests an hour from an address
(https://api.imgur.com/#limits). Its counters restart at times that it does not announce; a
sliding window stays within them wherever they begin.
"""

import math
from collections import deque

from workers.contract.budget import (
    DAY_SECONDS,
    HOUR_SECONDS,
    QuotaRules,
    Stamps,
    WindowName,
    WindowState,
)
from workers.contract.errors import IMGUR_SILENT
from workers.contract.messages.outcomes import MaybeBlocked, Outcome, RetryLater


def counts(outcome: Outcome | None) -> bool:
    """Return whether an upload that ended so counts; None means that its worker died. One that was
    certainly not sent as a whole does not: while the network is down they are many.
    """
    match outcome:
        case RetryLater(reason=reason, maybe_stored=maybe_stored):
            return maybe_stored or reason not in IMGUR_SILENT
        case MaybeBlocked(otherwise=otherwise):
            return otherwise.reason not in IMGUR_SILENT
    return True


class SlidingWindow:
    """Counts the uploads of the last so many seconds. Times are in seconds.

    Args:
        name: shown to readers.
        seconds: length.
        limit: maximum number of uploads.
    """

    def __init__(self, name: WindowName, seconds: float, limit: int) -> None:
        self.name = name
        self.seconds = seconds
        self.limit = limit
        self._stamps: deque[Stamps] = deque()
        self._used = 0

    def add(self, at: float, count: int = 1) -> None:
        """Count uploads; calls come in the order of time."""
        # Whole seconds, rounded up: few entries, and none leaves the window too early.
        second = float(math.ceil(at))
        if self._stamps and self._stamps[-1][0] >= second:
            second, before = self._stamps.pop()
            self._stamps.append((second, before + count))
        else:
            self._stamps.append((second, count))
        self._used += count

    def used(self, now: float) -> int:
        """Return the uploads in the window that ends now."""
        while self._stamps and self._stamps[0][0] + self.seconds <= now:
            self._used -= self._stamps.popleft()[1]
        return self._used

    def seconds_until(self, uploads: int, now: float, under_way: int) -> float:
        """Return the wait until the last of so many uploads may begin, each as early as it may.

        Args:
            uploads: at least 1.
            now: the time.
            under_way: uploads that have begun and are not counted yet.
        """
        used = self.used(now)
        # The upload `limit` places before it must have left the window; of those to come, each
        # begins a whole window after the one that it waits for.
        place = used + under_way + uploads - self.limit
        if place <= 0:
            return 0.0
        windows = max(0, math.ceil((place - used) / self.limit))
        place -= windows * self.limit
        if place <= 0:
            return windows * self.seconds
        return self._stamp_of(place) - now + (windows + 1) * self.seconds

    def state(self, now: float, under_way: int) -> WindowState:
        """Return the window's state for readers."""
        used = self.used(now)
        left = max(0, self.limit - used - under_way)
        oldest = self._stamps[0][0] + self.seconds - now if self._stamps else None
        return WindowState(self.name, self.limit, left, oldest)

    def _stamp_of(self, place: int) -> float:
        """Return the time of the upload at a place in the window, from 1."""
        for second, count in self._stamps:
            place -= count
            if place <= 0:
                return second
        raise IndexError("beyond the window")


class UploadBudget:
    """All windows together. Not thread-safe; times are in seconds.

    Args:
        rules: the limits.
    """

    def __init__(self, rules: QuotaRules) -> None:
        limits: tuple[tuple[WindowName, float, int], ...] = (
            ("day", DAY_SECONDS, rules.uploads_per_day),
            ("hour", HOUR_SECONDS, rules.uploads_per_hour),
        )
        self._windows = [SlidingWindow(*limit) for limit in limits if limit[-1]]

    @property
    def is_limited(self) -> bool:
        """True if there is a window."""
        return bool(self._windows)

    def add(self, at: float, count: int = 1) -> None:
        """Count ended uploads."""
        for window in self._windows:
            window.add(at, count)

    def left(self, now: float, under_way: int) -> int | None:
        """Return the uploads that may begin now; None without a limit."""
        left = (window.limit - window.used(now) - under_way for window in self._windows)
        return min(left, default=None)

    def seconds_until(
        self, uploads: int, now: float, under_way: int
    ) -> tuple[float, WindowName | None]:
        """Return the longest wait of all windows for so many uploads, and the window's name."""
        waits = [
            (window.seconds_until(uploads, now, under_way), window.name) for window in self._windows
        ]
        seconds, name = max(waits, default=(0.0, None))
        return (seconds, name) if seconds > 0 else (0.0, None)

    def states(self, now: float, under_way: int) -> tuple[WindowState, ...]:
        """Return the states of all windows for readers."""
        return tuple(window.state(now, under_way) for window in self._windows)
