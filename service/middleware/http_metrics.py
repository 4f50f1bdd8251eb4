"""Metrics of HTTP requests.

Labelled by route template, not path: each job id would be a series.
"""

import time
from functools import cache
from typing import Final

import falcon
from prometheus_client import CollectorRegistry, Counter, Histogram

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER: Final = "other"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Buckets in seconds. A status takes 1 ms, a job of 100,000 URLs 0.5 s, and a request waits 3 s for
a backend that does not respond. The wait that a client asked for does not count."""


class HttpMetricsMiddleware:
    """Counts each request by its route, method and status."""

    def __init__(self, registry: CollectorRegistry) -> None:
        requests = Counter(
            "imgup_http_requests",
            "HTTP requests answered.",
            ("route", "method", "status"),
            registry=registry,
        )
        seconds = Histogram(
            "imgup_http_request_seconds",
            "Time until an HTTP answer was made.",
            ("route", "method"),
            buckets=_BUCKETS,
            registry=registry,
        )

        @cache  # the lookup takes as long as all the rest
        def series(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
            return requests.labels(route, method, str(status)), seconds.labels(route, method)

        self._series = series

    def process_response(self, req: falcon.Request, resp: falcon.Response, *_: object) -> None:
        route = req.uri_template or _OTHER
        method = req.method if req.method in _METHODS else _OTHER
        requests, seconds = self._series(route, method, resp.status_code)
        requests.inc()
        seconds.observe(time.perf_counter() - req.context.began)
