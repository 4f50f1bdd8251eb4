"""The job board's figures as Prometheus metrics: asked for once a scrape, kept nowhere here."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.backend.circuit_breaker import BackendSilentError
from workers import Backend, BackendBusyError, BackendLostError


class BackendCollector(Collector):
    """Collects from a board that answers within a moment, or says that it is down.

    Args:
        backend: whose figures they are; its `metrics` does not wait for long.
        lanes: images in work at once in one of them.
    """

    def __init__(self, backend: Backend, *, lanes: int) -> None:
        self._backend = backend
        self._lanes = lanes

    def collect(self) -> Iterator[Metric]:
        """All families; only `imgup_board_up` and what there should be while the board is down."""
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
