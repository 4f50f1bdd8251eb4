"""What Imgur's limits leave by its response headers, and how much others use."""

import math
from dataclasses import replace
from typing import Final

from workers.contract.quota import CREDITS_AN_UPLOAD, NOTICEABLE, UPLOAD_COSTS, LimitState, Quota

_OTHERS_UPLOADS: Final = 10
"""Fewer may be an effect of responses that arrive in another order."""


class ImgurLimits:
    """Bounds uploads by the last limits that Imgur sent. Not thread-safe.

    Uploads under way, and changes that workers may not have reported, count on top of them, so that
    no more is sent than Imgur takes.
    """

    def __init__(self) -> None:
        # By field of `Quota`: the last report of any worker, and its time.
        self._last: dict[str, tuple[LimitState, float]] = {}
        # Minimum of uploads left, by all limits; read again with each report and each reset.
        self._least: int | None = None
        self._read_again_at = 0.0
        self._spent = 0  # credits, by us
        # Credits left, and those spent by us or about to be, when the application's count began.
        self._first: tuple[int, int] | None = None
        self._last_credits = 0
        self._others = 0

    def note(self, quota: Quota, now: float, under_way: int) -> None:
        """Record a report of a worker.

        Args:
            quota: of Imgur's headers; limits that it lacks stay unchanged.
            now: monotonic seconds.
            under_way: uploads that have not ended.
        """
        self._last |= {name: (state, now) for name, state in quota.known().items()}
        self._read_again_at = now
        if quota.client.remaining is not None:
            self._count_others(quota.client.remaining, under_way)

    def lift(self) -> None:
        """Let the limits bound nothing until the next report."""
        self._least, self._read_again_at = None, math.inf

    def sent(self) -> None:
        """Count an upload that begins."""
        self._spent += CREDITS_AN_UPLOAD

    def called(self, calls: int) -> None:
        """Count calls other than uploads, or a bound of their number."""
        self._spent += calls

    def at(self, now: float) -> Quota:
        """Return the limits now; after a reset `remaining` is unknown until the next upload."""
        aged = {name: _aged(state, now - noted) for name, (state, noted) in self._last.items()}
        return Quota(**aged)

    def left(self, now: float, under_way: int) -> int | None:
        """Return the uploads that may begin now; None if no limit is known.

        Args:
            now: monotonic seconds.
            under_way: leased images that have not ended.
        """
        if now >= self._read_again_at:
            self._read(now)
        return None if self._least is None else self._least - under_way

    @property
    def others(self) -> int:
        """Uploads of others with the same client id since its count last began; 0 if there may be
        none.
        """
        return self._others if self._others > _OTHERS_UPLOADS else 0

    def _read(self, now: float) -> None:
        known = self.at(now).known().items()
        left = [
            _uploads(state, UPLOAD_COSTS[name])
            for name, state in known
            if state.remaining is not None
        ]
        self._least = min(left, default=None)
        resets = (state.reset_seconds for _, state in known if state.reset_seconds is not None)
        self._read_again_at = now + min(resets, default=math.inf)

    def _count_others(self, credits_left: int, under_way: int) -> None:
        chance = CREDITS_AN_UPLOAD * (under_way + 1)
        if self._first is None or credits_left > self._last_credits + chance:
            # Uploads under way are counted as spent, and Imgur may not have counted them yet.
            self._first = credits_left, self._spent - CREDITS_AN_UPLOAD * under_way
            self._others = 0
        self._last_credits = credits_left
        first, spent = self._first
        others = first - credits_left - (self._spent - spent)
        self._others = max(self._others, others // CREDITS_AN_UPLOAD)


def _aged(state: LimitState, seconds: float) -> LimitState:
    if state.reset_seconds is None:
        return state
    left = state.reset_seconds - seconds
    if left <= 0:
        return LimitState(limit=state.limit)
    return replace(state, reset_seconds=left)


def _uploads(state: LimitState, cost: int) -> int:
    """Return the minimum left in uploads. A limit whose reset is unknown leaves one: Imgur names no
    reset of the application's credits, and only another upload can show that they are back. So does
    one with enough for it in the last report: only less than that is a pause, and shown as one.
    """
    leaves_one = state.reset_seconds is None or (state.remaining or 0) >= cost
    return max(int(leaves_one), _least(state) // cost)


def _least(state: LimitState) -> int:
    """Return the minimum left: a change below `NOTICEABLE` may not have been reported."""
    remaining = max(0, state.remaining or 0)
    step = NOTICEABLE * (state.limit or 0)
    return int(remaining - min(step, max(0.0, remaining - step)))
