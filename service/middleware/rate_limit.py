"""Rate limit per client.

Each client has a bucket of `burst` tokens that fills at a steady rate; a request takes one. A
bucket is stored as the time when it is full again; a full one is not stored, so the memory is that
of the clients of the last minutes.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import KW_ONLY, InitVar, dataclass
from typing import Final

from service.settings.values import RateLimit

MAX_BUCKETS: Final = 100_000
"""Maximum number of stored buckets, of about 200 bytes; beyond it the least recently used one is
dropped, which only gives that client a full bucket."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The decision about a request, and the state of the client's bucket."""

    is_granted: bool
    remaining: int  # requests allowed now
    full_seconds: float  # until the bucket is full
    retry_seconds: float  # until the next request is allowed; 0 for now


@dataclass(eq=False)
class RateLimiter:
    """The buckets of all clients. Thread-safe.

    Args:
        limit: the steady rate.
        burst: tokens of a full bucket; None for those of a period.
        clock: monotonic seconds.
        max_buckets: maximum number of stored buckets.
    """

    limit: RateLimit
    burst: InitVar[int | None] = None
    _: KW_ONLY
    clock: Callable[[], float] = time.monotonic
    max_buckets: int = MAX_BUCKETS

    def __post_init__(self, burst: int | None) -> None:
        self._refill_seconds = self.limit.seconds / self.limit.requests  # of one token
        self._fill_seconds = self._refill_seconds * (burst or self.limit.requests)
        self._full_at: OrderedDict[str, float] = OrderedDict()  # in the order of the last token
        self._lock = threading.Lock()

    def take(self, client: str) -> Admission:
        """Take a token from a client's bucket, if there is one."""
        with self._lock:
            now = self.clock()
            self._forget_the_full(now)
            missing = max(0.0, self._full_at.get(client, now) - now)
            after = missing + self._refill_seconds
            # With a tolerance for the rounding of binary fractions.
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

    def _forget_the_full(self, now: float) -> None:
        # From the front while full: later ones have taken a token later.
        while self._full_at:
            client, full_at = next(iter(self._full_at.items()))
            if full_at > now and len(self._full_at) < self.max_buckets:
                break
            del self._full_at[client]


def whole_seconds(seconds: float) -> int:
    """Round up for a header, so that a client that waits so long waits long enough."""
    return math.ceil(seconds - 1e-6)
