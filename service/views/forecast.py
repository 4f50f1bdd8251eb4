"""When a job may be complete.

An estimate of three parts. The queue: jobs take turns, so that what comes before a job's last URL
is known (`workers.JobSizes`). The rate: as lately, all workers together. Imgur's limits: what is
left of them is used up by then, or not; if so, the rest waits for the reset.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from service.rendering.models import Forecast
from service.rendering.rendered import iso_time
from workers import CREDITS_AN_UPLOAD, Allowance, Board, LimitState, Outlook

_HOUR_SECONDS: Final = 3600.0
_DAY_SECONDS: Final = 86_400.0
_LONGEST_SECONDS: Final = 3650 * _DAY_SECONDS  # beyond that the date means nothing


@dataclass(frozen=True, slots=True)
class _Counter:
    """How one of Imgur's limits counts (https://api.imgur.com/#limits).

    Attributes:
        field: of `Allowance`.
        cost: of an upload.
        period_seconds: from one reset to the next.
    """

    field: str
    cost: int
    period_seconds: float


_COUNTERS: Final = (
    _Counter("client", CREDITS_AN_UPLOAD, _DAY_SECONDS),
    _Counter("user", CREDITS_AN_UPLOAD, _HOUR_SECONDS),
    _Counter("posts", 1, _HOUR_SECONDS),
)


def forecast(outlook: Outlook, now: float, *, counts_allowance: bool) -> Forecast | None:
    """What to expect of a job; None if it has nothing that is open.

    Args:
        outlook: as the board sees it, for this job.
        now: seconds since the epoch.
        counts_allowance: whether uploads use up what the limits say; the sandbox's do not.
    """
    if outlook.ahead is None:
        return None
    seconds = seconds_left(outlook, counts_allowance=counts_allowance)
    rate = outlook.rate_per_second
    return {
        "ahead": outlook.ahead,
        "ratePerSecond": None if rate is None else round(rate, 3),
        "expectedFinish": None if seconds is None else iso_time(now + seconds),
        "pauseSeconds": round(outlook.pause_seconds, 3),
    }


def seconds_left(outlook: Outlook, *, counts_allowance: bool) -> float | None:
    """Until the job's last URL has ended; None if nobody knows."""
    rate = outlook.rate_per_second
    if outlook.ahead is None or not rate:
        return None
    urls = outlook.ahead + 1
    seconds = outlook.pause_seconds + urls / rate
    if counts_allowance:
        allowed = (
            _seconds_by(counter, outlook.allowance, urls, outlook.pause_seconds, rate)
            for counter in _COUNTERS
        )
        seconds = max(seconds, *allowed)
    return seconds if seconds < _LONGEST_SECONDS else None


def _seconds_by(
    counter: _Counter, allowance: Allowance, urls: int, pause_seconds: float, rate: float
) -> float:
    """When so many uploads are through, as far as one limit goes."""
    state: LimitState = getattr(allowance, counter.field)
    if state.limit is None or state.remaining is None or state.reset_seconds is None:
        return 0.0
    full = max(1, state.limit // counter.cost)
    until_reset = state.reset_seconds
    # A pause as long as until the reset is the wait for that very reset.
    left = full if until_reset <= pause_seconds + 1.0 else max(0, state.remaining // counter.cost)
    if until_reset <= pause_seconds + 1.0:
        until_reset = pause_seconds + counter.period_seconds
    later = urls - left
    if later <= 0:
        return 0.0
    periods = math.ceil(later / full) - 1
    last = later - periods * full
    return until_reset + periods * counter.period_seconds + last / rate


class Forecasts:
    """Asks the board and makes a forecast of what it says.

    Args:
        board: what it says.
        sandbox: whether uploads go to the sandbox, whose limits are for show.
        wall_clock: seconds since the epoch.
    """

    def __init__(
        self, board: Board, *, sandbox: bool, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._board = board
        self._sandbox = sandbox
        self._wall_clock = wall_clock

    def of(self, job_id: str) -> Forecast | None:
        """What to expect of a job; None if it has nothing that is open.

        Who asks is not looked at: that is for the caller, before.
        """
        outlook = self._board.mailbox.outlook(job_id)
        return forecast(outlook, self._wall_clock(), counts_allowance=not self._sandbox)
