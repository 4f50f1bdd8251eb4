"""Headers of all responses."""

from typing import Final

import falcon

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
