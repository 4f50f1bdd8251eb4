"""Starts the worker processes, watches them, retires and replaces the dead."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess

import structlog

from workers.backoff import Backoff
from workers.download.url import mask_url
from workers.manager import MailboxProxy
from workers.messages import Retirement
from workers.metrics import EndCause
from workers.worker import log_finished

CHECK_SECONDS = 1.0
"""How often leases are looked at; a worker found stuck has been so for at most this much longer."""

_RESTART = Backoff(base_seconds=0.2, cap_seconds=10.0)
_KILLED_RESTART_SECONDS = 0.1

StartWorker = Callable[[str], BaseProcess]
"""Starts the process of a new worker, given its id."""


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


@dataclass(slots=True)
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
    process: BaseProcess | None = None
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
    """

    def __init__(self, mailbox: MailboxProxy, start_worker: StartWorker, count: int) -> None:
        self._mailbox = mailbox
        self._start_worker = start_worker
        self._posts = [_Post(number) for number in range(1, count + 1)]
        self._next_check = 0.0
        self._log = structlog.get_logger("supervisor")

    def sentinels(self) -> list[int]:
        """Ready when a worker process has ended, for ``multiprocessing.connection.wait``."""
        return [post.process.sentinel for post in self._posts if post.process is not None]

    def patience(self) -> float:
        """Seconds after which `look_after` has something to do even if no sentinel is ready."""
        now = time.monotonic()
        due = [post.due for post in self._posts if post.process is None]
        return max(0.0, min([self._next_check, *due]) - now)

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
        for post in self._posts:
            if post.process is not None and post.process.exitcode is not None:
                self._retire(post, post.process)

    def kill_all(self) -> int:
        """Kill whatever still runs; returns how many that were."""
        running = [post for post in self._posts if post.process is not None]
        for post in running:
            if post.process is not None:
                post.process.kill()
        for post in running:
            if post.process is not None:
                post.process.join()
        return len(running)

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

    def _retire(self, post: _Post, process: BaseProcess) -> None:
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

    def _tell_of_death(self, post: _Post, process: BaseProcess, retirement: Retirement) -> None:
        self._log.warning(
            "worker died",
            worker=post.worker_id,
            pid=process.pid,
            cause=_cause(process.exitcode),
            urls_given_back=retirement.returned,
            urls_failed=len(retirement.failed),
            errands_given_back=retirement.errands,
        )
        for crashed in retirement.failed:
            self._log.warning(
                "image failed",
                job_id=crashed.job_id,
                url=mask_url(crashed.url),
                reason=crashed.reason,
                message=crashed.message,
            )
            if crashed.finished is not None:
                log_finished(crashed.finished)

    def _put_off(self, post: _Post) -> None:
        post.false_starts += 1
        post.due = time.monotonic() + _RESTART.delay(post.false_starts)

    def _kill_stuck(self) -> None:
        overdue = set(self._mailbox.overdue())
        for post in self._posts:
            if post.worker_id in overdue and post.process is not None:
                # The only cure for a thread in an uninterruptible call, getaddrinfo for one.
                self._log.warning(
                    "worker stuck: killing it", worker=post.worker_id, pid=post.process.pid
                )
                post.is_stuck = True
                post.process.kill()


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
