"""How long nothing is sent after Imgur has asked to wait."""

from typing import Final

_BELIEVED: Final = 2
"""Times in a row that Imgur may say how long, and refuse again behind it."""

FIRST_WAIT_SECONDS: Final = 60.0
LONGEST_WAIT_SECONDS: Final = 3600.0


def grown(times: int) -> float:
    """The wait after so many in vain: 1, 2, 4 … 60 minutes.

    A limit that Imgur does not explain may end in a minute, or after weeks (ShareX/ShareX#5602);
    asking each minute would be a thousand refusals a day.
    """
    # Beyond 2**6 the bound has decided; a float would overflow near 2**1024.
    return min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(times, 16))


class Pauses:
    """The pause in force. Not safe for threads by itself; times are in seconds.

    Args of its methods named `now` are the time.
    """

    def __init__(self) -> None:
        self._until = 0.0
        self._refusals = 0  # that began a pause, since Imgur last took an image
        self._is_guess = False

    @property
    def is_guessing(self) -> bool:
        """Whether nobody knows if Imgur takes anything again: one image is to find out."""
        return self._is_guess

    def seconds(self, now: float) -> float:
        """How long it goes on; 0 when there is none."""
        return max(0.0, self._until - now)

    def ask(self, seconds: float, now: float) -> None:
        """Nothing more fits for so long. The longest wait asked for wins, as answers to uploads
        under way arrive in any order.
        """
        self._until = max(self._until, now + seconds)

    def refused(self, seconds: float | None, now: float) -> None:
        """Imgur has refused an image because of a limit.

        What was under way when a pause began is refused with it, and makes no guess longer.

        Args:
            seconds: how long it wants a pause; None if it has not said.
            now: the time.
        """
        is_first = self.seconds(now) <= 0
        if seconds is not None:
            self.ask(seconds, now)
        if not is_first:
            return
        vain = self._refusals if seconds is None else self._refusals - _BELIEVED
        self._is_guess = vain >= 0
        if self._is_guess:
            self.ask(grown(vain), now)
        self._refusals += 1

    def end_guesses(self) -> None:
        """Imgur has taken an image."""
        self._refusals = 0
        self._is_guess = False
