"""The web application: routes and middleware, nothing else."""

import falcon

from service.answer_headers import AnswerHeadersMiddleware
from service.api_keys import ApiKeyMiddleware
from service.problems import render_problems
from service.resources.health import LivenessResource, ReadinessResource
from service.resources.images import ImagesResource
from service.resources.index import IndexResource
from service.resources.uploads import UploadResource, UploadsResource
from service.settings import Settings
from workers import Board


def create_app(board: Board, settings: Settings) -> falcon.App[falcon.Request, falcon.Response]:
    """Put the web side together.

    Args:
        board: takes jobs and tells how they stand.
        settings: limits, keys, and whether the sandbox applies.
    """
    sandbox = settings.sandbox_applies
    app = falcon.App(middleware=AnswerHeadersMiddleware(sandbox=sandbox))
    if settings.api_keys:
        app.add_middleware(ApiKeyMiddleware(settings.api_keys))
    render_problems(app)
    app.add_route("/", IndexResource(sandbox=sandbox))
    app.add_route("/healthz", LivenessResource())
    app.add_route("/readyz", ReadinessResource(board, sandbox=sandbox))
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
    return app
