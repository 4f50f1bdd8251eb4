"""Recent rate of finished URLs per second."""

import math

_MEMORY_SECONDS = 30.0
"""Time constant: older results count less than 1/e. Long enough to average images of different
sizes, short enough to follow a source that gets slower."""

_MIN_SECONDS = 0.5  # of work; before that the rate is not known


class Throughput:
    """An exponentially weighted rate over the time in which URLs were leased.

    Idle time does not count, so the rate before a pause or a quiet night stays valid. Not
    thread-safe; all times are monotonic seconds.
    """

    def __init__(self) -> None:
        self._ended = 0.0  # weighted as `_worked`, so that the rate is right from the start
        self._worked = 0.0
        self._counted_to: float | None = None  # None while idle

    def begin(self, now: float) -> None:
        if self._counted_to is None:
            self._counted_to = now

    def ended(self, now: float) -> None:
        self._count_to(now)
        self._ended += 1.0

    def rest(self, now: float) -> None:
        """Stop the clock: no URL is leased."""
        self._count_to(now)
        self._counted_to = None

    def per_second(self, now: float) -> float | None:
        """Return the rate; None if it is not known."""
        self._count_to(now)
        if self._worked < _MIN_SECONDS or self._ended <= 0.0:
            return None
        return self._ended / self._worked

    def _count_to(self, now: float) -> None:
        if self._counted_to is None:
            return
        faded = math.exp(-max(0.0, now - self._counted_to) / _MEMORY_SECONDS)
        self._ended *= faded
        self._worked = self._worked * faded + _MEMORY_SECONDS * (1.0 - faded)
        self._counted_to = now
