"""The metrics, for Prometheus."""

import falcon
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder


class MetricsResource:
    """GET /metrics, as text or OpenMetrics, by content negotiation.

    Args:
        registry: of the metrics.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Collect and send the metrics."""
        encode, resp.content_type = choose_encoder(req.accept)
        resp.data = encode(self._registry)

    on_head = on_get
