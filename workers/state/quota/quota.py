"""Decides whether another image may be leased and sent, by gate, pauses, limits and budget."""

import math
from collections.abc import Callable
from typing import Final

from workers.contract.budget import QuotaRules, QuotaState
from workers.contract.errors import Reason
from workers.contract.messages.outcomes import Deferred, MaybeBlocked, Outcome, RetryLater, Uploaded
from workers.contract.messages.round_trip import TaskKey, UrlKey
from workers.contract.messages.supervision import LogLine
from workers.contract.messages.tasks import TaskKind
from workers.contract.quota import Quota
from workers.state.jobs.job_table import JobTable
from workers.state.quota.budget import UploadBudget, counts
from workers.state.quota.gate import Gate
from workers.state.quota.imgur_limits import ImgurLimits
from workers.state.quota.pauses import Pauses

_RECHECK_SECONDS: Final = 1.0
"""When to check a limit again that leaves nothing: a report may change it at any time."""
_ALBUM_CALLS: Final = 3
"""Of one step at most: an order is read, set and read again."""
_QUIET_SECONDS: Final = 3600.0
"""From one line about a wait to the next: with a spent budget one begins with each upload."""


class UploadQuota:
    """Lets images be leased and sent while Imgur takes them. Not thread-safe.

    A leased image has its place in the budget until it ends, so that it may be sent when it is
    downloaded.

    Args:
        rules: limits.
        clock: seconds; see `long_clock`.
        table: its journal gets what a restart needs, its lines what is to be logged.
        on_block: called when Imgur begins to refuse whatever is sent, after each probe, and when
            images may go again.

    Attributes:
        gate: shut while Imgur refuses whatever is sent.
    """

    def __init__(
        self,
        rules: QuotaRules,
        clock: Callable[[], float],
        table: JobTable,
        on_block: Callable[[], None],
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._table = table
        self.gate = Gate(rules.blocked_seconds, clock, table, on_block)
        self._pauses = Pauses()
        self._budget = UploadBudget(rules)
        self._limits = ImgurLimits()
        self._reserved: set[UrlKey] = set()
        # Images on their way, and how often the gate had been opened when they were sent.
        self._sent: dict[UrlKey, int] = {}
        self._openings = 0
        self._has_told_of_others = False
        self._next_line_of_wait = 0.0

    def restore(self) -> None:
        """Go on from what the table has of a journal; called once, before all else."""
        now, wall_now = self._clock(), self._table.wall_clock()
        for second, count in sorted(self._table.spent.items()):
            # The clock may have been set back: no upload was later than now.
            self._budget.add(now - max(0.0, wall_now - second), count)
        self._table.spent.clear()
        if self._table.block is not None:
            self.gate.restore(self._table.block)

    # --- an image is leased, and sent ---------------------------------------------------------

    def may_begin(self) -> bool:
        """Return whether another image may be leased now."""
        return self.seconds() <= 0

    def seconds(self) -> float:
        """Return the wait until another image may be leased, if nothing changes; 0 for none."""
        now = self._clock()
        wait = max(self.gate.seconds(), self._pauses.seconds(now))
        if self._pauses.is_guessing and (self._reserved or self._sent):
            wait = max(wait, _RECHECK_SECONDS)
        left = self._left(now)
        if left is not None and left <= 0:
            by_budget, _ = self._budget.seconds_until(1, now, self._under_way)
            wait = max(wait, by_budget, _RECHECK_SECONDS)
        return wait

    def seconds_until_calls(self, *, images_wait: bool) -> float:
        """Return the wait until Imgur may be called for anything but an upload. While it refuses
        all calls, such a call is tried only if no image could be.
        """
        now = self._clock()
        wait = max(self.gate.seconds(), self._pauses.seconds(now))
        is_images_turn = images_wait and self.gate.shut is not None
        return max(wait, _RECHECK_SECONDS) if is_images_turn else wait

    def begin(self, place: UrlKey) -> None:
        """Record the lease of an image."""
        self._reserved.add(place)
        self.gate.begin(place)

    def why_not(self, place: UrlKey) -> Deferred | None:
        """Return why a downloaded image must not be sent now; None if it may."""
        now = self._clock()
        block = self.gate.block
        if block is not None and not self.gate.may_send(place):
            return Deferred(*block.waiting(), 0.0)
        if (pause := self._pauses.seconds(now)) > 0:
            message = f"Imgur has asked to wait; uploads go on in {pause:.0f} s."
            return Deferred(Reason.IMGUR_RATE_LIMITED, message, 0.0)
        return None

    def send(self, place: UrlKey) -> None:
        """Record that an image is about to be sent."""
        self._reserved.discard(place)
        self._sent[place] = self._openings
        self._limits.sent()

    # --- what came of it ----------------------------------------------------------------------

    def judged(self, outcome: Outcome) -> Outcome:
        """Return an outcome for `ended` or `call_ended`: while the gate is shut, an attempt that
        did not reach Imgur is one more refusal.
        """
        if self.gate.shut is None or not isinstance(outcome, RetryLater):
            return outcome
        is_vain = outcome.reason == Reason.IMGUR_UNREACHABLE
        return MaybeBlocked(outcome) if is_vain else outcome

    def ended(self, place: UrlKey, url: str, outcome: Outcome | None) -> bool:
        """End the lease of an image.

        Args:
            place: the image.
            url: identifies it among the refused.
            outcome: None if the worker died.

        Returns:
            Whether it was refused, and other images are to show if by its own fault.
        """
        self._reserved.discard(place)
        opening = self._sent.pop(place, None)
        is_taken = isinstance(outcome, Uploaded) and not outcome.details.deduplicated
        was_sent = is_taken or opening is not None
        is_outdated = opening not in (None, self._openings)
        if was_sent and counts(outcome):
            # Counted only now: Imgur has counted it no later, so that it does not leave our window
            # before Imgur's.
            self.count()
        self._end(place, outcome, was_sent=was_sent)
        match outcome:
            case Uploaded() if was_sent and self.gate.shut is None:
                self._pauses.end_guesses()
                self.gate.taken()
            case MaybeBlocked() if not is_outdated:
                return not self.gate.refused(url, outcome)
        return False

    def call_lost(self, key: TaskKey) -> None:
        """End the lease of another task at Imgur whose worker died."""
        self._end(key, None, was_sent=False)

    def call_ended(self, key: TaskKey, token: int, outcome: Outcome) -> Outcome:
        """End the lease of another task at Imgur.

        Args:
            key: the task.
            token: of the lease: each attempt counts as a refusal of its own.
            outcome: of the attempt.

        Returns:
            The outcome that counts: the task is deferred if Imgur refuses all calls.
        """
        self._end(key, outcome, was_sent=True)
        if isinstance(outcome, MaybeBlocked):
            if self.gate.refused(f"task {token}", outcome):
                return Deferred(outcome.reason, outcome.message, 0.0)
            return outcome.otherwise
        if not isinstance(outcome, Deferred):
            self._limits.called(_ALBUM_CALLS if key[0] is TaskKind.ALBUM else 1)
        return outcome

    def _end(self, key: UrlKey | TaskKey, outcome: Outcome | None, *, was_sent: bool) -> None:
        now = self._clock()
        if self.gate.ended(key, outcome, was_sent=was_sent):
            taken = "an image" if isinstance(outcome, Uploaded) else "a call"
            self.open(f"Imgur has taken {taken}")
        if isinstance(outcome, Deferred):
            self._pauses.refused(outcome.pause_seconds, now)
        elif pause_seconds := getattr(outcome, "pause_seconds", None):
            self._pauses.ask(pause_seconds, now)

    def note(self, quota: Quota) -> None:
        """Record the limits of Imgur's headers."""
        self._limits.note(quota, self._clock(), len(self._sent))
        others = self._limits.others
        if others and self._rules.heeds_limits and not self._has_told_of_others:
            self._has_told_of_others = True
            event = "the client id is shared: its limit shrinks by more than this service uploads"
            self._table.lines.append(LogLine("warning", event, {"uploads_of_others": others}))

    def count(self) -> None:
        """Count an upload that has ended, or whose end a restart has lost."""
        if self._budget.is_limited:
            self._budget.add(self._clock())
            self._table.journal.append(["spent", [[math.ceil(self._table.wall_clock()), 1]]])

    def end_pause(self) -> None:
        """End a pause, whoever asked for it; Imgur's next response says what its limits leave."""
        self._pauses = Pauses()
        self._limits.lift()

    def open(self, why: str) -> bool:
        """Open the gate; return whether it was shut.

        Refusals of images that are under way are of the time before, and do not shut it again.
        """
        self._pauses.end_guesses()
        was_shut = self.gate.open(why)
        self._openings += was_shut
        return was_shut

    # --- for readers --------------------------------------------------------------------------

    @property
    def waiting(self) -> tuple[str, str] | None:
        """Why all pending images wait; see `QuotaState.waiting`."""
        return self.state(self._under_way + 1).waiting(self._table.wall_clock())

    @property
    def pause_seconds(self) -> float:
        """Seconds until the pause ends; 0 without a pause."""
        return self._pauses.seconds(self._clock())

    def state(self, uploads: int | None = None) -> QuotaState:
        """Return the state for readers.

        Args:
            uploads: number for `QuotaState.budget_seconds`; None for no such figure.
        """
        now = self._clock()
        seconds, window = 0.0, None
        if uploads and self._rules.heeds_limits:
            # What is under way is part of these uploads.
            seconds, window = self._budget.seconds_until(uploads, now, 0)
        left = self._left(now)
        return QuotaState(
            imgur=self._limits.at(now),
            pause_seconds=self._pauses.seconds(now),
            block=self.gate.block,
            budget=self._budget.states(now, self._under_way),
            budget_seconds=seconds,
            budget_window=window,
            uploads_left=None if left is None else max(0, left),
            others=self._limits.others,
        )

    def tell_wait(self) -> None:
        """Have a line logged about a limit for which uploads wait, once in a while."""
        now, why = self._clock(), self.waiting
        if why is None or self.gate.shut is not None or now < self._next_line_of_wait:
            return
        self._next_line_of_wait = now + _QUIET_SECONDS
        fields = {"reason": why[0], "message": why[1]}
        self._table.lines.append(LogLine("warning", "uploads wait: a limit is reached", fields))

    # --- inside -------------------------------------------------------------------------------

    @property
    def _under_way(self) -> int:
        return len(self._reserved) + len(self._sent)

    def _left(self, now: float) -> int | None:
        if not self._rules.heeds_limits:
            return None
        ours = self._budget.left(now, self._under_way)
        imgurs = self._limits.left(now, self._under_way)
        return min((left for left in (ours, imgurs) if left is not None), default=None)
