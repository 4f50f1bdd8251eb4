"""How often one client may ask.

Each client has a bucket of `burst` tokens that fills up at a steady rate; a request takes one.
A bucket is kept as the moment when it will be full again, and one that is full need not be kept
at all, so the memory used is that of the clients of the last minutes.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from service.settings.values import RateLimit

MAX_BUCKETS: Final = 100_000
"""Clients remembered at once, some 200 bytes each; beyond them the one that was let through
longest ago is forgotten, which does it a favour and nobody else any harm."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a request is let through, and how the client's bucket stands then.

    Attributes:
        remaining: requests that would be let through at once.
        full_seconds: until the bucket is full, if nothing more is taken.
        retry_seconds: until the next request is let through; 0 when one would be now.
    """

    is_granted: bool
    remaining: int
    full_seconds: float
    retry_seconds: float


class RateLimiter:
    """The buckets of all clients. Safe to use from any thread.

    Args:
        limit: the steady rate.
        burst: tokens in a full bucket; None for a whole period's.
        clock: monotonic seconds.
        max_buckets: clients remembered at once.
    """

    def __init__(
        self,
        limit: RateLimit,
        burst: int | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        max_buckets: int = MAX_BUCKETS,
    ) -> None:
        self.limit = limit
        self._refill_seconds = limit.seconds / limit.requests  # of one token
        self._fill_seconds = self._refill_seconds * (burst or limit.requests)
        self._clock = clock
        self._max_buckets = max_buckets
        self._full_at: OrderedDict[str, float] = OrderedDict()  # in the order of the last token
        self._lock = threading.Lock()

    def take(self, client: str) -> Admission:
        """Take a token from a client's bucket, if there is one."""
        with self._lock:
            now = self._clock()
            self._forget_the_full(now)
            missing = max(0.0, self._full_at.get(client, now) - now)
            after = missing + self._refill_seconds
            # A hair of tolerance: sums of binary fractions do not quite meet the whole.
            is_granted = after <= self._fill_seconds + 1e-6
            if is_granted:
                missing = after
                self._full_at[client] = now + missing
                self._full_at.move_to_end(client)
            return Admission(
                is_granted=is_granted,
                remaining=int((self._fill_seconds - missing + 1e-6) / self._refill_seconds),
                full_seconds=missing,
                retry_seconds=max(0.0, missing + self._refill_seconds - self._fill_seconds),
            )

    def __len__(self) -> int:
        """Buckets that are kept."""
        return len(self._full_at)

    def _forget_the_full(self, now: float) -> None:
        # From the front while it is full: behind it only those are that took later.
        while self._full_at:
            client, full_at = next(iter(self._full_at.items()))
            if full_at > now and len(self._full_at) < self._max_buckets:
                break
            del self._full_at[client]


def whole_seconds(seconds: float) -> int:
    """For a header: rounded up, so that a client that waits so long has waited long enough."""
    return math.ceil(seconds - 1e-6)
