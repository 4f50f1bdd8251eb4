"""All that `GET /metrics` shows, put together."""

from prometheus_client import CollectorRegistry, ProcessCollector

from service.backend.collector import BackendCollector
from service.settings.settings import Settings
from workers import Backend


def create_registry(backend: Backend, settings: Settings) -> CollectorRegistry:
    """A registry with the board's figures and those of this process; the web side adds its own.

    Args:
        backend: whose figures are asked for at each scrape.
        settings: how many lanes a worker has.
    """
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(BackendCollector(backend, lanes=settings.worker_concurrency))
    return registry
