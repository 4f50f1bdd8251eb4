"""Request ids, which correlate the log lines of a request and its job.

A client may send its own id (X-Request-ID), and the trace of the request (W3C Trace Context, level
1). Both are bound to the log of this thread and passed with a job.
"""

import re
import secrets
import time
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
    """Sets the id of a request first of all, and returns it in the response. Starts its clock."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Bind the id to all log lines of this thread, until the next request."""
        origin = Origin(
            request_id_for(req.get_header(HEADER)), child_trace(req.get_header("traceparent"))
        )
        req.context.origin = origin
        req.context.began = time.perf_counter()
        resp.set_header(HEADER, origin.request_id)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(**origin.log_fields())

    def process_response(self, _req: falcon.Request, _resp: falcon.Response, *_: object) -> None:
        structlog.contextvars.clear_contextvars()


def origin_of(req: falcon.Request) -> Origin:
    """Return the id and trace of a request, for its job."""
    origin: Origin = req.context.origin
    return origin


def request_id_for(given: str | None) -> str:
    """Return the client's request id if it is safe to repeat, else a new one."""
    if given is not None and _SAFE_ID.fullmatch(given):
        return given
    return str(uuid.uuid4())


def child_trace(given: str | None) -> str:
    """Return the `traceparent` for requests that follow from a request with the given one.

    The same trace with a new parent id; empty without a valid one (W3C Trace Context, section
    3.2.2), as spans of this service are not collected.
    """
    found = _TRACE_PARENT.fullmatch(given or "")
    if found is None or found["version"] == _NO_VERSION:
        return ""
    if found["version"] == _FIRST_VERSION and found["more"]:
        return ""  # only later versions may have more fields (section 3.2.4)
    if not int(found["trace"], 16) or not int(found["parent"], 16):
        return ""
    flags = int(found["flags"], 16) & _SAMPLED  # the only flag of level 1
    return f"{_FIRST_VERSION}-{found['trace']}-{secrets.token_hex(_SPAN_BYTES)}-{flags:02x}"
