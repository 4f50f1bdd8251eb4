"""The gate in front of Imgur: it shuts when Imgur takes no images, for the same reason."""

import math
from collections.abc import Callable
from typing import Final

from workers.contract.budget import Block
from workers.contract.errors import IMGUR_SILENT, Reason
from workers.contract.messages.albums import AlbumCreated
from workers.contract.messages.outcomes import Done, MaybeBlocked, Outcome, Uploaded
from workers.contract.messages.round_trip import TaskKey, UrlKey
from workers.contract.messages.supervision import LogLine
from workers.state.jobs.job_table import JobTable
from workers.state.quota.pauses import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, grown

ALIKE: Final = 3
"""Different images in a row, refused for one reason, that shut the gate."""


class Gate:
    """Distinguishes refusals of the sender from those of an image, by their number in a row.

    While it is shut one image at a time is tried, after 1, 2, 4 … 60 minutes. Not thread-safe.

    Args:
        blocked_seconds: how long images wait while it is shut, before they fail; 0 for ever.
        clock: seconds; see `long_clock`.
        table: its journal gets each change, for a restart, and its lines say so.
        on_change: called when it has shut, after each probe in vain, and when it has opened.
    """

    def __init__(
        self,
        blocked_seconds: float,
        clock: Callable[[], float],
        table: JobTable,
        on_change: Callable[[], None],
    ) -> None:
        self.shut: Block | None = None  # without the seconds until its next probe
        self._blocked_seconds = blocked_seconds
        self._clock = clock
        self._table = table
        self._on_change = on_change
        self._fails_at = self._next_probe = math.inf
        self._probe: UrlKey | TaskKey | None = None
        # By reason: the URLs refused since Imgur last took an image.
        self._alike: dict[str, set[str]] = {}

    def restore(self, kept: Block) -> None:
        """Be shut as before a restart; see `JobTable.block`."""
        wall_now = self._table.wall_clock()
        wait = min(max(0.0, kept.next_probe_seconds - wall_now), LONGEST_WAIT_SECONDS)
        self.shut, self._next_probe = kept, self._clock() + wait
        # One image at least is tried before any fails.
        # The clock may have been set back.
        left = min(max(kept.since, kept.renewed) - wall_now, 0.0) + self._blocked_seconds
        self._be_patient(max(left, wait + FIRST_WAIT_SECONDS))
        self._on_change()

    # --- what goes through ------------------------------------------------------------------

    def may_send(self, place: UrlKey) -> bool:
        """Return whether a downloaded image may be sent; it may have been leased before."""
        return self.shut is None or self._probe == place

    def begin(self, place: UrlKey | TaskKey) -> None:
        """Record the lease of an image, or of another task at Imgur."""
        if self.shut is not None:
            self._probe = place

    def seconds(self) -> float:
        """Return the wait until the next lease, if nothing changes; at most an hour."""
        if self.shut is None:
            return 0.0
        if self._probe is not None:
            return grown(self.shut.probes)
        return max(0.0, self._next_probe - self._clock())

    # --- what came of it --------------------------------------------------------------------

    def ended(self, place: UrlKey | TaskKey, outcome: Outcome | None, *, was_sent: bool) -> bool:
        """End a lease. After a probe that reached Imgur in vain the next one waits longer.

        Args:
            place: the key of `begin`.
            outcome: None if the worker died.
            was_sent: whether it reached Imgur.

        Returns:
            Whether it was a probe that Imgur took.
        """
        if self._probe != place:
            return False
        self._probe = None
        if self.shut is None or not was_sent:
            return False
        if isinstance(outcome, Uploaded | AlbumCreated | Done):
            return True
        if isinstance(outcome, MaybeBlocked):
            self.shut = _refused(self.shut, outcome)
        self.shut = self.shut._replace(probes=self.shut.probes + 1)
        self._next_probe = self._clock() + grown(self.shut.probes)
        self._changed("info", "an image was tried in vain: uploads stay stopped", outcome)
        return False

    def refused(self, url: str, refusal: MaybeBlocked) -> bool:
        """Record a refusal; return whether the gate is shut, so that the image is not its cause.

        Args:
            url: identifies the image.
            refusal: of Imgur.
        """
        if self.shut is not None:
            self.shut = _refused(self.shut, refusal)
            return True
        alike = self._alike.setdefault(refusal.reason, set())
        alike.add(url)
        if not refusal.is_certain and len(alike) < ALIKE:
            return False
        told = refusal.reason, refusal.message, refusal.sentence
        self.shut = Block(*told, self._table.wall_clock(), 0.0)
        self._next_probe = self._clock() + grown(0)
        self._be_patient(self._blocked_seconds)
        is_silent = refusal.reason in IMGUR_SILENT
        why = "cannot be reached" if is_silent else "refuses this application or address"
        self._changed("error", f"uploads stopped: Imgur {why}", refusal)
        return True

    def taken(self) -> None:
        """Imgur took an image: the sender is not refused."""
        self._alike.clear()

    def open(self, why: str) -> bool:
        """Open the gate; return whether it was shut."""
        was_shut = self.shut is not None
        self.shut = self._probe = None
        self._fails_at = math.inf
        if was_shut:
            self._alike.clear()
            self._table.journal.append(["blocked", None])
            self._on_change()
            self._table.lines.append(LogLine("info", "uploads go on", {"why": why}))
        return was_shut

    @property
    def is_in_doubt(self) -> bool:
        """Whether Imgur has refused something since it took an image, or the gate was opened."""
        return bool(self._alike)

    @property
    def is_patience_over(self) -> bool:
        """Whether waiting images are to fail."""
        return self._clock() >= self._fails_at

    def renew_patience(self) -> None:
        """The images that waited have failed; later ones may wait as long again."""
        if self.shut is not None:
            self.shut = self.shut._replace(renewed=self._table.wall_clock())
            self._be_patient(self._blocked_seconds)
            self._keep()

    @property
    def block(self) -> Block | None:
        """Its state for readers; None while it is open."""
        if self.shut is None:
            return None
        wait = 0.0 if self._probe is not None else max(0.0, self._next_probe - self._clock())
        return self.shut._replace(next_probe_seconds=wait)

    # --- inside -------------------------------------------------------------------------------

    def _be_patient(self, seconds: float) -> None:
        self._fails_at = self._clock() + seconds if self._blocked_seconds else math.inf

    def _keep(self) -> None:
        probe_at = self._table.wall_clock() + self.seconds()
        kept = self.shut and self.shut._replace(next_probe_seconds=probe_at)
        self._table.journal.append(["blocked", kept])

    def _changed(self, level: str, event: str, outcome: Outcome | None) -> None:
        self._keep()
        self._on_change()
        fields = {
            "reason": getattr(outcome, "reason", Reason.WORKER_CRASHED),
            "message": getattr(outcome, "message", ""),
            "next_probe_seconds": round(self.seconds()),
        }
        self._table.lines.append(LogLine(level, event, fields))


def _refused(block: Block, refusal: MaybeBlocked) -> Block:
    return block._replace(reason=refusal.reason, message=refusal.message, sentence=refusal.sentence)
