"""The access log: one line per request.

Clients, probes and scrapers poll. So successful reads are logged at level DEBUG; changes and
refusals at INFO.
"""

import logging
import time
from http import HTTPStatus
from typing import Final

import falcon
import structlog

from service.middleware.api_keys import owner_of

_READS: Final = frozenset({"GET", "HEAD"})
_LONGEST_USER_AGENT = 120


class AccessLogMiddleware:
    """Logs once the response is built. The duration excludes sending it, and the wait that the
    client asked for.
    """

    def __init__(self) -> None:
        self._log = structlog.get_logger("access")

    def process_response(self, req: falcon.Request, resp: falcon.Response, *_: object) -> None:
        """Log the request, without query, bodies and header fields except the user agent: they may
        hold keys.
        """
        is_well_read = req.method in _READS and resp.status_code < HTTPStatus.BAD_REQUEST
        if is_well_read and not self._log.is_enabled_for(logging.DEBUG):
            return  # building a line that is not written takes a third of the time
        log_line = self._log.debug if is_well_read else self._log.info
        log_line(
            "request",
            method=req.method,
            route=req.uri_template,
            path=falcon.uri.encode(req.path),
            status=resp.status_code,
            bytes=answer_bytes(req, resp),
            ms=round((time.perf_counter() - req.context.began) * 1000, 1),
            client=req.remote_addr,
            owner=owner_of(req) or None,
            user_agent=_shorten(req.user_agent),
        )


def log_change(req: falcon.Request, event: str, **fields: object) -> None:
    """Log an accepted change of a job, with its client."""
    client, owner = req.remote_addr, owner_of(req) or None
    structlog.get_logger("http").info(event, **fields, client=client, owner=owner)


def answer_bytes(req: falcon.Request, resp: falcon.Response) -> int | None:
    """Return the length of a response's body; None if not known in advance."""
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
