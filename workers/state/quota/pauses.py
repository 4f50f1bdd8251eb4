"""Pauses of all uploads after Imgur's rate limit, and the clock of long waits."""

import time
from typing import Final

_BELIEVED: Final = 2
"""How often in a row a wait that Imgur names may prove too short, before it is not believed."""

FIRST_WAIT_SECONDS: Final = 60.0
LONGEST_WAIT_SECONDS: Final = 3600.0


def long_clock() -> float:
    """Return monotonic seconds that include the time in which the machine sleeps, where the system
    has such a clock: a pause of an hour is over after a night of suspend.
    """
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def grown(times: int) -> float:
    """Return the wait after so many refusals: 1, 2, 4 … 60 minutes.

    A limit that Imgur does not explain may end in a minute, or after weeks (ShareX/ShareX#5602);
    asking each minute would be a thousand refusals a day.
    """
    # Beyond 2**6 the bound has decided; a float would overflow near 2**1024.
    return min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(times, 16))


class Pauses:
    """The pause in force. Not thread-safe; times are in seconds, `now` is the time.

    Attributes:
        is_guessing: the pause's end is a guess, so that one image is tried before all others.
    """

    def __init__(self) -> None:
        self._until = 0.0
        self._refusals = 0  # that began a pause, since Imgur last took an image
        self.is_guessing = False

    def seconds(self, now: float) -> float:
        """Return how long it lasts; 0 without a pause."""
        return max(0.0, self._until - now)

    def ask(self, seconds: float, now: float) -> None:
        """Pause for so long. The longest wait wins, as the responses to uploads under way arrive in
        any order.
        """
        self._until = max(self._until, now + seconds)

    def refused(self, seconds: float | None, now: float) -> None:
        """Pause after a rate limit.

        Uploads that were under way when a pause began are refused too; they do not make a guess
        longer.

        Args:
            seconds: the wait that Imgur named; None if it named none, 0 if it refused nothing.
            now: the time.
        """
        if seconds == 0:
            return
        is_first = self.seconds(now) <= 0
        if seconds is not None:
            self.ask(seconds, now)
        if not is_first:
            return
        vain = self._refusals if seconds is None else self._refusals - _BELIEVED
        self.is_guessing = vain >= 0
        if self.is_guessing:
            self.ask(grown(vain), now)
        self._refusals += 1

    def end_guesses(self) -> None:
        """Imgur took an image: the next pause begins with the shortest guess."""
        self._refusals = 0
        self.is_guessing = False
