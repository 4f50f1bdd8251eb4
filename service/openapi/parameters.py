"""What routes take besides a path and a body, for the OpenAPI document."""

from typing import Any, Final

from service.idempotency import LONGEST_KEY
from service.paging import LAST_CURSOR, MOST_ENTRIES, USUAL_ENTRIES
from service.preferences import LONGEST_WAIT_SECONDS
from service.resources.jobs import MOST_JOBS, USUAL_JOBS
from workers import JobStatus

PAGE_PARAMETERS: Final[list[dict[str, Any]]] = [
    {
        "name": "limit",
        "in": "query",
        "description": "Show a page of so many entries at most, in place of all.",
        "schema": {
            "type": "integer",
            "minimum": 1,
            "maximum": MOST_ENTRIES,
            "default": USUAL_ENTRIES,
        },
    },
    {
        "name": "cursor",
        "in": "query",
        "description": "The entry to begin with, counted from 0: `next` of the page before. Given "
        "alone, it shows a page as well; beyond the end, an empty one.",
        "schema": {"type": "integer", "minimum": 0, "maximum": LAST_CURSOR, "default": 0},
    },
]
TIMELINE: Final[dict[str, Any]] = {
    "name": "timeline",
    "in": "query",
    "description": "1 shows what happened to each URL, and when; given alone, on a page.",
    "schema": {"enum": ["0", "1"], "default": "0"},
}
INDEX: Final[dict[str, Any]] = {
    "name": "index",
    "in": "path",
    "description": "The image's place in `results`, counted from 0.",
    "required": True,
    "schema": {"type": "integer", "minimum": 0},
}
JOB_PARAMETERS: Final[list[dict[str, Any]]] = [
    {
        "name": "status",
        "in": "query",
        "description": "Only jobs of this status.",
        "schema": {"enum": [status.value for status in JobStatus]},
    },
    {
        "name": "limit",
        "in": "query",
        "description": "So many jobs at most.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST_JOBS, "default": USUAL_JOBS},
    },
    {
        "name": "cursor",
        "in": "query",
        "description": "Begin behind the page before: its `next`.",
        "schema": {"type": "integer", "minimum": 1, "maximum": LAST_CURSOR},
    },
]
KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Sent again with the same body, the request is answered with the job it made.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_KEY,
        "pattern": "^[!#-~]+$",
    },
}
PREFER: Final[dict[str, Any]] = {
    "name": "Prefer",
    "in": "header",
    "description": f"`wait=N` has the answer wait for the job's end, for N seconds at most and no "
    f"longer than {LONGEST_WAIT_SECONDS} (RFC 7240).",
    "schema": {"type": "string"},
}
KNOWN_TAGS: Final[dict[str, Any]] = {
    "name": "If-None-Match",
    "in": "header",
    "description": "`ETag` of an answer that is at hand: 304 if it is still true.",
    "schema": {"type": "string"},
}
SNAPSHOT_LIMIT: Final[dict[str, Any]] = {
    "name": "limit",
    "in": "query",
    "description": "So many entries of `results` at most in a snapshot.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MOST_ENTRIES, "default": USUAL_ENTRIES},
}
LAST_EVENT_ID: Final[dict[str, Any]] = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "`id` of the last event at hand: the events go on behind it.",
    "schema": {"type": "string"},
}
