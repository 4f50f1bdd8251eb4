"""The limits of uploads, as JSON: Imgur's limits, a block, and a budget of our own."""

from typing import Final

from service.rendering.forecast_models import BlockedUploads, BudgetLeft, LimitLeft, UploadLimits
from service.rendering.rendered import iso_time
from workers import Block, LimitState, QueueStats, WindowState

OPENING: Final = "POST /v1/limits/open, with the key of ADMIN_KEY"


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
    reset = state.reset_seconds
    return {
        "limit": state.limit,
        "remaining": state.remaining,
        "reset": None if reset is None else iso_time(now + reset),
    }


def _left(window: WindowState, now: float) -> BudgetLeft:
    oldest = window.next_seconds
    return {
        "limit": window.limit,
        "remaining": window.remaining,
        "next": None if oldest is None else iso_time(now + oldest),
    }
