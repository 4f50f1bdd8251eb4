"""The queue of open webhooks, deletions and steps of albums.

Like images, tasks are leased; those of a dead worker are requeued, so a task is done at least once,
and a webhook may arrive twice.
"""

import heapq
import math
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from workers.contract.errors import IMGUR_SILENT, Reason
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.albums import AlbumStep
from workers.contract.messages.outcomes import Deferred, Failed, Outcome, RetryLater
from workers.contract.messages.round_trip import Lease, TaskKey, UrlKey
from workers.contract.messages.supervision import LogLine
from workers.contract.messages.tasks import TaskKind
from workers.state.quota.budget import counts
from workers.state.tasks.task_store import TaskStore

_MAX_OF_A_KIND = 16  # leased tasks, over all workers
_LANES_FOR_ONE = 8  # lanes per task of a kind, so images keep five lanes of eight

_KINDS = (TaskKind.WEBHOOK, TaskKind.DELETION, TaskKind.ALBUM)
_AT_IMGUR = (TaskKind.DELETION, TaskKind.ALBUM)


@dataclass(slots=True)
class _Progress:
    attempts: int
    silent: int = 0  # of them, those that did not reach Imgur
    crashes: int = 0
    step: AlbumStep | None = None  # of an album: its steps have one key, and attempts of their own


class TaskQueue:
    """Leases due tasks in turns of kinds and hosts, within the limits of the kind and of each host.

    So a host with many tasks delays those of another by one at most. Of deletions and albums, whose
    host is Imgur, tenants take turns instead. Not thread-safe; times are monotonic seconds.

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
        self._later: list[tuple[float, TaskKey]] = []  # a heap by time
        # Due tasks by kind and host, in the order of the hosts' turns.
        self._waiting = {kind: OrderedDict[str, deque[UrlKey]]() for kind in _KINDS}
        self._leased: dict[TaskKey, str] = {}  # with their hosts
        # The least recently served first.
        self._turns = [*_KINDS, TaskKind.IMAGE]

    def keys(self) -> Iterator[TaskKey]:
        """Return all open tasks, leased ones included."""
        return iter(self._open)

    # --- what comes in ----------------------------------------------------------------------

    def restore(self, now: float) -> None:
        """Queue the open tasks of the store."""
        self._open.clear()
        self._later.clear()
        for key, attempts, wait_seconds in self.store.open_tasks():
            self._open[key] = _Progress(attempts)
            # It may have been in a worker's hands at the end.
            failure = self.store.broke_off(key, create_again=self._limits.upload_again)
            if failure is not None:
                self._fail(key, failure)
            else:
                self._put(key, now + wait_seconds)

    def add(self, kind: TaskKind, place: UrlKey, now: float) -> None:
        """Add a task that is due now."""
        if (kind, place) not in self._open:
            self._open[kind, place] = _Progress(0)
            self._put((kind, place), now)

    def _put(self, key: TaskKey, due: float) -> None:
        heapq.heappush(self._later, (due, key))
        self._wake()

    def _line_up(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            _, (kind, place) = heapq.heappop(self._later)
            self._waiting[kind].setdefault(self.store.host(kind, place), deque()).append(place)

    # --- what goes out ----------------------------------------------------------------------

    def take(self, now: float, *, resume_at: float, images_wait: bool) -> TaskKey | None:
        """Take the next due task, for a `lease`; None if none is due within the limits, or it is an
        image's turn. Deletions and albums wait until `resume_at`.

        If images could use the lane, they and the kinds of tasks take turns, so that all proceed
        even with a single lane.
        """
        if not self._open:
            return None
        self._line_up(now)
        for kind in self._turns:
            if kind is TaskKind.IMAGE:
                if images_wait:
                    self._had_turn(kind)
                    return None
            elif kind not in _AT_IMGUR or resume_at <= now:
                host = self._next_host(kind)
                if host is not None:
                    self._had_turn(kind)
                    return kind, self._take_first(kind, host)
        return None

    def lease(self, key: TaskKey, token: int, now: float) -> Lease | None:
        """Return the lease's content for a taken task; None if its job was evicted."""
        progress = self._open[key]
        lease = self.store.lease(key, token, progress.attempts + 1)
        if lease is None:
            self._ended(key, now)
            del self._open[key]
        elif lease.album is not None and lease.album.step is not progress.step:
            progress.step, progress.attempts, progress.silent = lease.album.step, 0, 0
            return replace(lease, attempt=1)
        return lease

    def next_due(self, resume_at: float) -> float:
        """Return a time at or before that at which `take` succeeds, if nothing changes before."""
        due = (kind for kind in _KINDS if self._next_host(kind) is not None)
        times = [resume_at if kind in _AT_IMGUR else 0.0 for kind in due]
        times += [later for later, _ in self._later[:1]]
        return min(times, default=math.inf)

    def _next_host(self, kind: TaskKind) -> str | None:
        """Return the host whose turn it is; None if no task of this kind is due within the limits.
        Other kinds do not count, so that no kind can delay another.
        """
        if not self._waiting[kind]:
            return None
        most = max(1, min(_MAX_OF_A_KIND, self._workers() * self._limits.lanes // _LANES_FOR_ONE))
        # The others go to one host, Imgur, whoever wants them.
        most_of_host = max(1, most // 2) if kind is TaskKind.WEBHOOK else most
        leased = Counter(host for (of, _), host in self._leased.items() if of is kind)
        if leased.total() >= most:
            return None
        # Only hosts with leases can be at their limit, so few are skipped.
        return next((host for host in self._waiting[kind] if leased[host] < most_of_host), None)

    def _take_first(self, kind: TaskKind, host: str) -> UrlKey:
        hosts = self._waiting[kind]
        place = hosts[host].popleft()
        hosts.move_to_end(host)
        if not hosts[host]:
            del hosts[host]
        self._leased[kind, place] = host
        return place

    def _had_turn(self, kind: TaskKind) -> None:
        self._turns.remove(kind)
        self._turns.append(kind)

    # --- how it ended -----------------------------------------------------------------------

    def settle(self, key: TaskKey, outcome: Outcome, now: float) -> None:
        progress = self._ended(key, now)
        progress.attempts += not isinstance(outcome, Deferred)
        match outcome:
            case Deferred(reason):
                if reason in IMGUR_SILENT:  # uploads have stopped: these count for nobody
                    progress.attempts -= progress.silent
                    progress.silent = 0
                self._put(key, now)
            case RetryLater(delay_seconds=delay_seconds):
                progress.silent += not counts(outcome)
                self._put(key, now + delay_seconds)
            case _:
                del self._open[key]  # first, as the next step of an album has the same key
        self.store.note(key, progress.attempts, outcome)

    def crashed(self, key: TaskKey, now: float) -> bool:
        """The worker of an attempt died; return whether it was once too often, and the task has
        failed.
        """
        progress = self._ended(key, now)
        progress.crashes += 1
        failure = self.store.broke_off(key, create_again=self._limits.upload_again)
        if failure is not None:
            return self._fail(key, failure)
        if progress.crashes < self._limits.max_crashes:
            self._put(key, now)
            return False
        message = f"{progress.crashes} worker processes died with this task."
        return self._fail(key, Failed(Reason.WORKER_CRASHED, message))

    def _fail(self, key: TaskKey, failure: Failed) -> bool:
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
        self.store.table.lines.append(LogLine("warning", "task failed", fields, "tasks"))
        return True

    def _ended(self, key: TaskKey, now: float) -> _Progress:
        self._line_up(now)
        host, hosts = self._leased.pop(key), self._waiting[key[0]]
        if host in hosts:
            hosts.move_to_end(host)  # others have their turns before it
        if hosts:
            self._wake()  # other tasks may have waited for a limit only
        return self._open[key]
