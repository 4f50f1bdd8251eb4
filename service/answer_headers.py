"""The headers that every answer carries."""

from typing import Final

import falcon

ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    # Every answer is true only now; a job moves on.
    "Cache-Control": "no-store",
}


class AnswerHeadersMiddleware:
    """Keeps answers out of caches and browsers from guessing, and says where images go.

    Args:
        sandbox: whether images go to the sandbox instead of Imgur.
    """

    def __init__(self, *, sandbox: bool) -> None:
        self._headers = dict(ALWAYS)
        if sandbox:
            self._headers["X-Sandbox"] = "images go to the sandbox, not to the real Imgur"

    def process_response(
        self,
        _req: falcon.Request,
        resp: falcon.Response,
        _resource: object,
        _req_succeeded: bool,  # noqa: FBT001 - the framework's signature
    ) -> None:
        """Add them, to problems as well."""
        resp.set_headers(self._headers)
