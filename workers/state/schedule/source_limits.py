"""How many downloads each source host has to serve at once, over all workers."""

import heapq
import math
import re
from collections import OrderedDict
from dataclasses import dataclass

from workers.contract.data_url import SCHEME as DATA_SCHEME
from workers.contract.errors import Reason
from workers.contract.messages import Failed, Outcome, RetryLater, UrlKey

_GOOD_DOWNLOADS = 10
"""After so many in a row a lowered limit rises by one."""

_SLOW_SHARE = 4
"""A source that does not answer in time keeps this part of its limit. It holds up a lane for the
whole of DOWNLOAD_SECONDS each time, and one at a time its job would never end."""

_REMEMBERED = 10_000
"""Sources with a lowered limit and nothing in flight; the oldest beyond are forgotten."""

_MAX_PAUSES = 10_000
"""Sources that are paused; beyond them one that asks for a pause has its limit cut, and no more. A
client may send URLs of any number of hosts."""

_SOURCE_BYTES = 400  # measured with CPython 3.11, as the next one
_PAUSE_BYTES = 120

_match_authority = re.compile(r"[^/?#]*").match


def host_of(url: str) -> str:
    """The host and port that a URL counts against, without the scheme and its usual port.

    Args:
        url: one that `check_url` has let through; any other text has some host too, but a data URL
            none: an empty text.
    """
    if url.startswith(DATA_SCHEME):
        return ""
    found = _match_authority(url, url.find("://") + 3)
    host = found[0].lower() if found is not None else ""
    return host.removesuffix(":443").removesuffix(":80")


@dataclass(slots=True)
class _Source:
    """A host with something in flight, or a lowered limit, or a pause.

    Attributes:
        cuts: how often the limit was cut.
        good: downloads since the limit last changed.
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

    The limit is halved when the host says that it is overloaded or does not answer in time, and
    comes back one by one with good downloads (additive increase, multiplicative decrease). A URL
    takes a slot of its host when it is handed out, or promised to be, and gives it up with the end
    of its download. Not safe for threads by itself.

    Args:
        most: downloads from one host at once; 0 for no limit and no pauses.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._sources: dict[str, _Source] = {}
        # Each URL's source, and its cuts when the slot was taken.
        self._slots: dict[UrlKey, tuple[_Source, int]] = {}
        self._pauses: list[tuple[float, str]] = []
        # In no use at the moment; oldest first.
        self._idle: OrderedDict[str, None] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes of memory, by an estimate."""
        return _SOURCE_BYTES * len(self._sources) + _PAUSE_BYTES * len(self._pauses)

    # --- taking a slot ----------------------------------------------------------------------

    def take(self, place: UrlKey, host: str) -> bool:
        """Give a URL a slot of its host, unless it has one.

        Returns:
            False when the host has none to give.
        """
        if not self._most or not host or place in self._slots:
            return True
        source = self._sources.get(host)
        if source is not None and (source.in_flight >= source.limit or source.paused_until):
            return False
        self.take_beyond(place, host)
        return True

    def take_beyond(self, place: UrlKey, host: str) -> None:
        """Give a URL a slot of its host, be there one left or not."""
        if not self._most or not host:
            return
        source = self._sources.get(host)
        if source is None:
            source = self._sources[host] = _Source(host, self._most)
        elif not source.in_flight:
            self._idle.pop(host, None)
        source.in_flight += 1
        self._slots[place] = (source, source.cuts)

    # --- giving it up; each returns the host that may have room by that ---------------------

    def withdraw(self, place: UrlKey) -> str | None:
        """Take the slot from a URL not handed out yet, if its source was paused since."""
        slot = self._slots.get(place)
        return self._give_up(place).host if slot is not None and slot[0].paused_until else None

    def downloaded(self, place: UrlKey) -> str | None:
        """The image has arrived."""
        slot = self._slots.get(place)
        if slot is None:
            return None
        source, _ = slot
        source.good += 1
        if source.limit < self._most and source.good >= _GOOD_DOWNLOADS:
            source.limit += 1
            source.good = 0
        return self._give_up(place).host

    def ended(self, place: UrlKey, outcome: Outcome | None, now: float) -> str | None:
        """The URL's lease has ended; its download too, if it had not before.

        Args:
            place: the URL.
            outcome: what became of it; None when its worker died.
            now: monotonic seconds.
        """
        slot = self._slots.get(place)
        if slot is None:
            return None
        if isinstance(outcome, RetryLater | Failed):
            self._heed(*slot, outcome, now)
        return self._give_up(place).host

    # --- pauses -----------------------------------------------------------------------------

    def resume(self, now: float) -> list[str]:
        """End the pauses that are over; returns the hosts."""
        resumed = []
        while self._pauses and self._pauses[0][0] <= now:
            _, host = heapq.heappop(self._pauses)
            source = self._sources.get(host)
            # A longer pause may have been asked for since.
            if source is not None and 0 < source.paused_until <= now:
                source.paused_until = 0.0
                resumed.append(host)
                self._forget_if_idle(source)
        return resumed

    def next_resume(self) -> float:
        """Monotonic seconds at which a pause may end."""
        return self._pauses[0][0] if self._pauses else math.inf

    # --- inside -----------------------------------------------------------------------------

    def _heed(self, source: _Source, cuts: int, outcome: RetryLater | Failed, now: float) -> None:
        if outcome.source_pause_seconds is not None:
            least = 1
        elif outcome.reason == Reason.DOWNLOAD_TIMEOUT:
            least = max(1, self._most // _SLOW_SHARE)
        else:
            return
        # Downloads that began before a cut tell nothing about the limit that it set.
        if cuts == source.cuts and source.limit > least:
            source.limit = max(least, source.limit // 2)
            source.cuts += 1
        source.good = 0
        if outcome.source_pause_seconds and len(self._pauses) < _MAX_PAUSES:
            until = now + outcome.source_pause_seconds
            if until > source.paused_until:
                source.paused_until = until
                heapq.heappush(self._pauses, (until, source.host))

    def _give_up(self, place: UrlKey) -> _Source:
        source, _ = self._slots.pop(place)
        source.in_flight -= 1
        self._forget_if_idle(source)
        return source

    def _forget_if_idle(self, source: _Source) -> None:
        if source.in_flight or source.paused_until:
            return
        if source.limit == self._most:
            del self._sources[source.host]
            return
        self._idle[source.host] = None
        if len(self._idle) > _REMEMBERED:
            oldest, _ = self._idle.popitem(last=False)
            del self._sources[oldest]
