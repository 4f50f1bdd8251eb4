"""The web application: routes and middleware, nothing else."""

from functools import cache
from typing import Any

import falcon
from falcon.routing import CompiledRouter
from prometheus_client import CollectorRegistry

from service.backend.circuit_breaker import CircuitBreaker
from service.backend.metrics import create_registry
from service.events.broadcaster import Broadcaster
from service.events.waiting import WaitMiddleware
from service.http.client_address import ClientAddressMiddleware
from service.http.large_responses import LargeResponses
from service.http.refused_request import RefusalMiddleware
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
from service.middleware.request_ids import RequestIdMiddleware
from service.middleware.response_headers import ResponseHeadersMiddleware
from service.middleware.throttle import ThrottleMiddleware
from service.openapi.document import describe
from service.pages.page_files import PageFiles
from service.pages.pages import docs_page, stylesheet
from service.problems.problems import render_problems
from service.rendering.rendered import Document, render
from service.resources.administration import LimitsResource, OpeningResource, WorkersResource
from service.resources.deletions import AlbumDeletionResource, DeletionResource
from service.resources.events import EventsResource
from service.resources.health import LivenessResource, MetricsResource, ReadinessResource
from service.resources.jobs import ImagesResource, JobsResource
from service.resources.pages import (
    DocumentResource,
    IndexResource,
    PageFileResource,
    ProblemResource,
)
from service.resources.uploads import (
    ForecastResource,
    RetryResource,
    UploadResource,
    UploadsResource,
)
from service.settings.settings import Settings
from service.views.forecast import Forecasts
from service.views.job_views import JobViews
from service.views.link_views import LinkViews
from workers import Backend

App = falcon.App[falcon.Request, falcon.Response]


class _Router(CompiledRouter):
    """Handles HEAD like GET; the server omits the body."""

    def map_http_methods(self, resource: object, **keywords: Any) -> Any:  # noqa: ANN401 - the parent's
        methods = super().map_http_methods(resource, **keywords)
        return methods | {"HEAD": methods["GET"]} if "GET" in methods else methods


def create_app(backend: Backend, settings: Settings, sandbox_url: str | None = None) -> App:
    """Make the web application; `sandbox_url` is that of the sandbox on this machine, if any."""
    app = falcon.App(router=_Router())
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
    resources = (
        _job_resources(gate, settings, forecasts, broadcaster)
        | _administration(gate, settings, registry)
        | _pages(settings, sandbox_url)
    )
    for path, resource in resources.items():
        app.add_route(path, resource)
    return app


def _add_middleware(app: App, settings: Settings, registry: CollectorRegistry) -> None:
    # The first one processes the response last.
    app.add_middleware(RequestIdMiddleware())
    if settings.access_log == "on":
        app.add_middleware(AccessLogMiddleware())
    app.add_middleware(HttpMetricsMiddleware(registry))
    app.add_middleware(ResponseHeadersMiddleware(sandbox=settings.sandbox_applies))
    app.add_middleware(ClientAddressMiddleware(settings.trusted_proxies))
    app.add_middleware(RefusalMiddleware())
    app.add_middleware(BrowserOriginMiddleware(settings.allowed_hosts, settings.cors_origins))
    if settings.cors_origins:
        app.add_middleware(falcon.CORSMiddleware(settings.cors_origins, EXPOSED_HEADERS))
    keys = ApiKeys(settings.api_keys) if settings.api_keys else None
    if settings.rate_limit is not None:
        limiter = RateLimiter(settings.rate_limit, settings.rate_limit_burst)
        app.add_middleware(ThrottleMiddleware(limiter, keys))
    if keys is not None:
        app.add_middleware(ApiKeyMiddleware(keys, AdminKey(settings.admin_key)))


def _job_resources(
    backend: CircuitBreaker, settings: Settings, forecasts: Forecasts, broadcaster: Broadcaster
) -> dict[str, object]:
    sandbox, view_bytes = settings.sandbox_applies, settings.views_bytes
    responses = LargeResponses(settings.answers_bytes)
    links = LinkViews(backend.job_table, sandbox=sandbox, max_bytes=view_bytes)
    jobs = JobViews(backend.job_table, sandbox=sandbox, max_bytes=view_bytes)
    job = "/v1/images/upload/{job_id}"
    return {
        "/v1/images": ImagesResource(links, responses),
        "/v1/images/upload": UploadsResource(backend, settings),
        "/v1/jobs": JobsResource(backend, sandbox),
        job: UploadResource(backend, jobs, responses),
        f"{job}/retry": RetryResource(backend),
        f"{job}/images/{{index}}": DeletionResource(backend),
        f"{job}/album": AlbumDeletionResource(backend),
        f"{job}/events": EventsResource(backend, broadcaster, forecasts, sandbox),
        f"{job}/forecast": ForecastResource(backend, forecasts, sandbox),
    }


def _administration(
    backend: CircuitBreaker, settings: Settings, registry: CollectorRegistry
) -> dict[str, object]:
    sandbox, admin_key = settings.sandbox_applies, AdminKey(settings.admin_key)
    limits = LimitsResource(backend, sandbox)
    is_automatic = settings.worker_count_max is not None
    return {
        "/v1/limits": limits,
        OPENING_PATH: OpeningResource(backend, admin_key, limits),
        WORKERS_PATH: WorkersResource(backend, admin_key, settings.max_workers, is_automatic),
        "/healthz": LivenessResource(),
        "/readyz": ReadinessResource(backend, sandbox),
        "/metrics": MetricsResource(registry),
    }


def _pages(settings: Settings, sandbox_url: str | None) -> dict[str, object]:
    files = PageFiles()
    described = cache(lambda: describe(settings))  # shared by both
    as_json = cache(lambda: Document(render(described()), falcon.MEDIA_JSON))
    return {
        "/": IndexResource(files.front, settings, sandbox_url),
        "/page/{version}/{name}": PageFileResource(files),
        "/openapi.json": DocumentResource(as_json),
        "/docs": DocumentResource(cache(lambda: docs_page(described()))),
        "/docs/style.css": DocumentResource(stylesheet),
        "/problems/{code}": ProblemResource(),
    }
