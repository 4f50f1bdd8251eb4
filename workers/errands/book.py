"""The errands that are open: which is due when, and in which worker's hands.

As with URLs, an errand is only lent. A token is the fence; what a dead worker had in hand goes to
the next one, so an errand is done at least once, and a webhook may arrive twice.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from workers.backoff import Backoff
from workers.errands.due import DueErrands
from workers.errands.ledger import ErrandKey, ErrandLedger
from workers.errands.messages import (
    Deletion,
    DeletionState,
    Done,
    Errand,
    ErrandKind,
    ErrandOutcome,
    ErrandReceipt,
    ErrandReport,
    PutOff,
    Undone,
)
from workers.errors import Reason
from workers.queueing.lent import Lent

RETRY_SECONDS = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
"""The waits between attempts to deliver a webhook: the example of Standard Webhooks, three days in
all."""

_JITTER = 0.1  # of a wait, at most, on top of it: what failed together does not come back together

_MOST_OF_A_KIND = 16  # in hand at once, over all workers
_LANES_FOR_ONE = 8  # of all workers; so images keep three lanes in four
_IMAGES: Final = None  # among the kinds, where these take turns


@dataclass(frozen=True, slots=True)
class ErrandLimits:
    """What an errand book holds to.

    Attributes:
        lanes: of one worker.
        lease_seconds: how long a worker may keep one before it counts as stuck.
        max_crashes: an errand whose worker died this often is given up.
        retry_seconds: the waits between attempts to deliver a webhook; one attempt more than that.
        deletion_attempts: tries to delete an image, altogether.
        deletion_backoff: the wait between them.
    """

    lanes: int = 96
    lease_seconds: float = 105.0
    max_crashes: int = 3
    retry_seconds: tuple[float, ...] = RETRY_SECONDS
    deletion_attempts: int = 4
    deletion_backoff: Backoff = field(default_factory=Backoff)

    def bounds(self, kind: ErrandKind, workers: int) -> tuple[int, int]:
        """How many errands of a kind are in all workers' hands at once, and of them for one host.

        Those of other kinds do not count, so that no kind can hold up another.
        """
        most = max(1, min(_MOST_OF_A_KIND, workers * self.lanes // _LANES_FOR_ONE))
        # Deletions have a single host, Imgur.
        return most, max(1, most // 2) if kind is ErrandKind.WEBHOOK else most


@dataclass(slots=True)
class _Progress:
    attempts: int
    crashes: int = 0


class ErrandBook:
    """Keeps the open errands. Not safe for threads by itself; times are monotonic seconds.

    Args:
        ledger: what is kept of them with their jobs.
        limits: how many, how long, how often.
        wake: called when something may be handed out that could not before.
        workers: how many there are now.
    """

    def __init__(
        self,
        ledger: ErrandLedger,
        limits: ErrandLimits,
        wake: Callable[[], None],
        workers: Callable[[], int],
    ) -> None:
        self._ledger = ledger
        self._limits = limits
        self._wake = wake
        self._workers = workers
        self._open: dict[ErrandKey, _Progress] = {}
        self._due = {kind: DueErrands(ledger.host) for kind in ErrandKind}
        self._lent = Lent[ErrandKey]()
        # Who has gone longest without a turn comes first.
        self._turns: list[ErrandKind | None] = [*ErrandKind, _IMAGES]

    def __len__(self) -> int:
        return len(self._open)

    def keys(self) -> Iterator[ErrandKey]:
        """All that is open."""
        return iter(self._open)

    # --- what comes in ----------------------------------------------------------------------

    def restore(self, now: float) -> None:
        """Begin with what the ledger has open."""
        self._open.clear()
        self._due = {kind: DueErrands(self._ledger.host) for kind in ErrandKind}
        for errand in self._ledger.open_errands():
            self._add(errand.key, now + errand.wait_seconds, errand.attempts)

    def add(self, key: ErrandKey, now: float) -> None:
        """Something is to be done, at once."""
        if key not in self._open:
            self._add(key, now, 0)

    def _add(self, key: ErrandKey, due: float, attempts: int) -> None:
        self._open[key] = _Progress(attempts)
        self._put(key, due)

    def _put(self, key: ErrandKey, due: float) -> None:
        self._due[key[0]].put(key, due)
        self._wake()

    # --- what goes out ----------------------------------------------------------------------

    def take(
        self, worker_id: str, lanes: int, now: float, *, resume_at: float, images_wait: bool
    ) -> tuple[Errand, ...]:
        """Hand out what is due, under leases.

        Args:
            worker_id: who asks.
            lanes: how many at most.
            now: the time.
            resume_at: when Imgur may be asked for something again; nothing is deleted before.
            images_wait: whether images would have the lane. They and each kind of errand take turns
                then: with a single lane all three go on, whatever one of them meets.
        """
        taken: list[Errand] = []
        while self._open and len(taken) < lanes:
            key = self._next(now, resume_at, images_wait=images_wait)
            if key is None:
                break
            errand = self._lend(worker_id, key, now)
            if errand is not None:
                taken.append(errand)
        return tuple(taken)

    def next_due(self, resume_at: float) -> float:
        """When `take` has something to hand out, if nothing changes before."""
        if not self._open:
            return math.inf
        workers = self._workers()
        return min(
            max(
                due.next_due(*self._limits.bounds(kind, workers)),
                resume_at if kind is ErrandKind.DELETION else 0.0,
            )
            for kind, due in self._due.items()
        )

    def _next(self, now: float, resume_at: float, *, images_wait: bool) -> ErrandKey | None:
        workers = self._workers()
        for kind in self._turns:
            if kind is _IMAGES:
                if images_wait:
                    self._had_turn(kind)
                    return None
            elif kind is not ErrandKind.DELETION or resume_at <= now:
                key = self._due[kind].take(now, *self._limits.bounds(kind, workers))
                if key is not None:
                    self._had_turn(kind)
                    return key
        return None

    def _had_turn(self, kind: ErrandKind | None) -> None:
        self._turns.remove(kind)
        self._turns.append(kind)

    def _lend(self, worker_id: str, key: ErrandKey, now: float) -> Errand | None:
        order = self._ledger.order(key)
        if order is None:  # its job was forgotten
            self._ended(key, now)
            del self._open[key]
            return None
        token = self._lent.lend(worker_id, key, now + self._limits.lease_seconds)
        kind, job_id, index = key
        attempt = self._open[key].attempts + 1
        return Errand(token, kind, job_id, index, attempt, order.target, order.body, order.origin)

    # --- how it ended -----------------------------------------------------------------------

    def settle(self, worker_id: str, report: ErrandReport, now: float) -> ErrandReceipt:
        """End a lease with its outcome; refused if the errand is no longer this worker's."""
        key = self._lent.end(worker_id, report.token)
        if key is None:
            return ErrandReceipt(accepted=False)
        self._ended(key, now)
        wait = self._after_attempt(key, report.outcome)
        if wait is not None:
            self._put(key, now + wait)
        return ErrandReceipt(accepted=True, retry_seconds=wait)

    def retire(self, worker_id: str, now: float) -> tuple[ErrandKey, ...]:
        """Take back what a dead worker had in hand; returns it."""
        returned = tuple(self._lent.take_back(worker_id))
        for key in returned:
            self._ended(key, now)
            progress = self._open[key]
            progress.crashes += 1
            if progress.crashes < self._limits.max_crashes:
                self._put(key, now)
            else:
                message = f"{progress.crashes} worker processes died with this errand."
                self._after_attempt(key, Undone(Reason.WORKER_CRASHED, message, is_final=True))
        return returned

    def holders(self) -> frozenset[str]:
        """The workers that have an errand in hand."""
        return self._lent.holders()

    def overdue(self, now: float) -> frozenset[str]:
        """The workers that keep one past its deadline."""
        return self._lent.late(now)

    def _ended(self, key: ErrandKey, now: float) -> None:
        due = self._due[key[0]]
        due.ended(key, now)
        if due:
            self._wake()  # others may have been held up by a bound alone

    def _after_attempt(self, key: ErrandKey, outcome: ErrandOutcome) -> float | None:
        """Seconds until the next attempt, or None when the errand is closed."""
        if isinstance(outcome, PutOff):
            return 0.0
        progress = self._open[key]
        progress.attempts += 1
        if key[0] is ErrandKind.WEBHOOK:
            wait = self._after_delivery(key[1], progress.attempts, outcome)
        else:
            wait = self._after_deletion(key, progress.attempts, outcome)
        if wait is None:
            del self._open[key]
        return wait

    def _after_delivery(self, job_id: str, attempt: int, outcome: Done | Undone) -> float | None:
        waits, wait = self._limits.retry_seconds, None
        if isinstance(outcome, Undone) and not outcome.is_final and attempt <= len(waits):
            spread = random.uniform(1, 1 + _JITTER)  # noqa: S311 - spreads load, hides nothing
            wait = max(waits[attempt - 1] * spread, outcome.retry_after or 0.0)
        # With an answer, its status says all.
        unanswered = isinstance(outcome, Undone) and outcome.status is None
        self._ledger.note_attempt(
            job_id,
            attempt,
            status=outcome.status,
            reason=outcome.reason if unanswered and isinstance(outcome, Undone) else None,
            wait_seconds=wait,
        )
        return wait

    def _after_deletion(self, key: ErrandKey, attempt: int, outcome: Done | Undone) -> float | None:
        _, job_id, index = key
        if isinstance(outcome, Done):
            self._ledger.enter_deletion(job_id, index, Deletion(DeletionState.DONE))
            return None
        if outcome.is_final or attempt >= self._limits.deletion_attempts:
            failed = Deletion(DeletionState.FAILED, outcome.reason, outcome.message)
            self._ledger.enter_deletion(job_id, index, failed)
            return None
        return self._limits.deletion_backoff.delay(attempt, outcome.retry_after)
