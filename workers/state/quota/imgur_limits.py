"""What Imgur's own limits leave, as its headers tell them, and who else uses them up."""

import math
from typing import Final

from workers.contract.quota import (
    CREDITS_AN_UPLOAD,
    NOTICEABLE,
    UPLOAD_COSTS,
    LimitState,
    Quota,
    QuotaStore,
)

_OTHERS_UPLOADS: Final = 10
"""More than this many uploads by others are no matter of answers that overtake each other."""


class ImgurLimits:
    """Bounds what is begun by Imgur's last word. Not safe for threads by itself.

    So that never more is sent than there is, what is under way counts on top of that word, and so
    does what workers may not have passed on.
    """

    def __init__(self) -> None:
        self._store = QuotaStore()
        # Uploads left at least, by all limits; read again with each word and each reset.
        self._least: int | None = None
        self._read_again_at = 0.0
        self._spent = 0  # credits, by us
        # Credits left, and those spent by us or about to be, when the application's count began.
        self._first: tuple[int, int] | None = None
        self._last_credits = 0
        self._others = 0

    def note(self, quota: Quota, now: float, under_way: int) -> None:
        """Imgur's word has come.

        Args:
            quota: what it says.
            now: monotonic seconds.
            under_way: uploads that have not ended.
        """
        self._store.note(quota, now)
        self._read_again_at = now
        if quota.client.remaining is not None:
            self._count_others(quota.client.remaining, under_way)

    def sent(self) -> None:
        """An upload begins."""
        self._spent += CREDITS_AN_UPLOAD

    def deleted(self) -> None:
        """An image was deleted."""
        self._spent += 1

    def at(self, now: float) -> Quota:
        """How the limits stand."""
        return self._store.at(now)

    def left(self, now: float, under_way: int) -> int | None:
        """Uploads that may begin now; None where nobody knows of a limit.

        Args:
            now: monotonic seconds.
            under_way: images that were taken up and have not ended.
        """
        if now >= self._read_again_at:
            self._read(now)
        return None if self._least is None else self._least - under_way

    @property
    def others(self) -> int:
        """Uploads with the same client id that were not ours, since its count last began; 0 while
        that is no more than chance.
        """
        return self._others if self._others > _OTHERS_UPLOADS else 0

    def _read(self, now: float) -> None:
        quota = self._store.at(now)
        states = ((getattr(quota, name), cost) for name, cost in UPLOAD_COSTS.items())
        known = [(state, cost) for state, cost in states if state.remaining is not None]
        self._least = min((_least(state) // cost for state, cost in known), default=None)
        resets = (state.reset_seconds for state, _ in known if state.reset_seconds is not None)
        self._read_again_at = now + min(resets, default=math.inf)

    def _count_others(self, credits_left: int, under_way: int) -> None:
        chance = CREDITS_AN_UPLOAD * (under_way + 1)
        if self._first is None or credits_left > self._last_credits + chance:
            # What is under way was counted as spent, and Imgur may count it yet.
            self._first = credits_left, self._spent - CREDITS_AN_UPLOAD * under_way
            self._others = 0
        self._last_credits = credits_left
        first, spent = self._first
        others = first - credits_left - (self._spent - spent)
        self._others = max(self._others, others // CREDITS_AN_UPLOAD)


def _least(state: LimitState) -> int:
    """What is left at least: a change below `NOTICEABLE` may not have been passed on."""
    remaining = max(0, state.remaining or 0)
    step = NOTICEABLE * (state.limit or 0)
    return int(remaining - min(step, max(0.0, remaining - step)))
