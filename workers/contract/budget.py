"""The service's own upload budget, and the state of all that bounds uploads."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from workers.contract.errors import Reason
from workers.contract.quota import Quota

HOUR_SECONDS: Final = 3600.0
DAY_SECONDS: Final = 86_400.0
WindowName = Literal["day", "hour"]
Stamps = tuple[float, int]
"""A time in whole seconds, and how many uploads ended within the second before it."""

_TOLD_FROM_SECONDS: Final = 5.0
"""Jobs do not show a shorter wait: each change of it is a new version of all of them."""


@dataclass(frozen=True, slots=True)
class QuotaRules:
    """Limits of uploads to Imgur.

    Attributes:
        uploads_per_day: in any 24 hours; 0 for no limit of our own.
        uploads_per_hour: in any hour; likewise.
        blocked_seconds: how long URLs wait while Imgur refuses all of them, before they fail; 0 to
            wait for ever.
        heeds_limits: whether the limits of Imgur's headers bound uploads; the sandbox's are for
            show.
    """

    uploads_per_day: int = 0
    uploads_per_hour: int = 0
    blocked_seconds: float = DAY_SECONDS
    heeds_limits: bool = True


@dataclass(frozen=True, slots=True)
class WindowState:
    """One window of the budget.

    Attributes:
        name: shown to readers.
        limit: maximum number of uploads.
        remaining: uploads that may begin now.
        next_seconds: until the oldest upload leaves the window; None if there is none in it.
    """

    name: WindowName
    limit: int
    remaining: int
    next_seconds: float | None


class Block(NamedTuple):
    """Uploads have stopped, as Imgur refuses the application or the address, or is out of reach.

    Attributes:
        reason: the stable code of the refusals.
        message: one sentence for a person.
        sentence: Imgur's own, without secrets; empty if there is none.
        since: when uploads stopped; seconds since the epoch.
        next_probe_seconds: until one image is tried; 0 while one is, or if one may be at once.
        probes: images that were tried in vain so far.
        renewed: when the images that had waited for too long failed last, as `since`; 0 for never.
    """

    reason: str
    message: str
    sentence: str
    since: float
    next_probe_seconds: float
    probes: int = 0
    renewed: float = 0.0

    def waiting(self) -> tuple[str, str]:
        """Return why an image waits: the reason, and a sentence for a person."""
        return self.reason, f"Uploads have stopped, for all images. {self.message}"


@dataclass(frozen=True, slots=True)
class QuotaState:
    """The state of all that bounds uploads, for readers.

    Attributes:
        imgur: its limits, as far as its responses showed them.
        pause_seconds: until the pause that Imgur asked for ends; 0 without a pause.
        block: set while Imgur refuses whatever is sent.
        budget: the windows of our own.
        budget_seconds: until the last of the uploads in question may begin, by the budget alone.
        budget_window: name of the window that decides that; None if none does.
        uploads_left: uploads that may begin now, by limits and budget; None without a limit.
        others: recent uploads of others with the same client id.
    """

    imgur: Quota
    pause_seconds: float = 0.0
    block: Block | None = None
    budget: tuple[WindowState, ...] = ()
    budget_seconds: float = 0.0
    budget_window: WindowName | None = None
    uploads_left: int | None = None
    others: int = 0

    def waiting(self, wall_now: float) -> tuple[str, str] | None:
        """Return why all pending images wait, if `budget_seconds` is of the next upload: reason and
        sentence; None if they do not wait, or not for long. The sentence has no seconds, so that it
        does not change with them.

        Args:
            wall_now: seconds since the epoch.
        """
        if self.block is not None:
            return self.block.waiting()
        seconds = max(self.pause_seconds, self.budget_seconds)
        if seconds < _TOLD_FROM_SECONDS:
            return None
        until = datetime.fromtimestamp(wall_now + seconds + 60.0, UTC)
        message = f"Imgur has asked to wait; uploads go on by {until:%Y-%m-%d %H:%M} UTC."
        for window in self.budget:
            if window.name == self.budget_window and self.budget_seconds > self.pause_seconds:
                message = (
                    f"Uploads wait for IMGUR_UPLOADS_PER_{window.name.upper()} ({window.limit:,}); "
                    f"the next begins by {until:%Y-%m-%d %H:%M} UTC."
                )
        return Reason.IMGUR_RATE_LIMITED, message


@dataclass(frozen=True, slots=True)
class QueueStats:
    """Rate, pause and quota of the uploads, and the URLs ahead.

    Attributes:
        rate_per_second: URLs of all jobs that end in a second of work, lately; None while nobody
            knows.
        quota: what bounds uploads.
        ahead: URLs of all jobs that have their turn before the last one of the job asked for, its
            own among them (see `JobSizes.ahead`); None if it has none that are open.
    """

    rate_per_second: float | None
    quota: QuotaState
    ahead: int | None = None
