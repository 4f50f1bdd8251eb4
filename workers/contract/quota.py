"""Imgur's quota: read from responses by workers, kept by the Manager.

The figures are in the headers of every response. A worker reports them only if they have changed
noticeably, with a round trip that is due anyway.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

CREDITS_AN_UPLOAD: Final = 10
"""https://api.imgur.com/#limits"""

NOTICEABLE: Final = 0.01
"""Of a limit: a worker passes Imgur's word on when it has moved by so much; below it, each time."""

_RESET_NOTICEABLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class LimitState:
    """One limit; None if unknown.

    Attributes:
        limit: total between two resets.
        remaining: what is left; below 0 if exceeded.
        reset_seconds: until the reset, from the time of reading.
    """

    limit: int | None = None
    remaining: int | None = None
    reset_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """All limits that count uploads.

    Attributes:
        client: credits a day, of the application.
        user: credits an hour, of the address or account that uploads.
        posts: uploads an hour, of the address.
    """

    client: LimitState = LimitState()
    user: LimitState = LimitState()
    posts: LimitState = LimitState()

    def known(self) -> dict[str, LimitState]:
        """Return the limits of which a figure is known, by their field."""
        states = {name: getattr(self, name) for name in UPLOAD_COSTS}
        return {name: state for name, state in states.items() if state != LimitState()}


UNKNOWN = Quota()

UPLOAD_COSTS: Final = {"client": CREDITS_AN_UPLOAD, "user": CREDITS_AN_UPLOAD, "posts": 1}
"""What an upload takes of each limit, by its field of `Quota`."""


class QuotaReports:
    """The worker's side: collects what lanes read, and decides when to report it.

    Thread-safe.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._read = UNKNOWN  # since `take`: an older figure would count as of now
        self._read_at = 0.0
        # By field of `Quota`: the last report, and when it was read.
        self._told: dict[str, tuple[LimitState, float]] = {}

    def read(self, quota: Quota) -> None:
        """Record the figures of a response; limits that it lacks stay unchanged."""
        with self._lock:
            self._read, self._read_at = replace(self._read, **quota.known()), self._clock()

    def take(self) -> Quota | None:
        """Return the quota to report; None without a noticeable change."""
        with self._lock:
            quota, self._read = self._read, UNKNOWN
            read = {name: (state, self._read_at) for name, state in quota.known().items()}
            if not any(_is_noticeable(self._told.get(name), *now) for name, now in read.items()):
                return None
            self._told |= read
            return quota


def _is_noticeable(before: tuple[LimitState, float] | None, now: LimitState, at: float) -> bool:
    if before is None:
        return True
    told, told_at = before
    if told.limit != now.limit:
        return True
    if told.remaining is None or now.remaining is None:
        return told.remaining is not now.remaining
    step = (now.limit or 0) * NOTICEABLE
    moved = abs(now.remaining - told.remaining)
    # Near its end, each unit of a quota matters.
    if moved and (moved >= step or now.remaining < step):
        return True
    if told.reset_seconds is None or now.reset_seconds is None:
        return told.reset_seconds is not now.reset_seconds
    expected = told.reset_seconds - (at - told_at)
    # Imgur counts some resets down, and reports others as the full period each time; neither is a
    # noticeable change while uploads go on.
    return abs(now.reset_seconds - expected) > max(
        _RESET_NOTICEABLE_SECONDS, NOTICEABLE * now.reset_seconds
    )
