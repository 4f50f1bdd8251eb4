"""Starts the worker processes, watches them, retires and replaces the dead."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog

from workers.contract.backoff import Backoff
from workers.contract.messages import EndCause, Retirement
from workers.contract.state_calls import MailboxCalls
from workers.worker.task_log import log_crashed

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
class _Post:
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
        self._posts: list[_Post] = []
        self._leaving: list[_Post] = []
        self.resize(count)
        self._next_check = 0.0
        self._log = structlog.get_logger("supervisor")

    def sentinels(self) -> list[int]:
        """Ready when a worker process has ended, for ``multiprocessing.connection.wait``."""
        return [process.sentinel for _, process in self._running()]

    def patience(self) -> float:
        """Seconds after which `look_after` has something to do even if no sentinel is ready."""
        now = time.monotonic()
        due = [post.due for post in self._posts if post.process is None]
        return max(0.0, min([self._next_check, *due]) - now)

    def resize(self, count: int) -> None:
        """Keep so many workers from now on; more of them begin at the next `look_after`.

        Of those that are too many the newest leave: they finish what they have in hand, and are
        given nothing more. That takes a lease's time at most, as one that is longer at it is stuck.
        """
        while len(self._posts) < count:
            self._last_number += 1
            self._posts.append(_Post(self._last_number, starts=self._starts))
        # Nobody need leave for a place that waits for its next process.
        by_loss = sorted(self._posts, key=lambda post: (post.process is not None, -post.number))
        for post in by_loss[: len(self._posts) - count]:
            self._posts.remove(post)
            if post.process is not None:
                self._mailbox.dismiss(post.worker_id)
                self._leaving.append(post)
                self._log.debug("worker is to leave", worker=post.worker_id)

    def adopt(self, worker_id: str, process: WorkerProcess) -> bool:
        """Take over a worker that another supervisor has started; False if no place is free."""
        for post in self._posts:
            if post.process is None:
                post.worker_id, post.process = worker_id, process
                return True
        return False

    def look_after(self) -> None:
        """One round: retire the dead, kill the stuck, fill the empty places."""
        self.retire_ended()
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + CHECK_SECONDS
            self._kill_stuck()
        for post in self._posts:
            if post.process is None and now >= post.due:
                self._fill(post)

    def retire_ended(self) -> None:
        """Retire the workers whose processes have ended."""
        for post, process in self._running():
            if process.exitcode is not None:
                self._retire(post, process)
        self._leaving = [post for post in self._leaving if post.process is not None]

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
            self.retire_ended()
            self._log.warning("workers killed: not done within the drain time", workers=killed)

    def _running(self) -> list[tuple[_Post, WorkerProcess]]:
        posts = [*self._posts, *self._leaving]
        return [(post, post.process) for post in posts if post.process is not None]

    def _fill(self, post: _Post) -> None:
        post.starts += 1
        post.is_stuck = False
        post.worker_id = f"worker-{post.number}.{post.starts}"
        self._mailbox.register(post.worker_id)
        try:
            with stop_signals_held():
                post.process = self._start_worker(post.worker_id)
        except OSError as error:
            self._mailbox.retire(post.worker_id, EndCause.NOT_STARTED)
            self._put_off(post)
            self._log.error(
                "worker could not be started; trying again",
                worker=post.worker_id,
                error=str(error),
                seconds=round(post.due - time.monotonic(), 1),
            )
            return
        self._log.debug("worker started", worker=post.worker_id, pid=post.process.pid)

    def _retire(self, post: _Post, process: WorkerProcess) -> None:
        process.join()
        retirement = self._mailbox.retire(post.worker_id, _kind_of_end(post, process.exitcode))
        post.process = None
        if retirement.had_claimed:
            post.false_starts = 0
            post.due = 0.0
        elif process.exitcode is not None and process.exitcode < 0:
            post.due = time.monotonic() + _KILLED_RESTART_SECONDS
        else:
            self._put_off(post)
        if process.exitcode == 0 and not retirement.returned and not retirement.failed:
            self._log.debug("worker ended", worker=post.worker_id)
        else:
            self._tell_of_death(post, process, retirement)
        process.close()

    def _tell_of_death(self, post: _Post, process: WorkerProcess, retirement: Retirement) -> None:
        self._log.warning(
            "worker died",
            worker=post.worker_id,
            pid=process.pid,
            cause=_cause(process.exitcode),
            urls_given_back=retirement.returned,
            urls_failed=len(retirement.failed),
            errands_given_back=retirement.tasks,
        )
        for crashed in retirement.failed:
            log_crashed(crashed)

    def _put_off(self, post: _Post) -> None:
        post.false_starts += 1
        post.due = time.monotonic() + _RESTART.delay(post.false_starts)

    def _kill_stuck(self) -> None:
        overdue = set(self._mailbox.overdue())
        for post, process in self._running():
            if post.worker_id in overdue:
                # The only cure for a thread in an uninterruptible call, getaddrinfo for one.
                self._log.warning(
                    "worker stuck: killing it", worker=post.worker_id, pid=process.pid
                )
                post.is_stuck = True
                process.kill()


def _kind_of_end(post: _Post, exitcode: int | None) -> EndCause | None:
    """None for a worker that left when it was told to."""
    if post.is_stuck:
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
