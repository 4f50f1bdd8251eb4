"""Starts and watches worker processes; fences and replaces dead ones."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import Protocol

import structlog

from workers.contract.backoff import Backoff
from workers.contract.messages.supervision import EndCause, FenceResult
from workers.contract.state_calls import MailboxCalls

CHECK_SECONDS = 1.0
"""Interval between checks for expired leases."""

_RESTART = Backoff(base_seconds=0.2, cap_seconds=10.0)
_KILLS_BY_CHANCE = 50
"""Kills in a row, before the first request, that make no wait longer: whoever kills at random must
not keep a slot empty. With more, there is no memory for a start, and each is a line of the log."""


class WorkerProcess(Protocol):
    """A started worker: a process, or an actor, with the methods of `multiprocessing.Process`."""

    @property
    def pid(self) -> int | None: ...
    @property
    def exitcode(self) -> int | None: ...
    @property
    def sentinel(self) -> int: ...
    def kill(self) -> None: ...
    def join(self) -> None: ...
    def close(self) -> None: ...


StartWorker = Callable[[str], WorkerProcess]
"""Starts a worker with an id.

Raises:
    OSError: not started; the supervisor retries later.
"""


@contextmanager
def stop_signals_held() -> Iterator[None]:
    """Block SIGINT and SIGTERM while starting child processes, which inherit that.

    Otherwise a Ctrl-C would kill a child that does not ignore signals yet. This process gets the
    signals at the end of the block.
    """
    held = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(slots=True, eq=False)
class _Slot:
    """A slot for one worker process at a time."""

    number: int
    worker_id: str = ""
    process: WorkerProcess | None = None
    starts: int = 0  # processes so far; part of the worker's unique id
    is_stuck: bool = False  # the process was killed because it was stuck
    false_starts: int = 0  # consecutive processes that ended before their first request
    due: float = 0.0  # monotonic seconds; the next process starts no earlier


@dataclass(eq=False)
class Supervisor:
    """Keeps a number of workers running. Not thread-safe.

    A worker that had requested work is replaced at once. One that ended before that is replaced
    with backoff, as the next one probably fails too.
    """

    mailbox: MailboxCalls  # registers and fences workers
    start_worker: StartWorker
    count: InitVar[int]  # of workers
    _: KW_ONLY
    starts: int = 0  # workers that earlier supervisors may have started in each slot
    _last_number: int = field(default=0, init=False)  # of a slot; never reused
    _slots: list[_Slot] = field(default_factory=list, init=False)
    _draining: list[_Slot] = field(default_factory=list, init=False)
    _next_check: float = field(default=0.0, init=False)

    def __post_init__(self, count: int) -> None:
        self._log = structlog.get_logger("supervisor")
        self.resize(count)

    def sentinels(self) -> list[int]:
        """Return the workers' sentinels, for ``multiprocessing.connection.wait``."""
        return [process.sentinel for _, process in self._running()]

    def patience(self) -> float:
        """Return the seconds until `look_after` is due even if no sentinel is ready."""
        now = time.monotonic()
        due = [slot.due for slot in self._slots if slot.process is None]
        return max(0.0, min([self._next_check, *due]) - now)

    def resize(self, count: int) -> None:
        """Set the number of workers; new ones start at the next `look_after`.

        Surplus workers, the newest first, are drained: they finish their leases, which takes the
        duration of a lease at most, as a worker that exceeds it is stuck.
        """
        while len(self._slots) < count:
            self._last_number += 1
            self._slots.append(_Slot(self._last_number, starts=self.starts))
        # Empty slots are removed first.
        by_loss = sorted(self._slots, key=lambda slot: (slot.process is not None, -slot.number))
        for slot in by_loss[: len(self._slots) - count]:
            self._slots.remove(slot)
            if slot.process is not None:
                self.mailbox.drain_worker(slot.worker_id)
                self._draining.append(slot)
                self._log.debug("worker draining", worker=slot.worker_id)

    def adopt(self, worker_id: str, process: WorkerProcess) -> bool:
        """Adopt a worker of another supervisor; False if no slot is free."""
        for slot in self._slots:
            if slot.process is None:
                slot.worker_id, slot.process = worker_id, process
                return True
        return False

    def look_after(self) -> None:
        """Fence dead workers, kill stuck ones, fill empty slots."""
        self.fence_ended()
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + CHECK_SECONDS
            self._kill_stuck()
        for slot in self._slots:
            if slot.process is None and now >= slot.due:
                self._fill(slot)

    def fence_ended(self) -> None:
        """Fence the workers whose processes have ended."""
        for slot, process in self._running():
            if process.exitcode is not None:
                self._fence(slot, process)
        self._draining = [slot for slot in self._draining if slot.process is not None]

    def kill_all(self) -> int:
        """Kill all running workers; return how many."""
        running = self._running()
        for _, process in running:
            process.kill()
        for _, process in running:
            process.join()
        return len(running)

    def end_rest(self) -> None:
        """Kill and fence the workers that are left at the end of a drain."""
        if killed := self.kill_all():
            self.fence_ended()
            self._log.warning("workers killed: not done within the drain time", workers=killed)

    def _running(self) -> list[tuple[_Slot, WorkerProcess]]:
        slots = [*self._slots, *self._draining]
        return [(slot, slot.process) for slot in slots if slot.process is not None]

    def _fill(self, slot: _Slot) -> None:
        slot.starts += 1
        slot.is_stuck = False
        slot.worker_id = f"worker-{slot.number}.{slot.starts}"
        self.mailbox.register(slot.worker_id)
        try:
            with stop_signals_held():
                slot.process = self.start_worker(slot.worker_id)
        except OSError as error:
            self.mailbox.fence(slot.worker_id, EndCause.NOT_STARTED)
            self._delay_restart(slot)
            self._log.error(
                "worker could not be started; trying again",
                worker=slot.worker_id,
                error=str(error),
                seconds=round(slot.due - time.monotonic(), 1),
            )
            return
        self._log.debug("worker started", worker=slot.worker_id, pid=slot.process.pid)

    def _fence(self, slot: _Slot, process: WorkerProcess) -> None:
        process.join()
        fenced = self.mailbox.fence(slot.worker_id, _kind_of_end(slot, process.exitcode))
        slot.process = None
        if fenced.had_claimed:
            slot.false_starts = 0
            slot.due = 0.0
        else:
            is_killed = process.exitcode is not None and process.exitcode < 0
            self._delay_restart(slot, by_chance=_KILLS_BY_CHANCE if is_killed else 0)
        if process.exitcode == 0 and not fenced.returned and not fenced.failed:
            self._log.debug("worker ended", worker=slot.worker_id)
        else:
            self._log_death(slot, process, fenced)
        process.close()

    def _log_death(self, slot: _Slot, process: WorkerProcess, fenced: FenceResult) -> None:
        self._log.warning(
            "worker died",
            worker=slot.worker_id,
            pid=process.pid,
            cause=_cause(process.exitcode),
            urls_requeued=fenced.returned,
            urls_failed=fenced.failed,
            tasks_requeued=fenced.tasks,
        )

    def _delay_restart(self, slot: _Slot, by_chance: int = 0) -> None:
        slot.false_starts += 1
        slot.due = time.monotonic() + _RESTART.delay(max(1, slot.false_starts - by_chance))

    def _kill_stuck(self) -> None:
        expired = set(self.mailbox.expired())
        for slot, process in self._running():
            if slot.worker_id in expired:
                # Nothing else ends a thread in an uninterruptible call such as getaddrinfo.
                self._log.warning(
                    "worker stuck: killing it", worker=slot.worker_id, pid=process.pid
                )
                slot.is_stuck = True
                process.kill()


def _kind_of_end(slot: _Slot, exitcode: int | None) -> EndCause | None:
    """Return the cause of a worker's end; None for a normal end."""
    if slot.is_stuck:
        return EndCause.STUCK
    if exitcode is not None and exitcode < 0:
        return EndCause.KILLED
    return EndCause.EXITED if exitcode else None


def _cause(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        try:
            return f"killed by {signal.Signals(-exitcode).name}"
        except ValueError:
            return f"killed by signal {-exitcode}"
    return f"exit code {exitcode}"
