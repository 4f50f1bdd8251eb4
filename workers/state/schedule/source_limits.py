"""Limits the concurrent downloads from each source host, over all workers."""

import heapq
import math
import re
from collections import OrderedDict
from dataclasses import dataclass
from urllib.parse import unquote

from workers.contract.data_url import SCHEME as DATA_SCHEME
from workers.contract.errors import Reason
from workers.contract.messages.outcomes import Failed, Outcome, RetryLater
from workers.contract.messages.round_trip import UrlKey

_GOOD_DOWNLOADS = 10
"""Number of good downloads after which a lowered limit rises by one."""

_SLOW_SHARE = 4
"""A source that times out keeps at least this part of its limit: each download takes a lane for all
of DOWNLOAD_SECONDS, and one at a time its job would never end."""

_REMEMBERED = 10_000
"""Maximum number of idle sources with a lowered limit; the oldest beyond are forgotten."""

_MAX_PAUSES = 10_000
"""Maximum number of paused sources, as a client may send URLs of any number of hosts; beyond it the
limit is cut without a pause."""

_SOURCE_BYTES = 400  # measured with CPython 3.11, as the next one
_PAUSE_BYTES = 120

_find_authority = re.compile(r":/*([^/?#]*)").search


def host_of(url: str) -> str:
    """Return the host and port that a URL counts against, without the default port. A data URL has
    none, an empty text; any other text has some.
    """
    if url.startswith(DATA_SCHEME):
        return ""
    found = _find_authority(url)
    host = unquote(found[1]).lower() if found is not None else ""
    return host.removesuffix(":443").removesuffix(":80")


@dataclass(slots=True)
class _Source:
    """A host with downloads in flight, a lowered limit or a pause.

    Attributes:
        cuts: number of cuts of the limit.
        good: number of good downloads since the limit last changed.
        paused_until: monotonic seconds; 0 when there is no pause.
    """

    host: str
    limit: int
    in_flight: int = 0
    cuts: int = 0
    good: int = 0
    paused_until: float = 0.0


class SourceLimits:
    """Keeps the downloads in flight from each host within its limit.

    The limit is halved when the host reports overload or times out, and rises by one with good
    downloads (additive increase, multiplicative decrease). A URL takes a slot of its host when it
    is leased or admitted, and releases it at the end of its download. Not thread-safe.

    Args:
        max_downloads: concurrent downloads from one host; 0 for no limit and no pauses.
    """

    def __init__(self, max_downloads: int) -> None:
        self._max_downloads = max_downloads
        self._sources: dict[str, _Source] = {}
        # URL → its source, and the source's cuts when the slot was taken.
        self._slots: dict[UrlKey, tuple[_Source, int]] = {}
        self._pauses: list[tuple[float, str]] = []
        # Without downloads in flight; oldest first.
        self._idle: OrderedDict[str, None] = OrderedDict()

    @property
    def size(self) -> int:
        """Estimated memory in bytes."""
        return _SOURCE_BYTES * len(self._sources) + _PAUSE_BYTES * len(self._pauses)

    # --- taking a slot ----------------------------------------------------------------------

    def take(self, key: UrlKey, host: str, *, beyond_limit: bool = False) -> bool:
        """Take a slot of a URL's host, unless the URL has one.

        Returns:
            False if the host has no free slot.
        """
        if not self._max_downloads or not host or key in self._slots:
            return True
        source = self._sources.get(host)
        if source is None:
            source = self._sources[host] = _Source(host, self._max_downloads)
        elif not beyond_limit and (source.in_flight >= source.limit or source.paused_until):
            return False
        elif not source.in_flight:
            self._idle.pop(host, None)
        source.in_flight += 1
        self._slots[key] = (source, source.cuts)
        return True

    # --- releasing it; each returns the host that may have a free slot now --------------------

    def withdraw(self, key: UrlKey) -> str | None:
        """Release the slot of an admitted URL if its source was paused since."""
        slot = self._slots.get(key)
        return self._give_up(key).host if slot is not None and slot[0].paused_until else None

    def downloaded(self, key: UrlKey) -> str | None:
        """Release the slot after a good download."""
        slot = self._slots.get(key)
        if slot is None:
            return None
        source, _ = slot
        source.good += 1
        if source.limit < self._max_downloads and source.good >= _GOOD_DOWNLOADS:
            source.limit += 1
            source.good = 0
        return self._give_up(key).host

    def ended(self, key: UrlKey, outcome: Outcome | None, now: float) -> str | None:
        """Release the slot at the end of a URL's lease, if it has one; the outcome is None if its
        worker died.
        """
        slot = self._slots.get(key)
        if slot is None:
            return None
        if isinstance(outcome, RetryLater | Failed):
            self._heed(*slot, outcome, now)
        return self._give_up(key).host

    # --- pauses -----------------------------------------------------------------------------

    def resume(self, now: float) -> list[str]:
        """End the pauses that are over; return the hosts."""
        resumed = []
        while self._pauses and self._pauses[0][0] <= now:
            _, host = heapq.heappop(self._pauses)
            source = self._sources.get(host)
            # The pause may have been extended since.
            if source is not None and 0 < source.paused_until <= now:
                source.paused_until = 0.0
                resumed.append(host)
                self._forget_if_idle(source)
        return resumed

    def next_resume(self) -> float:
        """Return monotonic seconds at which the next pause may end."""
        return self._pauses[0][0] if self._pauses else math.inf

    # --- internal -----------------------------------------------------------------------------

    def _heed(self, source: _Source, cuts: int, outcome: RetryLater | Failed, now: float) -> None:
        if outcome.source_pause_seconds is not None:
            least = 1
        elif outcome.reason == Reason.DOWNLOAD_TIMEOUT:
            least = max(1, self._max_downloads // _SLOW_SHARE)
        else:
            return
        # Downloads that began before a cut say nothing about the new limit.
        if cuts == source.cuts and source.limit > least:
            source.limit = max(least, source.limit // 2)
            source.cuts += 1
        source.good = 0
        if outcome.source_pause_seconds and len(self._pauses) < _MAX_PAUSES:
            until = now + outcome.source_pause_seconds
            if until > source.paused_until:
                source.paused_until = until
                heapq.heappush(self._pauses, (until, source.host))

    def _give_up(self, key: UrlKey) -> _Source:
        source, _ = self._slots.pop(key)
        source.in_flight -= 1
        self._forget_if_idle(source)
        return source

    def _forget_if_idle(self, source: _Source) -> None:
        if source.in_flight or source.paused_until:
            return
        if source.limit == self._max_downloads:
            del self._sources[source.host]
            return
        self._idle[source.host] = None
        if len(self._idle) > _REMEMBERED:
            oldest, _ = self._idle.popitem(last=False)
            del self._sources[oldest]
