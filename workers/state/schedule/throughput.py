"""How many URLs end in a second, lately."""

import math

_MEMORY_SECONDS = 30.0
"""What was that long ago counts a third: long enough to even out images of different sizes, short
enough to follow a source that gets slower."""

_MIN_SECONDS = 0.5  # of work; before that the first URL to end says too little


class Throughput:
    """An exponentially weighted rate over the time in which there was work under way.

    Time without work is left out: a job that comes after a quiet night, or after a pause, is as
    fast as the last one was. Not safe for threads by itself; all times are monotonic seconds.
    """

    def __init__(self) -> None:
        self._ended = 0.0  # both weighted alike, so that the first seconds are not taken for slow
        self._worked = 0.0
        self._counted_to: float | None = None  # None while nothing is under way

    def begin(self, now: float) -> None:
        """A URL is taken up."""
        if self._counted_to is None:
            self._counted_to = now

    def ended(self, now: float) -> None:
        """A URL has ended, uploaded or failed."""
        self._count_to(now)
        self._ended += 1.0

    def rest(self, now: float) -> None:
        """Nothing is under way any more."""
        self._count_to(now)
        self._counted_to = None

    def per_second(self, now: float) -> float | None:
        """URLs that end in a second; None while that is not known."""
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
