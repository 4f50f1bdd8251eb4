"""The limits of uploads, and the forecast of a job's end.

The forecast is an estimate from three numbers; none while Imgur refuses all uploads. The queue:
jobs take turns, so the number of URLs before a job's last one is known (`JobSizes`). The rate: the
recent one of all workers. The limits: if Imgur's quota is used up before the end, the rest waits
for the reset. The budget of our own is computed by `SlidingWindow`.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from service.rendering.forecast_models import (
    BlockedUploads,
    BudgetLeft,
    Forecast,
    LimitLeft,
    UploadLimits,
)
from service.rendering.rendered import iso_time
from workers import UPLOAD_COSTS, Backend, Block, LimitState, QueueStats, Quota, WindowState

OPENING: Final = "POST /v1/limits/open, with the key of ADMIN_KEY"
_HOUR_SECONDS: Final = 3600.0
_DAY_SECONDS: Final = 86_400.0
_LONGEST_SECONDS: Final = 3650 * _DAY_SECONDS  # a later date is meaningless


_PERIODS: Final = {"client": _DAY_SECONDS, "user": _HOUR_SECONDS, "posts": _HOUR_SECONDS}
"""Seconds between two resets of Imgur's limits (https://api.imgur.com/#limits), by the field of
`Quota`."""


def forecast(queue_stats: QueueStats, now: float, *, counts_quota: bool) -> Forecast | None:
    """Return the forecast of a job; None if it has no open URLs.

    Args:
        queue_stats: of the mailbox, for this job.
        now: seconds since the epoch.
        counts_quota: whether uploads use up the quota; not so with the sandbox.
    """
    if queue_stats.ahead is None:
        return None
    seconds = seconds_left(queue_stats, counts_quota=counts_quota)
    rate, quota = queue_stats.rate_per_second, queue_stats.quota
    shown: Forecast = {
        "ahead": queue_stats.ahead,
        "ratePerSecond": None if rate is None else round(rate, 3),
        "expectedFinish": _time_after(seconds, now),
        "pauseSeconds": round(quota.pause_seconds, 3),
    }
    for window in quota.budget:
        if window.name == quota.budget_window:
            shown["budget"] = {"uploads": window.limit, "per": window.name}
    block = shown_block(quota.block, now)
    if block is not None:
        shown["blocked"] = block
    return shown


def seconds_left(queue_stats: QueueStats, *, counts_quota: bool) -> float | None:
    """Return the seconds until the end of the job's last URL; None if unknown."""
    rate, quota = queue_stats.rate_per_second, queue_stats.quota
    if queue_stats.ahead is None or quota.block is not None:
        return None
    urls = queue_stats.ahead + 1
    # Where the budget decides, the rate matters little.
    seconds = quota.pause_seconds + urls / rate if rate else quota.budget_seconds or math.inf
    if counts_quota and rate:
        allowed = (
            _seconds_by(name, quota.imgur, urls, quota.pause_seconds, rate) for name in _PERIODS
        )
        seconds = max(seconds, quota.budget_seconds, *allowed)
    return seconds if seconds < _LONGEST_SECONDS else None


def _seconds_by(name: str, quota: Quota, urls: int, pause_seconds: float, rate: float) -> float:
    """Return the seconds that a number of uploads takes by one limit."""
    state: LimitState = getattr(quota, name)
    if state.limit is None or state.remaining is None or state.reset_seconds is None:
        return 0.0
    cost, period_seconds = UPLOAD_COSTS[name], _PERIODS[name]
    full = max(1, state.limit // cost)
    until_reset = state.reset_seconds
    # A pause until the reset is the wait for that reset.
    left = full if until_reset <= pause_seconds + 1.0 else max(0, state.remaining // cost)
    if until_reset <= pause_seconds + 1.0:
        until_reset = pause_seconds + period_seconds
    later = urls - left
    if later <= 0:
        return 0.0
    periods = math.ceil(later / full) - 1
    last = later - periods * full
    return until_reset + periods * period_seconds + last / rate


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Makes forecasts; limits of the sandbox have no effect.

    `wall_clock` returns seconds since the epoch.
    """

    backend: Backend
    sandbox: bool
    wall_clock: Callable[[], float] = time.time

    def of(self, job_id: str) -> Forecast | None:
        """Return the forecast of a job; None if it has no open URLs.

        The caller checks the owner.
        """
        queue_stats = self.backend.mailbox.queue_stats(job_id)
        return forecast(queue_stats, self.wall_clock(), counts_quota=not self.sandbox)


def shown_block(block: Block | None, now: float) -> BlockedUploads | None:
    """Return the block of all uploads, at a time in seconds since the epoch."""
    if block is None:
        return None
    return {
        "since": iso_time(block.since),
        "reason": block.reason,
        "message": block.message,
        "imgurSays": block.sentence,
        "nextProbe": iso_time(now + block.next_probe_seconds),
        "probes": block.probes,
        "opening": OPENING,
    }


def shown_limits(queue_stats: QueueStats, now: float) -> UploadLimits:
    """Return all limits of uploads, at a time in seconds since the epoch."""
    quota, rate = queue_stats.quota, queue_stats.rate_per_second
    return {
        "credits": {
            "client": _shown(quota.imgur.client, now),
            "user": _shown(quota.imgur.user, now),
        },
        "posts": _shown(quota.imgur.posts, now),
        "budget": {window.name: _left(window, now) for window in quota.budget},
        "uploadsLeft": quota.uploads_left,
        "uploadsOfOthers": quota.others,
        "blocked": shown_block(quota.block, now),
        "pauseSeconds": round(quota.pause_seconds, 3),
        "paused": quota.pause_seconds > 0,
        "ratePerSecond": None if rate is None else round(rate, 3),
    }


def _shown(state: LimitState, now: float) -> LimitLeft:
    return {
        "limit": state.limit,
        "remaining": state.remaining,
        "reset": _time_after(state.reset_seconds, now),
    }


def _left(window: WindowState, now: float) -> BudgetLeft:
    return {
        "limit": window.limit,
        "remaining": window.remaining,
        "next": _time_after(window.next_seconds, now),
    }


def _time_after(seconds: float | None, now: float) -> str | None:
    return None if seconds is None else iso_time(now + seconds)
