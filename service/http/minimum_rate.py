"""The minimum rate of a transfer."""


class MinimumRate:
    """A minimum number of bytes in any window of time, however they are distributed in it.

    Each byte adds the time that it takes at the minimum rate to a budget of at most one window, so
    that a fast beginning does not allow a longer pause later.

    Args:
        bytes_per_second: the minimum rate.
        window_seconds: length of the window.
    """

    def __init__(self, bytes_per_second: float, window_seconds: float) -> None:
        self._bytes_per_second = bytes_per_second
        self._window_seconds = window_seconds
        self._left_seconds = window_seconds
        self._total = 0

    def begin(self, total: int) -> None:
        """Start a new window.

        Args:
            total: number of bytes transferred until now.
        """
        self._total = total
        self._left_seconds = self._window_seconds

    def is_late(self, total: int, seconds: float) -> bool:
        """Return whether the rate was too low in the last window; must be called often.

        Args:
            total: number of bytes transferred until now; a lower number than before has no effect.
            seconds: since the last call.
        """
        gained = max(0, total - self._total) / self._bytes_per_second
        self._total = max(total, self._total)
        self._left_seconds = min(self._window_seconds, self._left_seconds + gained - seconds)
        return self._left_seconds < 0
