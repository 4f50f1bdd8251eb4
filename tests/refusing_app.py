"""An application of a test's own, with the service's responses to refused requests."""

from typing import TYPE_CHECKING

import falcon

from service.http.refused_request import ENVIRON_KEY, RefusalMiddleware
from service.middleware.request_ids import RequestIdMiddleware
from service.middleware.response_headers import ResponseHeadersMiddleware
from service.problems.problems import render_problems

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def refusing(app: "WSGIApplication") -> "WSGIApplication":
    refuse = falcon.App(
        middleware=[
            RequestIdMiddleware(),
            ResponseHeadersMiddleware(sandbox=False),
            RefusalMiddleware(),
        ]
    )
    render_problems(refuse)
    return lambda environ, start_response: (refuse if ENVIRON_KEY in environ else app)(
        environ, start_response
    )
