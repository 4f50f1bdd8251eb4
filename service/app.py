"""The web application: routes and middleware, nothing else."""

import falcon

from service.answer_headers import AnswerHeadersMiddleware
from service.api_keys import ApiKeyMiddleware, ApiKeys
from service.board_gate import BoardGate
from service.client_address import ClientAddressMiddleware
from service.problems import render_problems
from service.rate_limit import RateLimiter
from service.resources.description import DescriptionResource
from service.resources.health import LivenessResource, ReadinessResource
from service.resources.images import ImagesResource
from service.resources.index import IndexResource
from service.resources.uploads import UploadResource, UploadsResource
from service.settings import Settings
from service.throttle import ThrottleMiddleware
from workers import Board

App = falcon.App[falcon.Request, falcon.Response]


def create_app(board: Board, settings: Settings) -> App:
    """Put the web side together.

    Args:
        board: takes jobs and tells how they stand.
        settings: limits, keys, and whether the sandbox applies.
    """
    app = falcon.App()
    _add_middleware(app, settings)
    render_problems(app)
    _add_routes(app, BoardGate(board), settings)
    return app


def _add_middleware(app: App, settings: Settings) -> None:
    app.add_middleware(AnswerHeadersMiddleware(sandbox=settings.sandbox_applies))
    app.add_middleware(ClientAddressMiddleware(settings.trusted_proxies))
    keys = ApiKeys(settings.api_keys) if settings.api_keys else None
    if settings.rate_limit is not None:
        limiter = RateLimiter(settings.rate_limit, settings.rate_limit_burst)
        app.add_middleware(ThrottleMiddleware(limiter, keys))
    if keys is not None:
        app.add_middleware(ApiKeyMiddleware(keys))


def _add_routes(app: App, board: BoardGate, settings: Settings) -> None:
    sandbox = settings.sandbox_applies
    app.add_route("/", IndexResource(sandbox=sandbox))
    app.add_route("/openapi.json", DescriptionResource(settings))
    app.add_route("/healthz", LivenessResource())
    app.add_route(
        "/readyz", ReadinessResource(board, workers=settings.worker_count, sandbox=sandbox)
    )
    app.add_route("/v1/images", ImagesResource(board, sandbox=sandbox))
    app.add_route(
        "/v1/images/upload",
        UploadsResource(
            board,
            max_body_bytes=settings.max_body_bytes,
            max_urls=settings.max_urls_per_job,
        ),
    )
    app.add_route("/v1/images/upload/{job_id}", UploadResource(board, sandbox=sandbox))
