"""A worker on a Ray cluster: the actor, and the supervisor's view of it."""

import os
import tempfile
import threading
from pathlib import Path
from signal import SIGKILL
from typing import Any

import ray
import structlog
from ray.exceptions import RayActorError

from workers.contract.backend import BackendLostError
from workers.runtime.ray.calls import Actor, facts_of, objects_of
from workers.runtime.ray.log_relay import divert_log
from workers.worker.converters import Converters
from workers.worker.worker import run_lanes

WORKER_THREADS = {"end": 1}
"""The worker actor's threads by concurrency group: the call that lasts as long as the lanes. After
a restart of the supervisor the earlier one's still runs; `pid` must not wait for it."""

_FAILED = 1
_END_SECONDS = 10.0
_REST_SECONDS = 0.02
"""A round trip through Ray costs 1 ms of CPU on both sides together, several times as much as
through a pipe, and an image takes three requests. That is little compared with an upload."""


class ClusterWorker:
    """The actor's class: the lanes of one worker, in a process of their own."""

    def __init__(self, state: Actor, worker_id: str) -> None:
        self._state = state
        self._worker_id = worker_id
        self._exit_code = _FAILED
        self._lanes = threading.Thread(target=self._run, name="worker")
        self._lanes.start()

    def pid(self) -> int:
        return os.getpid()

    def ended(self) -> int:
        """Wait for the end of the last lane; return the exit code of a process."""
        self._lanes.join()
        return self._exit_code

    def _run(self) -> None:
        try:
            facts = facts_of(self._state)
            divert_log(facts.log_pipe)
            objects = objects_of(self._state)
            run_lanes(
                facts.config.worker,
                self._worker_id,
                objects.mailbox,
                objects.token_store,
                Converters(facts.config.worker.conversion, _folder(facts.log_pipe)),
                rest_seconds=_REST_SECONDS,
            )
        except (SystemExit, BackendLostError):
            # The state is lost, and its supervisor may be too: nothing else ends this actor.
            os._exit(_FAILED)
        self._exit_code = 0


def _folder(log_pipe: str | None) -> Path:
    """Return the folder in which the workers on a node share their converter slots.

    Raises:
        OSError: another user owns a folder of this name.
    """
    if log_pipe is not None:
        return Path(log_pipe).parent  # the service's, which removes it at its end
    node = ray.get_runtime_context().get_node_id()
    folder = Path(tempfile.gettempdir()) / f"imgup-{os.getuid()}-{node[:16]}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    return folder


class RayWorkerProcess:
    """A `WorkerProcess` for a `ClusterWorker`; its pid is None until the actor has started."""

    def __init__(self, actor: Actor, worker_id: str) -> None:
        self._actor = actor
        self._log = structlog.get_logger("supervisor").bind(worker=worker_id)
        self._has_ended = threading.Event()
        self.pid: int | None = None
        self.exitcode: int | None = None
        self.sentinel = os.eventfd(0, os.EFD_CLOEXEC)
        actor.pid.remote().future().add_done_callback(self._note_pid)
        actor.ended.options(concurrency_group="end").remote().future().add_done_callback(
            self._note_end
        )

    def kill(self) -> None:
        if self.pid is None:
            self._log.warning("this worker never came up: has a node a CPU free for it?")
        ray.kill(self._actor)

    def join(self) -> None:
        # Bounded: Ray detects a disconnected node only after a while.
        self._has_ended.wait(_END_SECONDS)

    def close(self) -> None:
        # A drained one is still an actor with a process.
        ray.kill(self._actor)
        os.close(self.sentinel)

    # --- called in a thread of Ray ------------------------------------------------------------

    def _note_pid(self, answer: Any) -> None:  # noqa: ANN401 - a Future
        if answer.exception() is None:
            self.pid = answer.result()
            self._log.debug("worker is up", pid=self.pid)

    def _note_end(self, answer: Any) -> None:  # noqa: ANN401 - a Future
        error = answer.exception()
        if isinstance(error, RayActorError):
            self._log.debug("Ray on the worker's end", text=str(error))
        code = answer.result() if error is None else -SIGKILL
        os.eventfd_write(self.sentinel, 1)
        # Last: the supervisor may then close the descriptor.
        self.exitcode = code
        self._has_ended.set()
