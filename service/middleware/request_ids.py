"""Names each request, so that its lines in the log can be found: here, and wherever it goes on.

A client may bring a name of its own (X-Request-ID) and the trace that the request is part of
(W3C Trace Context, level 1). Both are bound to the log of this thread and go along with a job.
"""

import re
import secrets
import uuid
from typing import Final

import falcon
import structlog

from workers import Origin

HEADER: Final = "X-Request-ID"

_SAFE_ID = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,128}", re.ASCII)
_TRACE_PARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?",
    re.ASCII,
)
_NO_VERSION = "ff"
_FIRST_VERSION = "00"
_SAMPLED = 1
_SPAN_BYTES = 8


class RequestIdMiddleware:
    """Names a request before anything else is done with it, and says the name in the answer."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Bind the name to every log line of this thread, until the next request."""
        origin = Origin(
            request_id_for(req.get_header(HEADER)), child_trace(req.get_header("traceparent"))
        )
        req.context.origin = origin
        resp.set_header(HEADER, origin.request_id)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(**origin.log_fields())

    def process_response(self, _req: falcon.Request, _resp: falcon.Response, *_: object) -> None:
        """The thread's next line may be about something else."""
        structlog.contextvars.clear_contextvars()


def origin_of(req: falcon.Request) -> Origin:
    """What a request is called, for whatever comes of it."""
    origin: Origin = req.context.origin
    return origin


def request_id_for(given: str | None) -> str:
    """The client's own name for its request if that is safe to repeat, else a new one."""
    if given is not None and _SAFE_ID.fullmatch(given):
        return given
    return str(uuid.uuid4())


def child_trace(given: str | None) -> str:
    """The `traceparent` for what follows from a request.

    Args:
        given: the request's own.

    Returns:
        The same trace with a new parent, or nothing where the request has none that is valid (W3C
        Trace Context, section 3.2.2): no trace is begun here, as nobody would collect it.
    """
    found = _TRACE_PARENT.fullmatch(given or "")
    if found is None or found["version"] == _NO_VERSION:
        return ""
    if found["version"] == _FIRST_VERSION and found["more"]:
        return ""  # later versions may say more, this one may not (section 3.2.4)
    if not int(found["trace"], 16) or not int(found["parent"], 16):
        return ""
    flags = int(found["flags"], 16) & _SAMPLED  # the only flag that level 1 knows
    return f"{_FIRST_VERSION}-{found['trace']}-{secrets.token_hex(_SPAN_BYTES)}-{flags:02x}"
