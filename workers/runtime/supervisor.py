"""Starts the worker processes, watches them, retires and replaces the dead."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog

from workers.contract.backoff import Backoff
from workers.contract.messages import EndCause, FenceResult
from workers.contract.state_calls import MailboxCalls
from workers.worker.task_log import log_crashed, log_crashed_task

CHECK_SECONDS = 1.0
"""How often leases are looked at; a worker found stuck has been so for at most this much longer."""

_RESTART = Backoff(base_seconds=0.2, cap_seconds=10.0)
_KILLED_RESTART_SECONDS = 0.1


class WorkerProcess(Protocol):
    """A worker that was started, whatever it runs as; `multiprocessing.Process` is one.

    Attributes:
        pid: what the log calls it by.
        exitcode: None while it runs; 0 for one that left by itself, negative for one that a signal
            (of that number) ended.
        sentinel: a file descriptor that is readable when it has ended.
    """

    @property
    def pid(self) -> int | None: ...

    @property
    def exitcode(self) -> int | None: ...

    @property
    def sentinel(self) -> int: ...

    def kill(self) -> None:
        """End it at once, whatever it does."""
        ...

    def join(self) -> None:
        """Wait until it has ended."""
        ...

    def close(self) -> None:
        """Let go of what is kept of one that has ended."""
        ...


StartWorker = Callable[[str], WorkerProcess]
"""Starts a new worker, given its id.

Raises:
    OSError: it could not be started; the supervisor tries again later.
"""


@contextmanager
def stop_signals_held() -> Iterator[None]:
    """Start child processes inside this block: they inherit SIGINT and SIGTERM as blocked.

    A child that has not come to ignoring them itself would die of a Ctrl-C meant for its parent.
    This process loses none: one that arrives inside the block is delivered at its end.
    """
    held = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(slots=True, eq=False)
class _Slot:
    """A place that one worker process after the other fills.

    Attributes:
        starts: processes started so far; numbers the worker's id, which is never used again.
        is_stuck: the process was killed for being so.
        false_starts: processes in a row that ended before they asked for work.
        due: monotonic seconds before which the next process is not started.
    """

    number: int
    worker_id: str = ""
    process: WorkerProcess | None = None
    starts: int = 0
    is_stuck: bool = False
    false_starts: int = 0
    due: float = 0.0


class Supervisor:
    """Keeps a number of workers running. Belongs to one thread.

    A worker that had begun to work is replaced at once. One that ended by itself before that is
    replaced with backoff, as the next one will most likely fare the same.

    Args:
        mailbox: where workers are let in and retired.
        start_worker: starts one worker process.
        count: workers to keep.
        starts: workers that other supervisors may have started in each place before this one.
    """

    def __init__(
        self, mailbox: MailboxCalls, start_worker: StartWorker, count: int, *, starts: int = 0
    ) -> None:
        self._mailbox = mailbox
        self._start_worker = start_worker
        self._starts = starts
        self._last_number = 0  # of a post; one that is given up is never used again
        self._slots: list[_Slot] = []
        self._draining: list[_Slot] = []
        self.resize(count)
        self._next_check = 0.0
        self._log = structlog.get_logger("supervisor")

    def sentinels(self) -> list[int]:
        """Ready when a worker process has ended, for ``multiprocessing.connection.wait``."""
        return [process.sentinel for _, process in self._running()]

    def patience(self) -> float:
        """Seconds after which `look_after` has something to do even if no sentinel is ready."""
        now = time.monotonic()
        due = [slot.due for slot in self._slots if slot.process is None]
        return max(0.0, min([self._next_check, *due]) - now)

    def resize(self, count: int) -> None:
        """Keep so many workers from now on; more of them begin at the next `look_after`.

        Of those that are too many the newest leave: they finish what they have in hand, and are
        given nothing more. That takes a lease's time at most, as one that is longer at it is stuck.
        """
        while len(self._slots) < count:
            self._last_number += 1
            self._slots.append(_Slot(self._last_number, starts=self._starts))
        # Nobody need leave for a place that waits for its next process.
        by_loss = sorted(self._slots, key=lambda slot: (slot.process is not None, -slot.number))
        for slot in by_loss[: len(self._slots) - count]:
            self._slots.remove(slot)
            if slot.process is not None:
                self._mailbox.drain_worker(slot.worker_id)
                self._draining.append(slot)
                self._log.debug("worker draining", worker=slot.worker_id)

    def adopt(self, worker_id: str, process: WorkerProcess) -> bool:
        """Take over a worker that another supervisor has started; False if no place is free."""
        for slot in self._slots:
            if slot.process is None:
                slot.worker_id, slot.process = worker_id, process
                return True
        return False

    def look_after(self) -> None:
        """One round: retire the dead, kill the stuck, fill the empty places."""
        self.fence_ended()
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + CHECK_SECONDS
            self._kill_stuck()
        for slot in self._slots:
            if slot.process is None and now >= slot.due:
                self._fill(slot)

    def fence_ended(self) -> None:
        """Retire the workers whose processes have ended."""
        for slot, process in self._running():
            if process.exitcode is not None:
                self._fence(slot, process)
        self._draining = [slot for slot in self._draining if slot.process is not None]

    def kill_all(self) -> int:
        """Kill whatever still runs; returns how many that were."""
        running = self._running()
        for _, process in running:
            process.kill()
        for _, process in running:
            process.join()
        return len(running)

    def end_rest(self) -> None:
        """At the end of a drain: kill whoever has not left by itself, and retire them."""
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
        self._mailbox.register(slot.worker_id)
        try:
            with stop_signals_held():
                slot.process = self._start_worker(slot.worker_id)
        except OSError as error:
            self._mailbox.fence(slot.worker_id, EndCause.NOT_STARTED)
            self._put_off(slot)
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
        fenced = self._mailbox.fence(slot.worker_id, _kind_of_end(slot, process.exitcode))
        slot.process = None
        if fenced.had_claimed:
            slot.false_starts = 0
            slot.due = 0.0
        elif process.exitcode is not None and process.exitcode < 0:
            slot.due = time.monotonic() + _KILLED_RESTART_SECONDS
        else:
            self._put_off(slot)
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
            urls_failed=len(fenced.failed),
            tasks_requeued=fenced.tasks,
        )
        for crashed in fenced.failed:
            log_crashed(crashed)
        for task in fenced.failed_tasks:
            log_crashed_task(task)

    def _put_off(self, slot: _Slot) -> None:
        slot.false_starts += 1
        slot.due = time.monotonic() + _RESTART.delay(slot.false_starts)

    def _kill_stuck(self) -> None:
        expired = set(self._mailbox.expired())
        for slot, process in self._running():
            if slot.worker_id in expired:
                # The only cure for a thread in an uninterruptible call, getaddrinfo for one.
                self._log.warning(
                    "worker stuck: killing it", worker=slot.worker_id, pid=process.pid
                )
                slot.is_stuck = True
                process.kill()


def _kind_of_end(slot: _Slot, exitcode: int | None) -> EndCause | None:
    """None for a worker that left when it was told to."""
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
