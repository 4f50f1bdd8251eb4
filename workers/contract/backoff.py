"""How long to wait before another attempt."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with jitter.

    Attributes:
        base_seconds: the bound of the first wait; it doubles with each further attempt.
        cap_seconds: no computed wait is longer.
    """

    base_seconds: float = 0.5
    cap_seconds: float = 60.0

    def delay(self, attempt: int, retry_after: float | None = None) -> float:
        """Seconds to wait after a failed attempt.

        Half of the bound is fixed and half drawn by lot: images that failed together do not come
        back together, and none comes back at once.

        Args:
            attempt: the number of the attempt that failed, from 1.
            retry_after: seconds the other side asked for; never undercut.
        """
        # Beyond 2**32 the cap has long decided; a float would overflow near 2**1024.
        bound = min(self.cap_seconds, self.base_seconds * 2.0 ** min(attempt - 1, 32))
        drawn = bound / 2 + random.uniform(0, bound / 2)  # noqa: S311 - spreads load, hides nothing
        return max(drawn, retry_after or 0.0)
