"""One line a request: who asked for what, and how it went.

Clients poll, and probes and scrapers ask for ever. What was read and answered well is therefore
said at level DEBUG; what changes something, and what is refused, at INFO.
"""

import logging
import time
from http import HTTPStatus
from typing import Final

import falcon
import structlog

from service.middleware.api_keys import owner_of
from service.requests.preferences import waited_seconds

_READS: Final = frozenset({"GET", "HEAD"})
_LONGEST_USER_AGENT = 120


class AccessLogMiddleware:
    """Says it when the answer is made; the time it takes to send a large one is not counted, nor is
    that which the client wanted it to wait.
    """

    def __init__(self) -> None:
        self._log = structlog.get_logger("access")

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Start the clock."""
        req.context.began = time.monotonic()

    def process_response(self, req: falcon.Request, resp: falcon.Response, *_: object) -> None:
        """Say how it went. Header fields but the user agent, the query and bodies stay out: they
        may hold keys.
        """
        is_well_read = req.method in _READS and resp.status_code < HTTPStatus.BAD_REQUEST
        if is_well_read and not self._log.is_enabled_for(logging.DEBUG):
            return  # a third of the time goes into what would not be written
        seconds = time.monotonic() - req.context.began - waited_seconds(req)
        say = self._log.debug if is_well_read else self._log.info
        say(
            "request",
            method=req.method,
            route=req.uri_template,
            path=falcon.uri.encode(req.path),
            status=resp.status_code,
            bytes=answer_bytes(req, resp),
            ms=round(seconds * 1000, 1),
            client=req.remote_addr,
            owner=owner_of(req) or None,
            user_agent=_shorten(req.user_agent),
        )


def answer_bytes(req: falcon.Request, resp: falcon.Response) -> int | None:
    """Length of an answer's body; None where it is not known before it is sent."""
    if req.method == "HEAD" or resp.status_code == HTTPStatus.NOT_MODIFIED:
        return 0
    if resp.stream is not None:
        length = resp.get_header("Content-Length")
        return None if length is None else int(length)
    return len(resp.data or (resp.text or "").encode())


def _shorten(user_agent: str | None) -> str | None:
    if not user_agent:
        return None
    shown = "".join(char if char.isprintable() else "?" for char in user_agent)
    return shown if len(shown) <= _LONGEST_USER_AGENT else shown[:_LONGEST_USER_AGENT] + "…"
