"""The errands that are open: which is due when, and in which worker's hands.

As with URLs, an errand is only lent. A token is the fence; what a dead worker had in hand goes to
the next one, so an errand is done at least once, and a webhook may arrive twice.
"""

import heapq
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from workers.backoff import Backoff
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


@dataclass(frozen=True, slots=True)
class ErrandLimits:
    """What an errand book holds to.

    Attributes:
        at_once: errands in all workers' hands together, so that images are not held up.
        lease_seconds: how long a worker may keep one before it counts as stuck.
        max_crashes: an errand whose worker died this often is given up.
        retry_seconds: the waits between attempts to deliver a webhook; one attempt more than that.
        deletion_attempts: tries to delete an image, altogether.
        deletion_backoff: the wait between them.
    """

    at_once: int = 2
    lease_seconds: float = 105.0
    max_crashes: int = 3
    retry_seconds: tuple[float, ...] = RETRY_SECONDS
    deletion_attempts: int = 4
    deletion_backoff: Backoff = field(default_factory=Backoff)


@dataclass(slots=True)
class _Progress:
    attempts: int = 0
    crashes: int = 0


class ErrandBook:
    """Keeps the open errands. Not safe for threads by itself; times are monotonic seconds.

    Args:
        ledger: what is kept of them with their jobs.
        limits: how many, how long, how often.
        wake: called when something may be handed out that could not before.
    """

    def __init__(
        self, ledger: ErrandLedger, limits: ErrandLimits, wake: Callable[[], None]
    ) -> None:
        self._ledger = ledger
        self._limits = limits
        self._wake = wake
        self._open: dict[ErrandKey, _Progress] = {}
        self._due: dict[ErrandKind, list[tuple[float, ErrandKey]]] = {
            kind: [] for kind in ErrandKind
        }
        self._lent = Lent[ErrandKey]()
        self._was_errand = False  # what was handed out last

    def __len__(self) -> int:
        return len(self._open)

    def keys(self) -> Iterator[ErrandKey]:
        """All that is open."""
        return iter(self._open)

    # --- what comes in ----------------------------------------------------------------------

    def restore(self, now: float) -> None:
        """Begin with what the ledger has open."""
        self._open.clear()
        for kind in ErrandKind:
            self._due[kind].clear()
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
        heapq.heappush(self._due[key[0]], (due, key))
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
            images_wait: whether images would have the lane. They and errands take turns then, or
                callback URLs that do not answer could take a service with a single lane for
                themselves.
        """
        if not (lanes and self._open):
            return ()
        if images_wait and self._was_errand:
            self._was_errand = False
            return ()
        taken: list[Errand] = []
        while len(taken) < lanes and len(self._lent) < self._limits.at_once:
            key = self._pop_due(now, resume_at)
            if key is None:
                break
            errand = self._lend(worker_id, key, now)
            if errand is not None:
                taken.append(errand)
        self._was_errand = bool(taken)
        return tuple(taken)

    def next_due(self, resume_at: float) -> float:
        """When `take` has something to hand out, if nothing changes before."""
        if len(self._lent) >= self._limits.at_once:
            return math.inf
        firsts = [
            max(heap[0][0], resume_at if kind is ErrandKind.DELETION else 0.0)
            for kind, heap in self._due.items()
            if heap
        ]
        return min(firsts, default=math.inf)

    def _pop_due(self, now: float, resume_at: float) -> ErrandKey | None:
        heaps = [
            heap
            for kind, heap in self._due.items()
            if heap and heap[0][0] <= now and (kind is not ErrandKind.DELETION or resume_at <= now)
        ]
        return heapq.heappop(min(heaps, key=lambda heap: heap[0]))[1] if heaps else None

    def _lend(self, worker_id: str, key: ErrandKey, now: float) -> Errand | None:
        order = self._ledger.order(key)
        if order is None:  # its job was forgotten
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
        self._let_others_in(1)
        wait = self._after_attempt(key, report.outcome)
        if wait is not None:
            self._put(key, now + wait)
        return ErrandReceipt(accepted=True, retry_seconds=wait)

    def retire(self, worker_id: str, now: float) -> tuple[ErrandKey, ...]:
        """Take back what a dead worker had in hand; returns it."""
        returned = tuple(self._lent.take_back(worker_id))
        self._let_others_in(len(returned))
        for key in returned:
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

    def _let_others_in(self, ended: int) -> None:
        if ended and len(self._lent) + ended >= self._limits.at_once:
            self._wake()  # others may have been held up by the bound alone

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
