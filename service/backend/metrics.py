"""All that `GET /metrics` shows, put together."""

from prometheus_client import CollectorRegistry, ProcessCollector

from service.backend.collector import BoardCollector
from service.settings.settings import Settings
from workers import Board


def create_registry(board: Board, settings: Settings) -> CollectorRegistry:
    """A registry with the board's figures and those of this process; the web side adds its own.

    Args:
        board: whose figures are asked for at each scrape.
        settings: how many lanes a worker has.
    """
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(BoardCollector(board, lanes=settings.worker_concurrency))
    return registry
