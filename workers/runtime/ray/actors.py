"""Finds the actors of a backend on the cluster, or starts them."""

from collections.abc import Callable
from typing import Any, cast

import ray

from workers.contract.errors import JournalError
from workers.contract.state_calls import RESTORE_SECONDS
from workers.runtime.backend_config import BackendConfig
from workers.runtime.backend_log import close_state
from workers.runtime.deadline_proxy import CALL_SECONDS
from workers.runtime.ray.calls import STATE_THREADS, Actor, answer_of, facts_of, objects_of
from workers.runtime.ray.environment import ClusterAddress
from workers.runtime.ray.state_actor import BackendState, Opening
from workers.runtime.ray.supervisor_actor import (
    ClusterSupervisor,
    kill_named,
    supervisor_name,
    worker_names,
)

STATE_NAME = "imgup-state"
_START_SECONDS = 60.0  # for the start of an actor's process on a busy machine


class ClusterHandles:
    """A backend's state actor, which is open, and its supervisor.

    All methods raise StateLostError if the state is gone.
    """

    def __init__(self, state: Actor, where: ClusterAddress) -> None:
        self._state = state
        self._where = where
        self._facts = facts_of(state, _START_SECONDS)
        self.objects = objects_of(state)
        supervisor = _on_head(
            ray.remote(ClusterSupervisor),
            supervisor_name(self._facts.backend_id),
            where,
            restarts=-1,
        )
        self._supervisor = supervisor.remote(state, where)

    def workers_wanted(self) -> int:
        return cast("int", answer_of(self._state.workers_wanted.remote(), CALL_SECONDS))

    def scale(self, count: int) -> int:
        """Set the number of workers; return the target number.

        Raises:
            ValueError: the number is below 1, or above the maximum.
        """
        return cast("int", answer_of(self._state.scale.remote(count), CALL_SECONDS))

    def watch(self, then: Callable[[], None]) -> None:
        """Register a callback for the end of the state actor; it runs in a thread of Ray."""
        watching = self._state.watch.options(concurrency_group="watch").remote()
        watching.future().add_done_callback(lambda _: then())

    def close(self) -> None:
        """See `ManagedBackend.close`."""
        answer_of(self._supervisor.close.remote(), _START_SECONDS, "supervisor actor")
        self.objects.mailbox.close()

    def drain(self, seconds: float) -> dict[str, int]:
        """See `ManagedBackend.drain`."""
        ref = self._supervisor.drain.remote(seconds)
        answer_of(ref, seconds + _START_SECONDS, "supervisor actor")
        return close_state(self.objects, self._facts.config.journal_path)

    def end(self) -> None:
        """End all actors; the state is lost then."""
        ray.kill(self._supervisor)
        for name in worker_names(self._where.namespace, self._facts.backend_id):
            kill_named(name, self._where.namespace)
        ray.kill(self._state)


def find_or_start(
    config: BackendConfig, where: ClusterAddress, log_pipe: str | None
) -> tuple[ClusterHandles, Opening]:
    """Return the backend of a namespace; start it with these settings if there is none.

    Raises:
        JournalError: the journal cannot be used.
        StateLostError: the state does not respond.
    """
    actor_class = ray.remote(concurrency_groups=STATE_THREADS)(BackendState)
    state = _on_head(actor_class, STATE_NAME, where, restarts=0).remote()
    try:
        ref = state.open.remote(config, log_pipe)
        opening = cast("Opening", answer_of(ref, _START_SECONDS + RESTORE_SECONDS))
    except JournalError:
        ray.kill(state)
        raise
    return ClusterHandles(state, where), opening


def find(where: ClusterAddress) -> ClusterHandles | None:
    """Return the backend of a namespace, if there is one."""
    try:
        state = ray.get_actor(STATE_NAME, where.namespace)
    except ValueError:
        return None
    try:
        return ClusterHandles(state, where)
    except RuntimeError:  # its service was killed before it could open it
        ray.kill(state)
        return None


def _on_head(actor_class: Any, name: str, where: ClusterAddress, *, restarts: int) -> Any:  # noqa: ANN401 - Ray's
    """Find an actor that outlives this process, or start it on the head node."""
    return actor_class.options(
        name=name,
        namespace=where.namespace,
        get_if_exists=True,
        lifetime="detached",
        max_restarts=restarts,
        num_cpus=0,
        # Without the head there is no cluster, and another node would be one more to lose.
        resources={"node:__internal_head__": 0.001},
    )
