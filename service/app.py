"""The web application: routes and middleware, nothing else."""

from functools import cache

import falcon
from prometheus_client import CollectorRegistry

from service.backend.circuit_breaker import CircuitBreaker
from service.backend.metrics import create_registry
from service.events.broadcaster import Broadcaster
from service.events.waiting import WaitMiddleware
from service.http.client_address import ClientAddressMiddleware
from service.http.large_responses import LargeResponses
from service.http.refused_request import RefusalFormat
from service.middleware.access_log import AccessLogMiddleware
from service.middleware.api_keys import (
    OPENING_PATH,
    WORKERS_PATH,
    AdminKey,
    ApiKeyMiddleware,
    ApiKeys,
)
from service.middleware.browser_origin import EXPOSED_HEADERS, BrowserOriginMiddleware
from service.middleware.http_metrics import HttpMetricsMiddleware
from service.middleware.rate_limit import RateLimiter
from service.middleware.request_ids import HEADER as REQUEST_ID_HEADER
from service.middleware.request_ids import RequestIdMiddleware, request_id_for
from service.middleware.response_headers import ALWAYS, ResponseHeadersMiddleware
from service.middleware.throttle import ThrottleMiddleware
from service.openapi import describe
from service.pages.docs_page import docs_page
from service.pages.page_files import PageFiles
from service.pages.pages import stylesheet
from service.problems.problems import render_problems
from service.rendering.documents import Document
from service.rendering.rendered import render
from service.resources.deletions import AlbumDeletionResource, DeletionResource
from service.resources.documents import DocumentResource
from service.resources.events import EventsResource
from service.resources.forecast import ForecastResource
from service.resources.health import LivenessResource, ReadinessResource
from service.resources.images import ImagesResource
from service.resources.index import IndexResource
from service.resources.jobs import JobsResource
from service.resources.limits import LimitsResource, OpeningResource
from service.resources.metrics import MetricsResource
from service.resources.page import PageFileResource
from service.resources.problems import ProblemResource
from service.resources.retry import RetryResource
from service.resources.uploads import UploadResource, UploadsResource
from service.resources.workers import WorkersResource
from service.settings.settings import Settings
from service.views.forecast import Forecasts
from service.views.job_views import JobViews
from service.views.link_views import LinkViews
from workers import Backend

App = falcon.App[falcon.Request, falcon.Response]

REFUSALS = RefusalFormat(ALWAYS, REQUEST_ID_HEADER, request_id_for)
"""Headers of the server's own responses to broken requests: the same as of all others."""


def create_app(backend: Backend, settings: Settings, sandbox_url: str | None = None) -> App:
    """Make the web application.

    Args:
        backend: takes jobs and reports their state.
        settings: limits, keys, and whether the sandbox applies.
        sandbox_url: URL of the sandbox on this machine, if there is one.
    """
    app = falcon.App()
    app.req_options.strip_url_path_trailing_slash = True
    gate = CircuitBreaker(backend)
    registry = create_registry(gate, settings)
    _add_middleware(app, settings, registry)
    render_problems(app)
    sandbox = settings.sandbox_applies
    forecasts = Forecasts(gate, sandbox=sandbox)
    broadcaster = Broadcaster(gate, forecasts, sandbox=sandbox)
    # After all others: only a valid request waits.
    app.add_middleware(
        WaitMiddleware(gate, broadcaster, submission=UploadsResource, status=UploadResource)
    )
    _add_routes(app, gate, settings)
    _add_forecasts(app, gate, forecasts, broadcaster, sandbox=sandbox)
    _add_limits(app, gate, settings)
    _add_pages(app, settings, registry, sandbox_url)
    return app


def _add_middleware(app: App, settings: Settings, registry: CollectorRegistry) -> None:
    # The first one processes the response last.
    app.add_middleware(RequestIdMiddleware())
    if settings.access_log == "on":
        app.add_middleware(AccessLogMiddleware())
    app.add_middleware(HttpMetricsMiddleware(registry))
    app.add_middleware(ResponseHeadersMiddleware(sandbox=settings.sandbox_applies))
    app.add_middleware(ClientAddressMiddleware(settings.trusted_proxies))
    app.add_middleware(BrowserOriginMiddleware(settings.allowed_hosts, settings.cors_origins))
    if settings.cors_origins:
        app.add_middleware(falcon.CORSMiddleware(settings.cors_origins, EXPOSED_HEADERS))
    keys = ApiKeys(settings.api_keys) if settings.api_keys else None
    if settings.rate_limit is not None:
        limiter = RateLimiter(settings.rate_limit, settings.rate_limit_burst)
        app.add_middleware(ThrottleMiddleware(limiter, keys))
    if keys is not None:
        app.add_middleware(ApiKeyMiddleware(keys, AdminKey(settings.admin_key)))


def _add_routes(app: App, backend: CircuitBreaker, settings: Settings) -> None:
    sandbox = settings.sandbox_applies
    app.add_route("/healthz", LivenessResource())
    app.add_route("/readyz", ReadinessResource(backend, sandbox=sandbox))
    answers = LargeResponses(settings.answers_bytes)
    links = LinkViews(backend.job_table, sandbox=sandbox, max_bytes=settings.views_bytes)
    app.add_route("/v1/images", ImagesResource(links, answers))
    app.add_route(
        "/v1/images/upload",
        UploadsResource(
            backend,
            max_body_bytes=settings.max_body_bytes,
            max_urls=settings.max_urls_per_job,
            max_image_bytes=settings.max_image_bytes,
            webhooks=settings.webhook_secret is not None,
        ),
    )
    app.add_route("/v1/images/upload/{job_id}/images/{index}", DeletionResource(backend))
    app.add_route("/v1/images/upload/{job_id}/album", AlbumDeletionResource(backend))
    jobs = JobViews(backend.job_table, sandbox=sandbox, max_bytes=settings.views_bytes)
    app.add_route("/v1/images/upload/{job_id}", UploadResource(backend, jobs, answers))
    app.add_route("/v1/images/upload/{job_id}/retry", RetryResource(backend))
    app.add_route("/v1/jobs", JobsResource(backend, sandbox=sandbox))
    app.add_route(
        WORKERS_PATH,
        WorkersResource(
            backend,
            AdminKey(settings.admin_key),
            most=settings.max_workers,
            automatic=settings.worker_count_max is not None,
        ),
    )


def _add_forecasts(
    app: App,
    backend: CircuitBreaker,
    forecasts: Forecasts,
    broadcaster: Broadcaster,
    *,
    sandbox: bool,
) -> None:
    """The routes of jobs."""
    path = "/v1/images/upload/{job_id}"
    app.add_route(
        f"{path}/events", EventsResource(backend, broadcaster, forecasts, sandbox=sandbox)
    )
    app.add_route(f"{path}/forecast", ForecastResource(backend, forecasts, sandbox=sandbox))


def _add_limits(app: App, backend: CircuitBreaker, settings: Settings) -> None:
    limits = LimitsResource(backend, sandbox=settings.sandbox_applies)
    app.add_route("/v1/limits", limits)
    app.add_route(OPENING_PATH, OpeningResource(backend, AdminKey(settings.admin_key), limits))


def _add_pages(
    app: App, settings: Settings, registry: CollectorRegistry, sandbox_url: str | None
) -> None:
    """The routes of the service itself."""
    files = PageFiles()
    index = IndexResource(
        files.front,
        sandbox=settings.sandbox_applies,
        sandbox_url=sandbox_url,
        max_urls=settings.max_urls_per_job,
    )
    app.add_route("/", index)
    app.add_route("/page/{version}/{name}", PageFileResource(files))
    app.add_route("/metrics", MetricsResource(registry))
    described = cache(lambda: describe(settings))  # shared by both
    as_json = DocumentResource(lambda: Document(render(described()), falcon.MEDIA_JSON))
    app.add_route("/openapi.json", as_json)
    app.add_route("/docs", DocumentResource(lambda: docs_page(described())))
    app.add_route("/docs/style.css", DocumentResource(stylesheet))
    app.add_route("/problems/{code}", ProblemResource())
