"""The metrics, for Prometheus."""

from dataclasses import dataclass

import falcon
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder


@dataclass(frozen=True, slots=True)
class MetricsResource:
    """GET /metrics, as text or OpenMetrics, by content negotiation."""

    registry: CollectorRegistry

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Collect and send the metrics."""
        encode, resp.content_type = choose_encoder(req.accept)
        resp.data = encode(self.registry)
