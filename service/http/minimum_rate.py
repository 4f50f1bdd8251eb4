"""Whether a transfer goes on."""


class LeastRate:
    """So many bytes in any stretch of time, however they are spread over it.

    Each byte is worth the time that it takes at the least rate; no more than one stretch is saved
    up, so that a fast beginning buys no silence later.

    Args:
        bytes_per_second: the least rate.
        window_seconds: the stretch.
    """

    def __init__(self, bytes_per_second: float, window_seconds: float) -> None:
        self._bytes_per_second = bytes_per_second
        self._window_seconds = window_seconds
        self._left_seconds = window_seconds
        self._total = 0

    def begin(self, total: int) -> None:
        """Nothing is to be transferred yet, or any more.

        Args:
            total: bytes transferred until now.
        """
        self._total = total
        self._left_seconds = self._window_seconds

    def is_late(self, total: int, seconds: float) -> bool:
        """Whether too little was transferred lately; to be asked often.

        Args:
            total: bytes transferred until now; one that has fallen counts as the highest before.
            seconds: since this was asked before.
        """
        gained = max(0, total - self._total) / self._bytes_per_second
        self._total = max(total, self._total)
        self._left_seconds = min(self._window_seconds, self._left_seconds + gained - seconds)
        return self._left_seconds < 0
