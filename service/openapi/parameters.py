"""Query parameters and headers of routes, for the OpenAPI document."""

from typing import Any, Final

from service.problems.catalog import CATALOG
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
    schema = schema if "enum" in schema else {"type": "string"} | schema
    return {
        "name": name,
        "in": where,
        "required": where == "path",
        "description": description,
        "schema": schema,
    }


def _number(where: str, name: str, description: str, least: int, **more: int) -> dict[str, Any]:
    return _parameter(where, name, description, type="integer", minimum=least, **more)


PAGE_PARAMETERS: Final = [
    _number(
        "query",
        "limit",
        "Show a page of so many entries at most, in place of all.",
        1,
        maximum=MAX_ENTRIES,
        default=DEFAULT_ENTRIES,
    ),
    _number(
        "query",
        "cursor",
        "The entry to begin with, counted from 0: `next` of the page before. Given "
        "alone, it shows a page as well; beyond the end, an empty one.",
        0,
        maximum=LAST_CURSOR,
        default=0,
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
