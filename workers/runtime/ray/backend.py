"""The backend on a Ray cluster, as used by a web process."""

import multiprocessing.connection
from typing import Any

import ray
import structlog

from workers.contract.backend import BackendLostError
from workers.contract.wakeup_pipe import WakeupPipe
from workers.runtime.backend_config import BackendConfig
from workers.runtime.backend_log import log_recovered
from workers.runtime.managed_backend import BackendError, HealthReader, Wakeup
from workers.runtime.ray.actors import find_or_start
from workers.runtime.ray.calls import Silences, StateLostError
from workers.runtime.ray.connection import connect, disconnect
from workers.runtime.ray.environment import ClusterAddress
from workers.runtime.ray.log_relay import LogRelay
from workers.runtime.ray.state_actor import Opening
from workers.runtime.supervisor import CHECK_SECONDS


class RayBackend(HealthReader):
    """A `Backend` whose state and workers are actors.

    On an existing cluster all web processes share them, and they outlive each of these. On a Ray
    instance that this process has started they end with it.

    Args:
        config: the settings; on a cluster, those of the first web process apply.
        where: the cluster.
    """

    def __init__(self, config: BackendConfig, where: ClusterAddress) -> None:
        self._config = config
        self._where = where
        self._workers_wanted = config.worker_count
        self._max_workers = config.scaling.most
        self._relay: LogRelay | None = None
        self._log = structlog.get_logger("backend")

    @property
    def outlives_service(self) -> bool:
        return not self._where.is_local

    def start(self) -> None:
        """Join or start the cluster; find or start the actors.

        Raises:
            BackendError: the cluster cannot be reached, or its state does not respond.
            JournalError: the journal cannot be used.
        """
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
        self._tell(opening)

    def supervise(self, wakeup: Wakeup) -> None:
        """Watch the state until `wakeup` is readable; a supervisor actor watches the workers.

        Raises:
            BackendLostError: the state actor died or does not respond.
        """
        sentinels_watched: list[Any] = [wakeup, self._state_ended]
        silences = Silences()
        try:
            while wakeup not in (
                ready := multiprocessing.connection.wait(sentinels_watched, CHECK_SECONDS)
            ):
                if ready:
                    raise StateLostError("The state actor died.")
                with silences.borne():
                    self._workers_wanted = self._handles.workers_wanted()
        except BackendLostError:
            # First, so that readiness is right from now on.
            self._is_lost = True
            raise

    def scale(self, count: int) -> None:
        self._workers_wanted = self._handles.scale(count)

    def close(self) -> None:
        """Take no more jobs; on a cluster this applies to this process only."""
        self._is_closed = True
        if self._where.is_local:
            self._handles.close()

    def drain(self, seconds: float) -> dict[str, int]:
        """After `close`: wait for the leased URLs; on a cluster return at once.

        Raises:
            BackendLostError: the state actor died meanwhile.
        """
        return self._handles.drain(seconds) if self._where.is_local else {}

    def stop(self) -> None:
        """Leave the cluster; a Ray instance of this process ends, with all actors."""
        self._is_closed = True
        if ray.is_initialized():
            disconnect()
        if self._relay is not None:
            self._relay.close()
            self._relay = None

    def _tell(self, opening: Opening) -> None:
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
        if opening.recovered is not None and self._config.journal_path is not None:
            log_recovered(self._config.journal_path, opening.recovered)
