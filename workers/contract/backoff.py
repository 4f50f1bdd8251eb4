"""Exponential backoff with jitter."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with jitter.

    Attributes:
        base_seconds: bound of the first wait; it doubles with each attempt.
        cap_seconds: maximum of the bound.
    """

    base_seconds: float = 0.5
    cap_seconds: float = 60.0

    def delay(self, attempt: int, retry_after: float | None = None) -> float:
        """Return the seconds to wait after a failed attempt, numbered from 1; at least those of
        `retry_after`, which the server asked for.

        Half of the bound is fixed and half is random, so that images that failed together are not
        retried together, and none at once.
        """
        # The cap applies long before 2**32; a float would overflow near 2**1024.
        bound = min(self.cap_seconds, self.base_seconds * 2.0 ** min(attempt - 1, 32))
        drawn = bound / 2 + random.uniform(0, bound / 2)  # noqa: S311 - spreads load, hides nothing
        return max(drawn, retry_after or 0.0)
