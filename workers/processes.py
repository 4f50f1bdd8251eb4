"""The job board on one machine: a Manager process that owns it, and worker processes."""

import multiprocessing
import multiprocessing.connection
import time
from collections import defaultdict
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Protocol

import structlog

from workers.board import BoardHealth, BoardLostError, BoardState
from workers.errands.book import RETRY_SECONDS, ErrandLimits
from workers.errands.messages import DeletionRefusal
from workers.jobs.job_messages import Cancellation, JobListing, Replay, Retry
from workers.jobs.job_reader import CHANGES_A_CALL
from workers.jobs.origin import Origin
from workers.manager import BoardManager
from workers.messages import JobChanges, JobStatus, Refusal, Submission
from workers.metrics import MeterReading
from workers.queueing.mailbox_limits import MailboxLimits
from workers.queueing.outlook import Outlook
from workers.supervisor import Supervisor, stop_signals_held
from workers.worker import WorkerConfig, run_worker

_MOST_ERRANDS = 16  # in hand at once, over all workers
_JOB_IDS_TOLD = 10  # in one line of the log
_LEASE_SLACK_SECONDS = 15.0  # for the lookup of names and a slow machine, beyond the two deadlines


class Wakeup(Protocol):
    """Something with a file descriptor that becomes readable when it is time to look up."""

    def fileno(self) -> int: ...


@dataclass(frozen=True, slots=True)
class ProcessBoardConfig:
    """How many workers, what they need to know, and how much may be queued.

    Attributes:
        worker_count: worker processes.
        max_queued_urls: URLs queued or in work at once; a job beyond it is refused whole.
        job_ttl_seconds: how long a finished job is kept; 0 keeps all.
        upload_again: see `MailboxLimits`.
        journal_path: a file from which a restart goes on; None keeps the state in memory only.
        source_concurrency: see `MailboxLimits`.
        webhook_retry_seconds: see `ErrandLimits`.
    """

    worker_count: int
    max_queued_urls: int
    worker: WorkerConfig
    job_ttl_seconds: float = 0.0
    upload_again: bool = True
    journal_path: str | None = None
    source_concurrency: int = 32
    webhook_retry_seconds: tuple[float, ...] = RETRY_SECONDS

    @property
    def lease_seconds(self) -> float:
        """No honest attempt takes longer: one download and one upload, each to its deadline."""
        worker = self.worker
        slowest = worker.download.deadline_seconds + worker.imgur.upload_seconds
        return slowest + _LEASE_SLACK_SECONDS

    @property
    def errands(self) -> ErrandLimits:
        """A few lanes for errands; the rest is for images."""
        worker = self.worker
        slowest = max(worker.webhooks.seconds, worker.imgur.upload_seconds)
        return ErrandLimits(
            at_once=max(1, min(_MOST_ERRANDS, self.worker_count * worker.lanes // 8)),
            lease_seconds=slowest + _LEASE_SLACK_SECONDS,
            retry_seconds=self.webhook_retry_seconds,
            deletion_attempts=worker.max_attempts,
            deletion_backoff=worker.backoff,
        )


class ProcessBoard:
    """A `Board` whose state lives in a Manager process and whose workers are processes.

    `submit`, `changes`, `links` and `health` may be called from any thread; the life cycle
    (`start`, `supervise`, `close`, `drain`, `stop`) belongs to the main thread.
    """

    def __init__(self, config: ProcessBoardConfig) -> None:
        self._config = config
        self._log = structlog.get_logger("board")
        self._is_lost = False
        self._is_closed = False
        # Workers are forked from a server process that was itself spawned: like a spawned worker
        # they inherit neither the listening socket nor a lock held by a thread, but the modules
        # are imported already, and a dead worker is replaced in 10 ms instead of 300.
        self._start_method = multiprocessing.get_context("forkserver")
        self._start_method.set_forkserver_preload([run_worker.__module__])

    # --- life cycle -------------------------------------------------------------------------

    def start(self) -> None:
        """Start the Manager process and the workers; returns before the workers are up.

        Raises:
            JournalError: the journal cannot be used.
        """
        self._manager = BoardManager()
        with stop_signals_held():
            self._manager.start_process()
        self._log.debug("manager started", pid=self._manager.pid)
        limits = MailboxLimits(
            max_open_urls=self._config.max_queued_urls,
            lease_seconds=self._config.lease_seconds,
            upload_again=self._config.upload_again,
            source_concurrency=self._config.source_concurrency,
            errands=self._config.errands,
        )
        self._mailbox = self._manager.mailbox(limits)
        self._job_table = self._manager.job_table()
        self._tokens = self._manager.token_store()
        self._recovery = self._manager.recovery(limits)
        if self._config.journal_path is not None:
            self._restore(self._config.journal_path)
        self._supervisor = Supervisor(self._mailbox, self._start_worker, self._config.worker_count)
        self._supervisor.look_after()

    def supervise(self, wakeup: Wakeup) -> None:
        """Keep the workers running until `wakeup` is readable.

        Raises:
            BoardLostError: the Manager died or does not answer.
        """
        try:
            while wakeup not in self._wait(wakeup, self._supervisor.patience()):
                self._supervisor.look_after()
                self._forget_old_jobs()
        except BoardLostError:
            # First of all, so that readiness tells the truth from now on.
            self._is_lost = True
            self._manager.kill()
            raise

    def close(self) -> None:
        """Take no more jobs and hand out no more URLs; those in work may still end."""
        self._is_closed = True
        self._mailbox.close()

    def drain(self, seconds: float) -> dict[str, int]:
        """After `close`: wait for the URLs in work.

        Args:
            seconds: how long to wait; workers that are not done by then are killed.

        Returns:
            Unfinished URLs by job id.

        Raises:
            BoardLostError: the Manager died meanwhile.
        """
        give_up = time.monotonic() + seconds
        while self._supervisor.sentinels() and (left := give_up - time.monotonic()) > 0:
            self._wait(None, left)
            self._supervisor.retire_ended()
        killed = self._supervisor.kill_all()
        if killed:
            self._supervisor.retire_ended()
            self._log.warning("workers killed: not done within the drain time", workers=killed)
        unfinished = self._job_table.unfinished()
        self._tell_open_errands()
        self._recovery.close()
        return unfinished

    def stop(self) -> None:
        """End all processes, whatever they do; the state is gone afterwards."""
        self._is_closed = True
        if hasattr(self, "_supervisor"):
            self._supervisor.kill_all()
        if hasattr(self, "_manager"):
            self._manager.shutdown()

    def _restore(self, journal_path: str) -> None:
        recovered = self._recovery.restore(journal_path, self._config.worker.logs)
        self._log.info(
            "journal read: going on from there",
            journal=journal_path,
            jobs=recovered.jobs,
            open_urls=recovered.open_urls,
        )
        if recovered.cut_bytes:
            self._log.warning(
                "the journal's last record was not whole and is left out",
                journal=journal_path,
                cut_bytes=recovered.cut_bytes,
            )

    def _tell_open_errands(self) -> None:
        kept = self._config.journal_path is not None
        say = "errands put off to the next start" if kept else "errands dropped"
        jobs: defaultdict[str, list[str]] = defaultdict(list)
        for kind, job_id, _ in self._mailbox.open_errands():
            jobs[kind.value].append(job_id)
        for errand, job_ids in jobs.items():
            self._log.warning(
                say, errand=errand, count=len(job_ids), job_ids=job_ids[:_JOB_IDS_TOLD]
            )

    def _forget_old_jobs(self) -> None:
        # Called once a second at least, as often as the supervisor looks after the workers.
        age = self._config.job_ttl_seconds
        if age and (count := self._job_table.evict(age)):
            self._log.debug("finished jobs forgotten", jobs=count)

    def _wait(self, wakeup: Wakeup | None, seconds: float) -> list[object]:
        lookouts = [self._manager.sentinel, *self._supervisor.sentinels()]
        ready = multiprocessing.connection.wait(
            [*lookouts, wakeup] if wakeup is not None else lookouts,  # type: ignore[list-item]
            seconds,
        )
        if self._manager.sentinel in ready:
            raise BoardLostError("The Manager process died.")
        return list(ready)

    def _start_worker(self, worker_id: str) -> BaseProcess:
        process = self._start_method.Process(
            target=run_worker,
            args=(self._config.worker, worker_id, self._mailbox, self._tokens),
            name=worker_id,
        )
        process.start()
        return process

    # --- Board ------------------------------------------------------------------------------

    def submit(self, submission: Submission) -> Refusal | Replay | None:
        return self._mailbox.put(submission)

    def cancel(self, job_id: str, owner: str = "") -> Cancellation | Refusal | None:
        return self._mailbox.cancel(job_id, owner)

    def retry(
        self, job_id: str, owner: str, new_job_id: str, origin: Origin | None = None
    ) -> Retry | Refusal | None:
        return self._mailbox.retry(job_id, owner, new_job_id, origin)

    def jobs(
        self, owner: str, status: JobStatus | None, before: int | None, limit: int
    ) -> JobListing:
        return self._job_table.listing(owner, status, before, limit)

    def changes(
        self,
        job_id: str,
        since: int = 0,
        owner: str = "",
        *,
        known: int | None = None,
        limit: int = CHANGES_A_CALL,
        name_urls: bool = False,
    ) -> JobChanges | None:
        return self._job_table.changes(
            job_id, since, owner, known=known, limit=limit, name_urls=name_urls
        )

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]:
        return self._job_table.links(start, limit, owner)

    def outlook(self, job_id: str | None = None) -> Outlook:
        return self._mailbox.outlook(job_id)

    def meters(self) -> MeterReading:
        return self._mailbox.meters()

    def links_removed(self, owner: str = "") -> int:
        return self._job_table.links_removed(owner)

    def delete_image(self, job_id: str, index: int, owner: str = "") -> DeletionRefusal | None:
        return self._mailbox.delete_image(job_id, index, owner)

    def health(self) -> BoardHealth:
        wanted = self._config.worker_count
        try:
            stats = None if self._is_lost else self._mailbox.stats()
        except BoardLostError:
            stats = None
        if stats is None:
            return BoardHealth(BoardState.LOST, 0, wanted, 0, 0, 0.0)
        if self._is_closed or stats.draining:
            state = BoardState.DRAINING
        else:
            state = BoardState.READY if stats.workers_ready else BoardState.STARTING
        return BoardHealth(
            state=state,
            workers_ready=stats.workers_ready,
            workers_wanted=wanted,
            queued_urls=stats.queued,
            leased_urls=stats.leased,
            pause_seconds=stats.pause_seconds,
        )
