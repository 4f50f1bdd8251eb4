"""The backend on one machine: a Manager process that owns it, and worker processes."""

import multiprocessing
import multiprocessing.connection
import multiprocessing.util
import time

import structlog

from workers.contract.backend import BackendLostError
from workers.contract.wakeup_pipe import WakeupPipe
from workers.runtime.backend_config import BackendConfig
from workers.runtime.backend_log import log_open_tasks, log_recovered
from workers.runtime.local.manager import StateManager
from workers.runtime.local.worker_process import run_worker
from workers.runtime.managed_backend import HealthReader, Wakeup
from workers.runtime.scaling import Scaler
from workers.runtime.supervisor import Supervisor, WorkerProcess, stop_signals_held
from workers.runtime.upkeep import Upkeep


class LocalBackend(HealthReader):
    """A `Backend` whose state lives in a Manager process and whose workers are processes.

    The calls of a `Backend` may come from any thread; the life cycle (`start`, `supervise`,
    `close`, `drain`, `stop`) belongs to the main thread.
    """

    outlives_service = False

    def __init__(self, config: BackendConfig) -> None:
        self._config = config
        self._scaler = Scaler(config.worker_count, config.scaling)
        self._max_workers = config.scaling.most
        self._wakeup_pipe = WakeupPipe()
        self._log = structlog.get_logger("backend")
        # Workers are forked from a server process that was itself spawned: like a spawned worker
        # they inherit neither the listening socket nor a lock held by a thread, but the modules
        # are imported already, and a dead worker is replaced in 10 ms instead of 300.
        self._start_method = multiprocessing.get_context("forkserver")
        self._start_method.set_forkserver_preload([run_worker.__module__, StateManager.__module__])

    # --- life cycle -------------------------------------------------------------------------

    def start(self) -> None:
        """Start the Manager process and the workers; returns before the workers are up.

        Raises:
            JournalError: the journal cannot be used.
        """
        # Made here, and so removed at the end of this process; the Manager, which may be killed,
        # inherits it, and would else make one of its own for its socket.
        multiprocessing.util.get_temp_dir()
        self._manager = StateManager(self._config.limits)
        with stop_signals_held():
            self._manager.start_process()
        self._log.debug("manager started", pid=self._manager.pid)
        objects = self._manager.objects()
        self.mailbox, self.job_table = objects.mailbox, objects.job_table
        self._tokens, self._recovery = objects.token_store, objects.recovery
        if self._config.journal_path is not None:
            logs = self._config.worker.logs
            recovered = self._recovery.restore(self._config.journal_path, logs)
            log_recovered(self._config.journal_path, recovered)
        self._upkeep = Upkeep(
            self._scaler, self.mailbox, self.job_table, self._config.job_ttl_seconds
        )
        self._supervisor = Supervisor(self.mailbox, self._start_worker, self._scaler.wanted)
        self._supervisor.look_after()

    def supervise(self, wakeup: Wakeup) -> None:
        """Keep the workers running until `wakeup` is readable.

        Raises:
            BackendLostError: the Manager died or does not answer.
        """
        try:
            while wakeup not in self._wait(wakeup, self._supervisor.patience()):
                self._wakeup_pipe.hush()
                self._supervisor.resize(self._upkeep.look_after())
                self._supervisor.look_after()
        except BackendLostError:
            # First of all, so that readiness tells the truth from now on.
            self._is_lost = True
            self._manager.kill()
            raise

    def scale(self, count: int) -> None:
        if self._upkeep.order(count):
            self._wakeup_pipe.ring()

    def workers_wanted(self) -> int:
        return self._scaler.wanted

    def close(self) -> None:
        """Take no more jobs and hand out no more URLs; those in work may still end."""
        self._is_closed = True
        self.mailbox.close()

    def drain(self, seconds: float) -> dict[str, int]:
        """After `close`: wait for the URLs in work.

        Args:
            seconds: how long to wait; workers that are not done by then are killed.

        Returns:
            Unfinished URLs by job id.

        Raises:
            BackendLostError: the Manager died meanwhile.
        """
        give_up = time.monotonic() + seconds
        while self._supervisor.sentinels() and (left := give_up - time.monotonic()) > 0:
            self._wait(None, left)
            self._supervisor.fence_ended()
        self._supervisor.end_rest()
        unfinished = self.job_table.unfinished()
        kept = self._config.journal_path is not None
        log_open_tasks(self.mailbox.open_tasks(), kept=kept)
        self._recovery.close()
        return unfinished

    def stop(self) -> None:
        """End all processes, whatever they do; the state is gone afterwards."""
        self._is_closed = True
        if hasattr(self, "_supervisor"):
            self._supervisor.kill_all()
        if hasattr(self, "_manager"):
            self._manager.shutdown()

    def _wait(self, wakeup: Wakeup | None, seconds: float) -> list[object]:
        sentinels_watched = [self._manager.sentinel, *self._supervisor.sentinels()]
        calls = [] if wakeup is None else [wakeup, self._wakeup_pipe]
        ready = multiprocessing.connection.wait([*sentinels_watched, *calls], seconds)  # type: ignore[list-item]
        if self._manager.sentinel in ready:
            raise BackendLostError("The Manager process died.")
        return list(ready)

    def _start_worker(self, worker_id: str) -> WorkerProcess:
        process = self._start_method.Process(
            target=run_worker,
            args=(self._config.worker, worker_id, self.mailbox, self._tokens),
            name=worker_id,
        )
        process.start()
        return process
