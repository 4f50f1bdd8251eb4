"""The backend on one machine: a Manager process that owns the state, and worker processes."""

import multiprocessing.connection
import multiprocessing.resource_tracker
import multiprocessing.util
import os
import time
from typing import cast

from workers.contract.backend import BackendLostError
from workers.contract.wakeup_pipe import WakeupPipe
from workers.runtime.backend_config import BackendConfig
from workers.runtime.backend_log import close_state
from workers.runtime.local.fork_server import end_stopped_server
from workers.runtime.local.forked_worker import ForkedWorker
from workers.runtime.local.manager import StateManager
from workers.runtime.managed_backend import BackendError, ManagedBackend
from workers.runtime.supervisor import CHECK_SECONDS, Supervisor, WorkerProcess, stop_signals_held
from workers.runtime.upkeep import Upkeep
from workers.worker.task_log import log_lines


class LocalBackend(ManagedBackend):
    """A backend of processes on this machine."""

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self._upkeep = Upkeep(config)
        self._wakeup_pipe = WakeupPipe()

    def start(self) -> None:
        try:
            # Made here, so that this process removes it at its end. The Manager inherits it;
            # otherwise it would make one of its own for its socket, and leave it behind when it is
            # killed.
            multiprocessing.util.get_temp_dir()
            # It unblocks the signals that are held next, if it is started together with a process.
            multiprocessing.resource_tracker.ensure_running()
            manager = StateManager(self._config.limits)
            with stop_signals_held():
                manager.start_process()
            self._objects = manager.objects()
        except (EOFError, OSError) as error:
            why = str(error) or "it ended while it started"
            # Of socket.bind(); its socket is in the temporary directory.
            remedy = " Set TMPDIR to a shorter path." if why == "AF_UNIX path too long" else ""
            message = f"The Manager process could not be started: {why}.{remedy}"
            raise BackendError(message) from error
        self._manager = manager
        self._log.debug("manager started", pid=self._manager.pid)
        self.mailbox, self.job_table = self._objects.mailbox, self._objects.job_table
        path = self._config.journal_path
        try:
            if path is not None:
                self._objects.recovery.restore(path, self._config.worker.logs)
                log_lines(self.mailbox.tend())
            self._supervisor = Supervisor(self.mailbox, self._start_worker, self.workers_wanted())
            self._supervisor.look_after()
        except BackendLostError as error:
            task = "" if path is None else f" It read the journal {path}; it may need more memory."
            raise BackendError(f"{error}{task}") from error

    def supervise(self, wakeup: WakeupPipe) -> None:
        try:
            while wakeup not in self._wait(wakeup, self._supervisor.patience()):
                self._wakeup_pipe.hush()
                self._check_socket()
                self._supervisor.resize(self._upkeep.look_after(self.mailbox, self.job_table))
                self._supervisor.look_after()
        except BackendLostError:
            # First, so that readiness is right from now on.
            self._is_lost = True
            self._manager.kill()
            raise

    def scale(self, count: int) -> None:
        if self._upkeep.order(count):
            self._wakeup_pipe.ring()

    def workers_wanted(self) -> int:
        return self._upkeep.scaler.wanted

    def close(self) -> None:
        self._is_closed = True
        self.mailbox.close()

    def drain(self, seconds: float) -> dict[str, int]:
        give_up = time.monotonic() + seconds
        while self._supervisor.sentinels() and (left := give_up - time.monotonic()) > 0:
            self._wait(None, min(left, CHECK_SECONDS))
            self._supervisor.fence_ended()
        self._supervisor.end_rest()
        return close_state(self._objects, self._config.journal_path)

    def stop(self) -> None:
        self._is_closed = True
        end_stopped_server()
        if hasattr(self, "_supervisor"):
            self._supervisor.kill_all()
        if hasattr(self, "_manager"):
            self._manager.shutdown()
            self._manager.kill()  # without a fork server it counts as ended already

    def _check_socket(self) -> None:
        # Open connections outlive it; no other thread or worker could call the Manager.
        path = cast("str", self._manager.address)
        try:
            os.stat(path)  # noqa: PTH116 - no path is built
        except FileNotFoundError:
            raise BackendLostError(
                f"The Manager's socket {path} was removed: who empties the temporary directory "
                "must spare it."
            ) from None
        except (OSError, ValueError):
            return  # not known; or, with Python 3.11.0, a name that is in no directory

    def _wait(self, wakeup: WakeupPipe | None, seconds: float) -> list[object]:
        end_stopped_server()
        sentinels_watched = [self._manager.sentinel, *self._supervisor.sentinels()]
        calls = [] if wakeup is None else [wakeup, self._wakeup_pipe]
        ready = multiprocessing.connection.wait([*sentinels_watched, *calls], seconds)  # type: ignore[list-item]
        if self._manager.sentinel in ready:
            raise BackendLostError("The Manager process died.")
        return list(ready)

    def _start_worker(self, worker_id: str) -> WorkerProcess:
        end_stopped_server()
        return ForkedWorker(self._config.worker, worker_id, self.mailbox, self._objects.token_store)
