"""The queue of open webhooks, deletions and steps of albums.

Like images, tasks are leased; those of a dead worker are requeued, so a task is done at least once,
and a webhook may arrive twice.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from workers.contract.errors import Reason
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.outcomes import Deferred, Failed, Outcome, RetryLater
from workers.contract.messages.round_trip import Lease, TaskKey, UrlKey
from workers.contract.messages.supervision import LogLine
from workers.contract.messages.tasks import TaskKind
from workers.state.tasks.due_tasks import DueTasks
from workers.state.tasks.task_store import TaskStore

_MAX_OF_A_KIND = 16  # leased tasks, over all workers
_LANES_FOR_ONE = 8  # lanes per task of a kind, so images keep five lanes of eight

_KINDS = (TaskKind.WEBHOOK, TaskKind.DELETION, TaskKind.ALBUM)
_AT_IMGUR = (TaskKind.DELETION, TaskKind.ALBUM)


@dataclass(slots=True)
class _Progress:
    attempts: int
    crashes: int = 0


class TaskQueue:
    """The open tasks. Not thread-safe; times are monotonic seconds.

    Args:
        wake: called when a task may be leased that could not be before.
        workers: returns the number of workers.
    """

    def __init__(
        self,
        store: TaskStore,
        limits: MailboxLimits,
        wake: Callable[[], None],
        workers: Callable[[], int],
    ) -> None:
        self.store = store
        self._limits = limits
        self._wake = wake
        self._workers = workers
        self._open: dict[TaskKey, _Progress] = {}
        self._due = self._nothing_due()
        # The least recently served first.
        self._turns = [*_KINDS, TaskKind.IMAGE]

    def keys(self) -> Iterator[TaskKey]:
        """Return all open tasks, leased ones included."""
        return iter(self._open)

    # --- what comes in ----------------------------------------------------------------------

    def restore(self, now: float) -> list[LogLine]:
        """Queue the open tasks of the store; return lines about those that failed thereby."""
        lines: list[LogLine] = []
        self._open.clear()
        self._due = self._nothing_due()
        for key, attempts, wait_seconds in self.store.open_tasks():
            self._open[key] = _Progress(attempts)
            # It may have been in a worker's hands at the end.
            failure = self.store.broke_off(key, create_again=self._limits.upload_again)
            if failure is not None:
                lines.append(self._fail(key, failure))
            else:
                self._put(key, now + wait_seconds)
        return lines

    def add(self, kind: TaskKind, place: UrlKey, now: float) -> None:
        """Add a task that is due now."""
        if (kind, place) not in self._open:
            self._open[kind, place] = _Progress(0)
            self._put((kind, place), now)

    def _nothing_due(self) -> dict[TaskKind, DueTasks]:
        return {kind: DueTasks(partial(self.store.host, kind)) for kind in _KINDS}

    def _put(self, key: TaskKey, due: float) -> None:
        kind, place = key
        self._due[kind].put(place, due)
        self._wake()

    # --- what goes out ----------------------------------------------------------------------

    def take(self, now: float, *, resume_at: float, images_wait: bool) -> TaskKey | None:
        """Take the next due task, for a `lease`; None if none is due within the limits, or it is an
        image's turn. Deletions and albums wait until `resume_at`.

        If images could use the lane, they and the kinds of tasks take turns, so that all proceed
        even with a single lane.
        """
        if not self._open:
            return None
        workers = self._workers()
        for kind in self._turns:
            if kind is TaskKind.IMAGE:
                if images_wait:
                    self._had_turn(kind)
                    return None
            elif kind not in _AT_IMGUR or resume_at <= now:
                place = self._due[kind].take(now, *self._bounds(kind, workers))
                if place is not None:
                    self._had_turn(kind)
                    return kind, place
        return None

    def lease(self, key: TaskKey, token: int, now: float) -> Lease | None:
        """Return the lease's content for a taken task; None if its job was evicted."""
        lease = self.store.lease(key, token, self._open[key].attempts + 1)
        if lease is None:
            self._ended(key, now)
            del self._open[key]
        return lease

    def next_due(self, resume_at: float) -> float:
        """Return the time at which `take` succeeds, if nothing changes before."""
        if not self._open:
            return math.inf
        workers = self._workers()
        return min(
            max(
                due.next_due(*self._bounds(kind, workers)),
                resume_at if kind in _AT_IMGUR else 0.0,
            )
            for kind, due in self._due.items()
        )

    def _bounds(self, kind: TaskKind, workers: int) -> tuple[int, int]:
        """Return the maximum number of leased tasks of a kind, and of one host. Other kinds do not
        count, so that no kind can delay another.
        """
        most = max(1, min(_MAX_OF_A_KIND, workers * self._limits.lanes // _LANES_FOR_ONE))
        # The others have a single host, Imgur.
        return most, max(1, most // 2) if kind is TaskKind.WEBHOOK else most

    def _had_turn(self, kind: TaskKind) -> None:
        self._turns.remove(kind)
        self._turns.append(kind)

    # --- how it ended -----------------------------------------------------------------------

    def settle(self, key: TaskKey, outcome: Outcome, now: float) -> None:
        """Handle a reported outcome."""
        progress = self._ended(key, now)
        progress.attempts += not isinstance(outcome, Deferred)
        match outcome:
            case Deferred():
                self._put(key, now)
            case RetryLater(delay_seconds=delay_seconds):
                self._put(key, now + delay_seconds)
            case _:
                del self._open[key]  # first, as the next step of an album has the same key
        self.store.note(key, progress.attempts, outcome)

    def crashed(self, key: TaskKey, now: float) -> LogLine | None:
        """The worker of an attempt died; once too often, and the task has failed: what is to be
        logged then.
        """
        progress = self._ended(key, now)
        progress.crashes += 1
        failure = self.store.broke_off(key, create_again=self._limits.upload_again)
        if failure is not None:
            return self._fail(key, failure)
        if progress.crashes < self._limits.max_crashes:
            self._put(key, now)
            return None
        message = f"{progress.crashes} worker processes died with this task."
        return self._fail(key, Failed(Reason.WORKER_CRASHED, message))

    def _fail(self, key: TaskKey, failure: Failed) -> LogLine:
        attempt = self._open.pop(key).attempts + 1
        self.store.note(key, attempt, failure)
        kind, (job_id, index) = key
        fields = {
            "job_id": job_id,
            "task": kind.value,
            "index": index if kind is TaskKind.DELETION else None,
            "attempt": attempt,
            "reason": failure.reason,
            "message": failure.message,
        }
        return LogLine("warning", "task failed", fields, "tasks")

    def _ended(self, key: TaskKey, now: float) -> _Progress:
        kind, place = key
        due = self._due[kind]
        due.ended(place, now)
        if due:
            self._wake()  # other tasks may have waited for a limit only
        return self._open[key]
