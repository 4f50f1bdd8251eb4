"""The registry of `GET /metrics`, with the backend's metrics at each scrape."""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.backend.circuit_breaker import BackendSilentError
from service.settings.settings import Settings
from workers import Backend, BackendLostError


def create_registry(backend: Backend, settings: Settings) -> CollectorRegistry:
    """Make a registry with the metrics of backend and process; the web side adds its own."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_BackendCollector(backend, settings.worker_concurrency))
    return registry


@dataclass(frozen=True, slots=True)
class _BackendCollector(Collector):
    """Collects from a backend whose `metrics` has a short deadline."""

    backend: Backend
    lanes_per_worker: int

    def collect(self) -> Iterator[Metric]:
        """Yield all families; only `imgup_board_up` and targets while the backend is down."""
        try:
            metrics = self.backend.mailbox.metrics()
        except (BackendSilentError, BackendLostError):
            metrics = ()
        yield GaugeMetricFamily("imgup_board_up", "Whether the job state answers.", bool(metrics))
        wanted = self.backend.workers_wanted()
        yield GaugeMetricFamily("imgup_workers_wanted", "Worker processes there should be.", wanted)
        lanes = wanted * self.lanes_per_worker
        yield GaugeMetricFamily("imgup_lanes", "Images that can be in work at once.", lanes)
        yield from metrics
