"""What Imgur's own limits leave, as its headers tell them, and who else uses them up."""

from typing import Final

from workers.contract.quota import CREDITS_AN_UPLOAD, Quota, QuotaStore

_OTHERS_UPLOADS: Final = 10
"""More than this many uploads by others are no matter of answers that overtake each other."""


class ImgurLimits:
    """Counts what was sent since Imgur's last word. Not safe for threads by itself.

    Its word is old when it arrives: what was under way then may not be in it. So that never more is
    sent than there is, all of that counts on top.
    """

    def __init__(self) -> None:
        self._book = QuotaStore()
        self._unseen = 0  # uploads that the last word may not know of
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
        self._book.note(quota, now)
        self._unseen = under_way
        if quota.client.remaining is not None:
            self._count_others(quota.client.remaining, under_way)

    def sent(self) -> None:
        """An upload begins."""
        self._unseen += 1
        self._spent += CREDITS_AN_UPLOAD

    def deleted(self) -> None:
        """An image was deleted."""
        self._spent += 1

    def at(self, now: float) -> Quota:
        """How the limits stand."""
        return self._book.at(now)

    def left(self, now: float, reserved: int) -> int | None:
        """Uploads that may begin now; None where nobody knows of a limit.

        Args:
            now: monotonic seconds.
            reserved: images that were taken up and not sent yet.
        """
        left = self._book.at(now).uploads_left()
        return None if left is None else left - self._unseen - reserved

    @property
    def others(self) -> int:
        """Uploads with the same client id that were not ours, since its count last began; 0 while
        that is no more than chance.
        """
        return self._others if self._others > _OTHERS_UPLOADS else 0

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
