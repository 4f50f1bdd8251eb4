"""Headers of all responses."""

from collections.abc import Collection, Mapping
from typing import Final

import falcon
import structlog

from service.middleware.browser_origin import EXPOSED_HEADERS
from service.middleware.request_ids import HEADER as REQUEST_ID_HEADER, request_id_for

ALWAYS: Final = {
    # Browsers must not guess the media type.
    "X-Content-Type-Options": "nosniff",
    # In a browser a response loads nothing, runs nothing and is not framed.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    # Pages of other origins cannot embed a response as image, script or style.
    "Cross-Origin-Resource-Policy": "same-origin",
    # A job's id gives access to it, so links of a response must not disclose it.
    "Referrer-Policy": "no-referrer",
    # Responses are valid only now, as jobs change.
    "Cache-Control": "no-store",
}
"""Omitted on purpose: Strict-Transport-Security, which belongs to the TLS proxy;
Permissions-Policy, as only the page's scripts run; X-Frame-Options, the old form of
frame-ancestors."""

_SANDBOX: Final = {"X-Sandbox": "images go to the sandbox, not to the real Imgur"}


def refusal_headers(
    given: Mapping[str, str], *, sandbox: bool = False, cors_origins: Collection[str] = ()
) -> dict[str, str]:
    """Return the headers of the server's own responses to broken requests: those of all others.

    Args:
        given: the request's headers, as ``X_REQUEST_ID``.
        sandbox: whether images go to the sandbox.
        cors_origins: whose pages may read the response.
    """
    request_id = request_id_for(given.get(REQUEST_ID_HEADER.upper().replace("-", "_")))
    structlog.contextvars.bind_contextvars(request_id=request_id)
    headers = {REQUEST_ID_HEADER: request_id, **ALWAYS, **(_SANDBOX if sandbox else {})}
    if cors_origins:
        headers["Vary"] = "Origin"
    origin = given.get("ORIGIN")
    if origin is not None and origin in cors_origins:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = ", ".join(EXPOSED_HEADERS)
    return headers


class ResponseHeadersMiddleware:
    """Sets the headers of all responses, and that of the sandbox.

    Headers of a resource stay: the page has its own policy.
    """

    def __init__(self, *, sandbox: bool) -> None:
        self._headers = ALWAYS | (_SANDBOX if sandbox else {})

    def process_response(self, _req: falcon.Request, resp: falcon.Response, *_: object) -> None:
        """Set the headers, for problems too."""
        missing = {name for name in self._headers if resp.get_header(name) is None}
        resp.set_headers({name: self._headers[name] for name in missing})
