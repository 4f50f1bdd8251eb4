"""Whether another image may go to Imgur now, by all that is known of it."""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from workers.contract.block import Block
from workers.contract.budget import QuotaRules, QuotaState
from workers.contract.errors import Reason
from workers.contract.messages import (
    Deferred,
    LogLine,
    MaybeBlocked,
    NotNow,
    Outcome,
    TaskKey,
    Uploaded,
    UrlKey,
)
from workers.contract.quota import Quota
from workers.state.jobs.quota_history import QuotaHistory
from workers.state.quota.budget import UploadBudget
from workers.state.quota.gate import Gate
from workers.state.quota.imgur_limits import ImgurLimits
from workers.state.quota.log_lines import shared
from workers.state.quota.pauses import Pauses

_RECHECK_SECONDS: Final = 1.0
"""A limit of Imgur's that leaves nothing is looked at again; its next word may come at any time."""


class Verdict(Enum):
    """What becomes of an image whose attempt has ended.

    USUAL: what the outcome says. TAKEN: the same, and images that were refused before were so for
    their own sake. BLOCKED: it goes back unharmed, and so do those. HELD: it was refused, and
    others are to tell whether for its own sake.
    """

    USUAL = auto()
    TAKEN = auto()
    BLOCKED = auto()
    HELD = auto()


class UploadQuota:
    """Lets images be taken up and sent while Imgur takes them. Not safe for threads by itself.

    An image that is taken up has its place in the budget until it ends: so one that has arrived may
    be sent.

    Args:
        rules: what to hold to.
        clock: seconds; see `workers.state.quota.clock`.
        history: told of what a restart is to know.
        on_block: called when Imgur begins to refuse whatever is sent, after each probe, and when
            images may go again.
    """

    def __init__(
        self,
        rules: QuotaRules,
        clock: Callable[[], float],
        history: QuotaHistory,
        on_block: Callable[[], None],
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._history = history
        self._lines: list[LogLine] = []
        self._gate = Gate(rules.blocked_seconds, history, on_block, self._lines.append)
        self._pauses = Pauses()
        self._budget = UploadBudget(rules)
        self._limits = ImgurLimits()
        self._reserved: set[UrlKey] = set()
        self._sent: set[UrlKey] = set()
        self._has_told_of_others = False

    def restore(self) -> None:
        """Go on as the history has it; once, before all else."""
        now, wall_now = self._clock(), self._history.wall_clock()
        spent, kept = self._history.take()
        for second, count in spent:
            # A clock that was set back: no upload was later than now.
            self._budget.add(now - max(0.0, wall_now - second), count)
        if kept is not None:
            self._gate.restore(kept, now)

    # --- an image is taken up, and sent -------------------------------------------------------

    def may_begin(self) -> bool:
        """Whether another image may be taken up now."""
        return self.seconds() <= 0

    def seconds(self) -> float:
        """Until another image may be taken up, if nothing happens before; 0 for at once."""
        now = self._clock()
        wait = max(self._gate.seconds(now), self._pauses.seconds(now))
        if self._pauses.is_guessing and (self._reserved or self._sent):
            wait = max(wait, _RECHECK_SECONDS)
        left = self._left(now)
        if left is not None and left <= 0:
            by_budget, _ = self._budget.seconds_until(1, now, self._under_way)
            wait = max(wait, by_budget, _RECHECK_SECONDS)
        return wait

    def seconds_until_calls(self, *, images_wait: bool) -> float:
        """Until Imgur may be called for anything else than an upload. Where it refuses all calls,
        such a call is tried only if no image waits that could be tried.
        """
        now = self._clock()
        if self._gate.shut is None:
            return self._pauses.seconds(now)
        wait = self._gate.seconds(now)
        return max(wait, _RECHECK_SECONDS) if images_wait else wait

    def begin(self, place: UrlKey) -> None:
        """An image is taken up."""
        self._reserved.add(place)
        self._gate.begin(place)

    def begin_call(self, key: TaskKey) -> None:
        """A task at Imgur besides images is taken up."""
        self._gate.begin(key)

    def why_not(self, place: UrlKey) -> NotNow | None:
        """Why an image that has arrived must not be sent now; None if it may."""
        now = self._clock()
        block = self._gate.block(now)
        if block is not None and not self._gate.may_send(place):
            return NotNow(*block.waiting())
        if (pause := self._pauses.seconds(now)) > 0:
            message = f"Imgur has asked to wait; uploads go on in {pause:.0f} s."
            return NotNow(Reason.IMGUR_RATE_LIMITED, message)
        return None

    def send(self, place: UrlKey) -> None:
        """An image is about to be sent."""
        self._reserved.discard(place)
        self._sent.add(place)
        self._limits.sent()

    def lost(self) -> None:
        """An upload of before a restart has ended, nobody knows when and how."""
        self._count()

    # --- what came of it ----------------------------------------------------------------------

    def ended(self, place: UrlKey, url: str, outcome: Outcome | None) -> Verdict:
        """An image that was taken up has ended.

        Args:
            place: the image.
            url: what tells it from others.
            outcome: how it ended; None if its worker died.
        """
        now = self._clock()
        is_taken = isinstance(outcome, Uploaded) and not outcome.same_as
        was_sent = is_taken or place in self._sent
        self._reserved.discard(place)
        self._sent.discard(place)
        if was_sent:
            # Counted only now: Imgur has counted it no later, so that it leaves no window of ours
            # before it has left Imgur's.
            self._count()
        if self._gate.ended(place, outcome, now, was_sent=was_sent):
            self.open("Imgur has taken an image")
        match outcome:
            case Uploaded(pause_seconds=pause_seconds) if was_sent:
                if self._gate.shut is None:
                    self._pauses.end_guesses()
                    self._gate.taken()
                if pause_seconds:
                    self._pauses.ask(pause_seconds, now)
                return Verdict.TAKEN if self._gate.shut is None else Verdict.USUAL
            case MaybeBlocked():
                return Verdict.BLOCKED if self._gate.refused(url, outcome, now) else Verdict.HELD
            case Deferred(pause_seconds=pause_seconds):
                self._pause(pause_seconds, now)
        return Verdict.USUAL

    def call_lost(self, key: TaskKey) -> None:
        """The worker of another task at Imgur died."""
        self._gate.ended(key, None, self._clock(), was_sent=False)

    def call_ended(self, key: TaskKey, token: int, outcome: Outcome) -> Outcome:
        """Another task at Imgur has ended.

        Args:
            key: the task.
            token: of its lease; tells its attempts apart, as each may meet a block.
            outcome: how it ended.

        Returns:
            The outcome that counts: the task is deferred if Imgur refuses all calls.
        """
        now = self._clock()
        self._gate.ended(key, outcome, now, was_sent=isinstance(outcome, MaybeBlocked))
        match outcome:
            case MaybeBlocked():
                if self._gate.refused(f"task {token}", outcome, now):
                    return Deferred(outcome.reason, outcome.message, 0.0)
                return outcome.otherwise
            case Deferred(pause_seconds=pause_seconds):
                self._pause(pause_seconds, now)
            case _:
                self._limits.deleted()
                if pause_seconds := getattr(outcome, "pause_seconds", None):
                    self._pauses.ask(pause_seconds, now)
        return outcome

    def note(self, quota: Quota) -> None:
        """Imgur's headers have told of its limits."""
        self._limits.note(quota, self._clock(), len(self._sent))
        others = self._limits.others
        if others and self._rules.heeds_limits and not self._has_told_of_others:
            self._has_told_of_others = True
            self._lines.append(shared(others))

    def end_pause(self) -> None:
        """Somebody knows better than to wait."""
        self._pauses = Pauses()

    def open(self, why: str) -> bool:
        """Let all images go from now on; returns whether anything kept them back."""
        self._pauses.end_guesses()
        return self._gate.open(why)

    # --- for readers --------------------------------------------------------------------------

    @property
    def block(self) -> Block | None:
        """What is known of it, while Imgur refuses whatever is sent."""
        return self._gate.block(self._clock())

    @property
    def waiting(self) -> tuple[str, str] | None:
        """Why all pending images wait; see `QuotaState.waiting`."""
        return self.state(self._under_way + 1).waiting(self._history.wall_clock())

    @property
    def pause_seconds(self) -> float:
        """Until the pause that Imgur asked for ends; 0 when there is none."""
        return self._pauses.seconds(self._clock())

    def state(self, uploads: int | None = None) -> QuotaState:
        """All of it.

        Args:
            uploads: say when so many more have had their turn.
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
            block=self._gate.block(now),
            budget=self._budget.states(now, self._under_way),
            budget_seconds=seconds,
            budget_window=window,
            uploads_left=None if left is None else max(0, left),
            others=self._limits.others,
        )

    def take_lines(self) -> tuple[LogLine, ...]:
        """What is to be logged, once."""
        lines = tuple(self._lines)
        self._lines.clear()
        return lines

    def is_patience_over(self) -> bool:
        """Whether images have waited long enough, and are to fail; true once for each time."""
        return self._gate.is_patience_over(self._clock())

    # --- inside -------------------------------------------------------------------------------

    @property
    def _under_way(self) -> int:
        return len(self._reserved) + len(self._sent)

    def _count(self) -> None:
        if self._budget.is_limited:
            self._budget.add(self._clock())
            self._history.note_spent()

    def _left(self, now: float) -> int | None:
        if not self._rules.heeds_limits:
            return None
        ours = self._budget.left(now, self._under_way)
        imgurs = self._limits.left(now, self._under_way)
        return min((left for left in (ours, imgurs) if left is not None), default=None)

    def _pause(self, seconds: float | None, now: float) -> None:
        if seconds != 0:
            self._pauses.refused(seconds, now)
