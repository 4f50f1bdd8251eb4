"""The parts that routes are described by: query parameters, headers and responses."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from service.problems.catalog import CATALOG
from service.problems.problems import MEDIA_TYPE
from service.requests.headers import LONGEST_KEY, LONGEST_WAIT_SECONDS
from service.requests.paging import (
    DEFAULT_ENTRIES,
    DEFAULT_JOBS,
    LAST_CURSOR,
    MAX_ENTRIES,
    MAX_JOBS,
)
from workers import JobStatus


def _parameter(where: str, name: str, description: str, **schema: object) -> dict[str, Any]:
    return {
        "name": name,
        "in": where,
        "required": where == "path",
        "description": description,
        "schema": {"type": "string"} | schema,
    }


def _number(where: str, name: str, description: str, least: int, **more: int) -> dict[str, Any]:
    return _parameter(where, name, description, type="integer", minimum=least, **more)


# Without defaults, which many generated clients send: without both parameters all is shown.
PAGE_PARAMETERS: Final = [
    _number(
        "query",
        "limit",
        "Show a page of so many entries at most, in place of all; "
        f"{DEFAULT_ENTRIES} where only `cursor` is given.",
        1,
        maximum=MAX_ENTRIES,
    ),
    _number(
        "query",
        "cursor",
        "The entry to begin with, counted from 0: `next` of the page before. Given "
        "alone, it shows a page as well; beyond the end, an empty one.",
        0,
        maximum=LAST_CURSOR,
    ),
]
TIMELINE: Final = _parameter(
    "query",
    "timeline",
    "1 shows what happened to each URL, and when; given alone, on a page.",
    enum=["0", "1"],
    default="0",
)
PATH_PARAMETERS: Final = {
    "jobId": _parameter("path", "jobId", "Id of the job.", format="uuid"),
    "index": _number("path", "index", "The image's index in `results`, counted from 0.", 0),
    "code": _parameter("path", "code", "Code of the problem.", enum=sorted(CATALOG)),
}
JOB_PARAMETERS: Final = [
    _parameter(
        "query", "status", "Only jobs of this status.", enum=[status.value for status in JobStatus]
    ),
    _number("query", "limit", "So many jobs at most.", 1, maximum=MAX_JOBS, default=DEFAULT_JOBS),
    _number("query", "cursor", "Begin behind the page before: its `next`.", 1, maximum=LAST_CURSOR),
]
KEY: Final = _parameter(
    "header",
    "Idempotency-Key",
    "Sent again with the same body, the request is answered with the job it made.",
    minLength=1,
    maxLength=LONGEST_KEY,
    pattern="^[!#-~]+$",
)
PREFER: Final = _parameter(
    "header",
    "Prefer",
    "`wait=N` has the answer wait for the job's end, for N seconds at most and no "
    f"longer than {LONGEST_WAIT_SECONDS} (RFC 7240).",
)
KNOWN_TAGS: Final = _parameter(
    "header", "If-None-Match", "`ETag` of an answer that is at hand: 304 if it is still true."
)
SNAPSHOT_LIMIT: Final = _number(
    "query",
    "limit",
    "So many entries of `results` at most in a snapshot.",
    1,
    maximum=MAX_ENTRIES,
    default=DEFAULT_ENTRIES,
)
LAST_EVENT_ID: Final = _parameter(
    "header", "Last-Event-ID", "`id` of the last event at hand: the events go on behind it."
)


_JSON = "application/json"
SCHEMAS: Final = "#/components/schemas/"
_RESPONSES = "#/components/responses/"

_REFUSALS: Final[Mapping[int, str]] = {
    400: "It cannot be used; `errors` names all that is wrong with a body.",
    401: "No API key, or one that is not valid here.",
    403: "The key does not open this, or a browser asks for a page elsewhere.",
    404: "There is no such job, or it belongs to another API key.",
    409: "It does not fit the state of the job or image.",
    405: "This path does not take this method.",
    408: "The request did not arrive whole in time.",
    413: "The body is too long.",
    415: "The body is not declared as JSON in UTF-8, or not in gzip.",
    422: "It is well formed, and asks for what cannot be done.",
    429: "This client has asked too often.",
    431: "The header is too long.",
    500: "A bug; the service's log says more.",
    501: "A Transfer-Encoding other than chunked.",
    503: "Nothing was taken; it may be tried again later.",
}
_REFUSAL_HEADERS: Final[Mapping[int, tuple[str, ...]]] = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    429: ("Retry-After", "RateLimit", "RateLimit-Policy"),
    503: ("Retry-After",),
}
# Common to all routes: the server refuses before it looks at the path, also for want of room.
_ANYWHERE = (400, 403, 405, 408, 413, 431, 500, 501, 503)


def operation(
    name: str,
    summary: str,
    successes: dict[int, dict[str, Any]],
    refusals: Iterable[int] = (),
    **more: object,
) -> dict[str, Any]:
    responses = {status: _refusal(status) for status in (*_ANYWHERE, *refusals)} | successes
    return {
        "operationId": name,
        "summary": summary,
        "responses": {str(status): responses[status] for status in sorted(responses)},
    } | more


def add_refusal(operation: dict[str, Any], status: int) -> None:
    operation["responses"][str(status)] = _refusal(status)


def _refusal(status: int) -> dict[str, Any]:
    return {"$ref": _RESPONSES + _name(status)}


def ok(shape: str) -> dict[int, dict[str, Any]]:
    return {200: content("As it stands now.", ref(shape))}


def shown(whole: str, page: str, *headers: str) -> dict[int, dict[str, Any]]:
    """Return the responses of a list with pages and conditional requests; for `headers` see
    `conditional`.
    """
    schema = {"anyOf": [ref(whole), ref(page)]}
    meaning = "As it stands now: all of it, or the page asked for."
    return conditional(content(meaning, schema), *headers)


def conditional(response: dict[str, Any], *headers: str) -> dict[int, dict[str, Any]]:
    """Return the responses to a conditional request; both may have `headers`."""
    tag = {"ETag": {"schema": {"type": "string"}, "required": True}} | _optional(headers)
    return {
        200: response | {"headers": tag},
        304: {"description": "The client has the current state.", "headers": tag},
    }


def accepted(meaning: str, shape: str, *headers: str) -> dict[str, Any]:
    """Return the response to what makes or changes a job; it may have `headers`."""
    location = {"schema": {"type": "string", "format": "uri-reference"}, "required": True}
    named = {"Location": location} | _optional(headers)
    return content(meaning, ref(shape)) | {"headers": named}


def _optional(headers: Iterable[str]) -> dict[str, Any]:
    return {name: {"schema": {"type": "string"}} for name in headers}


def refusals() -> dict[str, Any]:
    return {
        _name(status): content(
            meaning, ref("ProblemBody"), *_REFUSAL_HEADERS.get(status, ()), of=MEDIA_TYPE
        )
        for status, meaning in _REFUSALS.items()
    }


def _name(status: int) -> str:
    return f"Refusal{status}"  # Python's names of statuses change


def content(meaning: str, schema: dict[str, Any], *headers: str, of: str = _JSON) -> dict[str, Any]:
    response: dict[str, Any] = {"description": meaning, "content": json_of(schema, of)}
    if headers:
        response["headers"] = {
            name: {"schema": {"type": "string"}, "required": True} for name in headers
        }
    return response


def json_of(schema: dict[str, Any], of: str = _JSON) -> dict[str, Any]:
    return {of: {"schema": schema}}


def ref(shape: str) -> dict[str, Any]:
    return {"$ref": SCHEMAS + shape}
