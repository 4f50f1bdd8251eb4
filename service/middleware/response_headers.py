"""The headers that every answer carries."""

from typing import Final

import falcon

ALWAYS: Final = {
    # A browser takes an answer for what it is declared as, and never for a page.
    "X-Content-Type-Options": "nosniff",
    # Opened in a browser, an answer loads nothing, runs nothing and is shown in nobody's frame.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    # Pages of other origins cannot pull an answer in as their image, script or style.
    "Cross-Origin-Resource-Policy": "same-origin",
    # Who knows a job's id sees the job: following a link out of an answer does not tell the id.
    "Referrer-Policy": "no-referrer",
    # Every answer is true only now; a job moves on.
    "Cache-Control": "no-store",
}
"""Left out on purpose: Strict-Transport-Security is for whoever ends TLS in front of this service;
Permissions-Policy restricts scripts, and none but those of the page run; X-Frame-Options is the
old form of frame-ancestors."""


class ResponseHeadersMiddleware:
    """Sets the headers that every answer carries, and says where images go.

    What a resource has set itself stays: a page needs a policy of its own.

    Args:
        sandbox: whether images go to the sandbox instead of Imgur.
    """

    def __init__(self, *, sandbox: bool) -> None:
        self._headers = dict(ALWAYS)
        if sandbox:
            self._headers["X-Sandbox"] = "images go to the sandbox, not to the real Imgur"

    def process_response(self, _req: falcon.Request, resp: falcon.Response, *_: object) -> None:
        """Add them, to problems as well."""
        missing = {name for name in self._headers if resp.get_header(name) is None}
        resp.set_headers({name: self._headers[name] for name in missing})
