"""The backend on a Ray cluster, as used by a web process."""

import multiprocessing.connection
from typing import Any

import ray

from workers.contract.backend import BackendLostError
from workers.contract.wakeup_pipe import WakeupPipe
from workers.runtime.backend_config import BackendConfig
from workers.runtime.managed_backend import BackendError, ManagedBackend
from workers.runtime.ray.actors import find, find_or_start
from workers.runtime.ray.connection import connect, disconnect
from workers.runtime.ray.environment import ClusterAddress
from workers.runtime.ray.log_relay import LogRelay
from workers.runtime.ray.silences import Silences
from workers.runtime.ray.state_actor import Opening
from workers.runtime.supervisor import CHECK_SECONDS


class RayBackend(ManagedBackend):
    """A backend whose state and workers are actors.

    On an existing cluster all web processes share them, and they outlive each of these. On a Ray
    instance that this process has started they end with it. On a cluster, the settings of the first
    web process apply.
    """

    def __init__(self, config: BackendConfig, where: ClusterAddress) -> None:
        super().__init__(config)
        self._where = where
        self._workers_wanted = config.worker_count
        self._relay: LogRelay | None = None

    @property
    def outlives_service(self) -> bool:
        return not self._where.is_local

    def start(self) -> None:
        connect(self._where)
        if self._where.is_local:
            self._relay = LogRelay()
        try:
            self._handles, opening = find_or_start(
                self._config, self._where, self._relay.path if self._relay else None
            )
            self._workers_wanted = self._handles.workers_wanted()
        except BackendLostError as error:
            raise BackendError(f"BACKEND=ray: {error}") from error
        objects = self._handles.objects
        self.mailbox, self.job_table = objects.mailbox, objects.job_table
        # Never closed: Ray may call back until this process ends.
        self._state_ended = WakeupPipe()
        self._handles.watch(self._state_ended.ring)
        self._log_start(opening)

    def supervise(self, wakeup: WakeupPipe) -> None:
        # The workers are watched by the supervisor actor.
        watched: list[Any] = [wakeup, self._state_ended]
        silences = Silences()
        try:
            while wakeup not in (
                ready := list[Any](multiprocessing.connection.wait(watched, CHECK_SECONDS))
            ):
                if ready:
                    # The call also ends when only the connection breaks; the next one tells.
                    self._state_ended.hush()
                    self._handles.watch(self._state_ended.ring)
                with silences.borne():
                    self._workers_wanted = self._handles.workers_wanted()
        except BackendLostError:
            # First, so that readiness is right from now on.
            self._is_lost = True
            raise

    def scale(self, count: int) -> None:
        self._workers_wanted = self._handles.scale(count)

    def workers_wanted(self) -> int:
        return self._workers_wanted

    def close(self) -> None:
        self._is_closed = True
        # On a cluster only this process takes no more jobs.
        if self._where.is_local:
            self._handles.close()

    def drain(self, seconds: float) -> dict[str, int]:
        return self._handles.drain(seconds) if self._where.is_local else {}

    def stop(self) -> None:
        self._is_closed = True
        if ray.is_initialized():
            disconnect()
        if self._relay is not None:
            self._relay.close()
            self._relay = None

    @staticmethod
    def remove(where: ClusterAddress, seconds: float) -> dict[str, int] | None:
        """See `workers.runtime.backends.remove_ray_backend`."""
        connect(where)
        try:
            handles = find(where)
            if handles is None:
                return None
            handles.close()
            unfinished = handles.drain(seconds)
            handles.end()
            return unfinished
        finally:
            disconnect()

    def _log_start(self, opening: Opening) -> None:
        self._log.info(
            "actors started" if opening.is_new else "actors found on the cluster",
            cluster=self._where.address or "local",
            namespace=self._where.namespace,
            backend=opening.backend_id,
            nodes=sum(node["Alive"] for node in ray.nodes()),
        )
        if opening.differing:
            self._log.warning(
                "these settings differ from those that the actors were started with, which stay",
                settings=opening.differing,
            )
