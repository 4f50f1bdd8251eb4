"""The gate in front of Imgur: it shuts when Imgur refuses all images alike."""

import math
from typing import Final

from workers.contract.block import Block
from workers.contract.messages import MaybeBlocked, TaskKey, UrlKey
from workers.state.jobs.quota_history import Shut
from workers.state.quota.pauses import FIRST_WAIT_SECONDS, grown

ALIKE: Final = 3
"""Images in a row that are refused alike, until the images are not taken for the cause any more."""


class Gate:
    """Tells refusals of the sender from refusals of an image, by how many there are in a row.

    While it is shut one image at a time is tried, after 1, 2, 4 … 60 minutes. Not safe for threads
    by itself. Times are in seconds.

    Args:
        blocked_seconds: how long images wait while it is shut, before they fail; 0 for ever.
    """

    def __init__(self, blocked_seconds: float) -> None:
        self.shut: Shut | None = None
        self._blocked_seconds = blocked_seconds
        self._fails_at = math.inf
        self._probe: UrlKey | TaskKey | None = None
        # By reason: the URLs refused since Imgur last took an image.
        self._alike: dict[str, set[str]] = {}

    # --- what goes through ------------------------------------------------------------------

    def may_begin(self, now: float) -> bool:
        """Whether another image may be taken up."""
        return self.shut is None or (self._probe is None and self.shut.next_probe <= now)

    def may_send(self, place: UrlKey) -> bool:
        """Whether an image that has arrived may be sent: it may have been taken up before."""
        return self.shut is None or self._probe == place

    def begin(self, place: UrlKey | TaskKey) -> None:
        """An image, or another task at Imgur, is taken up."""
        if self.shut is not None:
            self._probe = place

    def seconds(self, now: float) -> float:
        """Until another image may be taken up, if nothing happens before; at most an hour."""
        if self.shut is None:
            return 0.0
        if self._probe is not None:
            return grown(self.shut.probes)
        return max(0.0, self.shut.next_probe - now)

    # --- what came of it --------------------------------------------------------------------

    def ended(self, place: UrlKey | TaskKey, now: float, *, was_sent: bool) -> bool:
        """What was taken up has ended, however it did; returns whether it was a probe that
        Imgur has seen. The next one waits longer, unless `taken` follows.
        """
        if self._probe != place:
            return False
        self._probe = None
        if self.shut is None or not was_sent:
            return False
        self.shut.probes += 1
        self.shut.next_probe = now + grown(self.shut.probes)
        return True

    def refused(self, url: str, refusal: MaybeBlocked, now: float, wall_now: float) -> bool:
        """An image was refused; returns whether the gate is shut, so that it is not to blame.

        Args:
            url: what tells it from other images.
            refusal: how.
            now: the time.
            wall_now: seconds since the epoch.
        """
        if self.shut is not None:
            self.shut.refusal = refusal
            return True
        alike = self._alike.setdefault(refusal.reason, set())
        alike.add(url)
        if not refusal.is_certain and len(alike) < ALIKE:
            return False
        self.shut = Shut(refusal, wall_now, now + grown(0))
        self._wait(now, self._blocked_seconds)
        return True

    def taken(self) -> None:
        """Imgur has taken an image: the sender is not refused."""
        self._alike.clear()

    def open(self) -> None:
        """Let all through from now on."""
        self.shut = self._probe = None
        self._fails_at = math.inf
        self._alike.clear()

    def is_patience_over(self, now: float) -> bool:
        """Whether images have waited long enough, and are to fail; true once for each time."""
        if now < self._fails_at:
            return False
        self._wait(now, self._blocked_seconds)
        return True

    def restore(self, shut: Shut, now: float, waited: float) -> None:
        """Be shut as before a restart.

        Args:
            shut: as it was.
            now: the time.
            waited: how long it has been so.
        """
        self.shut = shut
        # One image at least is tried before any fails.
        least = shut.next_probe - now + FIRST_WAIT_SECONDS
        self._wait(now, max(self._blocked_seconds - waited, least))

    def _wait(self, now: float, seconds: float) -> None:
        self._fails_at = now + seconds if self._blocked_seconds else math.inf

    # --- for readers and the journal ----------------------------------------------------------

    def block(self, now: float) -> Block | None:
        """What is known of it, while it is shut."""
        if self.shut is None:
            return None
        refusal = self.shut.refusal
        return Block(
            refusal.reason,
            refusal.message,
            refusal.sentence,
            self.shut.since,
            0.0 if self._probe is not None else max(0.0, self.shut.next_probe - now),
            self.shut.probes,
        )
