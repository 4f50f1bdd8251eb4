"""The supervisor actor: watches and replaces workers, with or without a web process.

It keeps nothing that is not known elsewhere. When it dies Ray starts it again, and it takes over
the workers that it finds.
"""

import contextlib
import multiprocessing.connection
import os
import threading
import time
from typing import Any

import ray
import structlog
from ray.exceptions import RayError

from workers.contract.backend import BackendLostError
from workers.contract.logs import configure_logging, flush_logs
from workers.contract.messages.supervision import EndCause
from workers.contract.wakeup_pipe import WakeupPipe
from workers.runtime.deadline_proxy import CALL_SECONDS
from workers.runtime.ray.calls import Actor, answer_of, facts_of, objects_of
from workers.runtime.ray.environment import ClusterAddress
from workers.runtime.ray.log_relay import divert_log
from workers.runtime.ray.silences import Silences, StateLostError, StateSilentError
from workers.runtime.ray.worker_actor import WORKER_THREADS, ClusterWorker, RayWorkerProcess
from workers.runtime.supervisor import Supervisor, WorkerProcess

_IDS_A_GENERATION = 1_000_000
_WORKER_CPUS = 1


class ClusterSupervisor:
    """The actor's class."""

    def __init__(self, state: Actor, where: ClusterAddress) -> None:
        self._log = structlog.get_logger("supervisor")
        self._state = state
        self._where = where
        self._mailbox = objects_of(state).mailbox
        self._is_closed = False
        self._give_up = threading.Event()
        self._wakeup_pipe = WakeupPipe()
        # The thread does the rest: Ray does not restart an actor whose constructor fails.
        self._thread = threading.Thread(target=self._run, name="supervisor")
        self._thread.start()

    def close(self) -> None:
        """Replace no more workers; call it before the mailbox is closed."""
        self._is_closed = True
        self._wakeup_pipe.ring()

    def drain(self, seconds: float) -> None:
        """After `close`: wait until the workers are drained, and kill the rest."""
        self._thread.join(seconds)
        self._give_up.set()
        self._wakeup_pipe.ring()
        self._thread.join()

    def _run(self) -> None:
        try:
            supervisor = self._take_over()
            try:
                self._look_after(supervisor)
                self._drain_workers(supervisor)
            except BackendLostError:
                supervisor.kill_all()
                raise
        except StateLostError as error:
            self._log.critical("the state actor is lost; the other actors end", cause=str(error))
            flush_logs()
            ray.kill(self._state)
            ray.kill(ray.get_runtime_context().current_actor)
        except Exception:  # noqa: BLE001 - after any error Ray restarts this actor
            self._log.exception("supervisor failed; it is started again")
            time.sleep(1.0)
            flush_logs()
            os._exit(1)

    def _take_over(self) -> Supervisor:
        try:
            facts = facts_of(self._state)
            divert_log(facts.log_pipe)
            configure_logging(facts.config.worker.logs, "supervisor")
            self._backend_id = facts.backend_id
            generation = answer_of(self._state.begin_supervision.remote(), CALL_SECONDS)
            wanted = answer_of(self._state.workers_wanted.remote(), CALL_SECONDS)
            supervisor = Supervisor(
                self._mailbox, self._start_worker, wanted, starts=generation * _IDS_A_GENERATION
            )
            self._log.debug(
                "supervisor started", pid=os.getpid(), generation=generation, workers=wanted
            )
            self._adopt(supervisor)
            if self._mailbox.stats().draining:
                self._is_closed = True
        except StateSilentError as error:
            raise TimeoutError("The job state does not answer yet.") from error
        return supervisor

    def _look_after(self, supervisor: Supervisor) -> None:
        silences = Silences()
        while not self._is_closed:
            with silences.borne():
                wanted = answer_of(self._state.look_after.remote(), CALL_SECONDS)
                supervisor.resize(wanted)
                supervisor.look_after()
            if silences.count:
                self._log.warning(
                    "the job state does not answer; asking again", time=silences.count
                )
            self._wait(supervisor, supervisor.patience())

    def _drain_workers(self, supervisor: Supervisor) -> None:
        while supervisor.sentinels() and not self._give_up.is_set():
            self._wait(supervisor, None)
            supervisor.fence_ended()
        supervisor.end_rest()

    # --- workers --------------------------------------------------------------------------------

    def _start_worker(self, worker_id: str) -> WorkerProcess:
        worker = ray.remote(concurrency_groups=WORKER_THREADS)(ClusterWorker).options(
            name=self._name_of(worker_id),
            namespace=self._where.namespace,
            lifetime="detached",
            max_restarts=0,
            num_cpus=0 if self._where.is_local else _WORKER_CPUS,
            scheduling_strategy="SPREAD",
        )
        try:
            actor = worker.remote(self._state, worker_id)
        except RayError as error:
            raise OSError(str(error)) from error  # which the supervisor puts off
        try:
            return RayWorkerProcess(actor, worker_id)
        except OSError:
            ray.kill(actor)  # without a descriptor it cannot be watched
            raise

    def _adopt(self, supervisor: Supervisor) -> None:
        known = set(self._mailbox.workers())
        for worker_id in sorted(known):
            try:
                actor = ray.get_actor(self._name_of(worker_id), self._where.namespace)
            except ValueError:
                self._log.warning("worker gone while nobody watched it", worker=worker_id)
                self._mailbox.fence(worker_id, EndCause.KILLED)
                continue
            process = RayWorkerProcess(actor, worker_id)
            if supervisor.adopt(worker_id, process):
                self._log.info("worker taken over", worker=worker_id)
            else:
                process.kill()
                self._mailbox.fence(worker_id, EndCause.KILLED)
        names = {self._name_of(worker_id) for worker_id in known}
        for name in worker_names(self._where.namespace, self._backend_id):
            if name not in names:
                kill_named(name, self._where.namespace)

    def _name_of(self, worker_id: str) -> str:
        return f"{_prefix(self._backend_id)}{worker_id}"

    def _wait(self, supervisor: Supervisor, seconds: float | None) -> None:
        sentinels: list[Any] = [self._wakeup_pipe, *supervisor.sentinels()]
        multiprocessing.connection.wait(sentinels, seconds)
        self._wakeup_pipe.hush()


def supervisor_name(backend_id: str) -> str:
    return f"imgup-{backend_id}-supervisor"


def worker_names(namespace: str, backend_id: str) -> list[str]:
    """Return the names of a backend's worker actors, from any supervisor."""
    there = ray.util.list_named_actors(all_namespaces=True)
    names = [actor["name"] for actor in there if actor["namespace"] == namespace]
    return [name for name in names if name.startswith(_prefix(backend_id))]


def kill_named(name: str, namespace: str) -> None:
    """End an actor for good, if there is one of that name."""
    with contextlib.suppress(ValueError):
        ray.kill(ray.get_actor(name, namespace))


def _prefix(backend_id: str) -> str:
    return f"imgup-{backend_id}-worker/"
