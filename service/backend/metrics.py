"""The registry of `GET /metrics`."""

from prometheus_client import CollectorRegistry, ProcessCollector

from service.backend.collector import BackendCollector
from service.settings.settings import Settings
from workers import Backend


def create_registry(backend: Backend, settings: Settings) -> CollectorRegistry:
    """Make a registry with the metrics of backend and process; the web side adds its own.

    Args:
        backend: has the metrics, collected at each scrape.
        settings: for the number of lanes of a worker.
    """
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(BackendCollector(backend, lanes=settings.worker_concurrency))
    return registry
