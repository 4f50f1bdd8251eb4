"""Collects the backend's metrics at each scrape."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.backend.circuit_breaker import BackendSilentError
from workers import Backend, BackendBusyError, BackendLostError


class BackendCollector(Collector):
    """Collects from a backend whose `metrics` has a short deadline.

    Args:
        backend: has the metrics.
        lanes: number of lanes of a worker.
    """

    def __init__(self, backend: Backend, *, lanes: int) -> None:
        self._backend = backend
        self._lanes = lanes

    def collect(self) -> Iterator[Metric]:
        """Yield all families; only `imgup_board_up` and targets while the backend is down."""
        try:
            metrics = self._backend.mailbox.metrics()
        except (BackendSilentError, BackendLostError, BackendBusyError):
            metrics = ()
        yield _gauge("imgup_board_up", "Whether the job state answers.", bool(metrics))
        workers = self._backend.workers_wanted()
        yield _gauge("imgup_workers_wanted", "Worker processes there should be.", workers)
        lanes = workers * self._lanes
        yield _gauge("imgup_lanes", "Images that can be in work at once.", lanes)
        yield from metrics


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)
