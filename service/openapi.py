"""The service's routes as an OpenAPI 3.1 document.

The shapes come from the very types that the answers are made from; what is said here is what
types cannot say: which route gives which answer, and why it might not.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from service.api_keys import OPEN_PATHS
from service.models import (
    ImageLinks,
    ImageLinksPage,
    Index,
    JobAnswer,
    JobPage,
    Liveness,
    Readiness,
    UploadAccepted,
)
from service.paging import LAST_CURSOR, MOST_ENTRIES, USUAL_ENTRIES
from service.problems import MEDIA_TYPE, ProblemBody
from service.settings import Settings
from service.throttle import LIMITED_PREFIX
from workers import MAX_URL_LENGTH

VERSION: Final = "1.0"
"""Of the interface: the first number changes when a client would have to."""

_JSON = "application/json"
_SHAPES = (
    ImageLinks,
    ImageLinksPage,
    Index,
    JobAnswer,
    JobPage,
    Liveness,
    ProblemBody,
    Readiness,
    UploadAccepted,
)
_SCHEMAS = "#/components/schemas/"
_ANSWERS = "#/components/responses/"

_REFUSALS: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "It cannot be used; `errors` names all that is wrong with a body.",
    HTTPStatus.UNAUTHORIZED: "No API key, or one that is not valid here.",
    HTTPStatus.NOT_FOUND: "There is no such job, or it belongs to another API key.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path does not take this method.",
    HTTPStatus.REQUEST_TIMEOUT: "The request did not arrive whole in time.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too long.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not declared as JSON in UTF-8.",
    HTTPStatus.TOO_MANY_REQUESTS: "This client has asked too often.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The header is too long.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A bug; the service's log says more.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Nothing was taken; it may be tried again later.",
}
_REFUSAL_HEADERS: Final[Mapping[str, tuple[HTTPStatus, ...]]] = {
    "Retry-After": (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS),
    "WWW-Authenticate": (HTTPStatus.UNAUTHORIZED,),
    "Allow": (HTTPStatus.METHOD_NOT_ALLOWED,),
    "RateLimit": (HTTPStatus.TOO_MANY_REQUESTS,),
    "RateLimit-Policy": (HTTPStatus.TOO_MANY_REQUESTS,),
}
# Every request can meet these, whatever it asks for.
_ANYWHERE = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    HTTPStatus.INTERNAL_SERVER_ERROR,
)
_PAGE_PARAMETERS: Final[list[dict[str, Any]]] = [
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
_KNOWN_TAGS: Final[dict[str, Any]] = {
    "name": "If-None-Match",
    "in": "header",
    "description": "`ETag` of an answer that is at hand: 304 if it is still true.",
    "schema": {"type": "string"},
}
_EXAMPLE_URLS = [
    "https://farm3.staticflickr.com/2879/11234651086_681b3c2c00_b_d.jpg",
    "https://farm4.staticflickr.com/3790/11244125445_3c2f32cd83_k_d.jpg",
]


def describe(settings: Settings) -> dict[str, Any]:
    """The document, true for a service with these settings.

    Args:
        settings: limits, and whether there are keys and a rate limit.
    """
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "imgup",
            "version": VERSION,
            "summary": "Send a list of image URLs; each image is downloaded and uploaded to Imgur.",
        },
        "paths": _paths(),
        "components": {
            "schemas": _schemas() | {"UploadBody": _upload_body(settings)},
            "responses": _refusals(),
        },
    }
    _describe_admission(document, settings)
    return document


def _paths() -> dict[str, Any]:
    job_id = {"type": "string", "format": "uuid"}
    job = {"name": "jobId", "in": "path", "required": True, "schema": job_id}
    unavailable = HTTPStatus.SERVICE_UNAVAILABLE
    readiness = {unavailable: _content("Not now.", _ref("Readiness"), "Retry-After")}
    document = {HTTPStatus.OK: _content("This document.", {"type": "object"})}
    return {
        "/v1/images/upload": {
            "post": _operation(
                "submitJob",
                "Send a job; it is taken whole, or not at all, and answered at once.",
                {HTTPStatus.ACCEPTED: _accepted()},
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                unavailable,
            )
            | {"requestBody": {"required": True, "content": _json(_ref("UploadBody"))}},
        },
        "/v1/images/upload/{jobId}": {
            "parameters": [job],
            "get": _operation(
                "showJob",
                "How a job stands.",
                _shown("JobAnswer", "JobPage"),
                HTTPStatus.NOT_FOUND,
                unavailable,
            )
            | {"parameters": [*_PAGE_PARAMETERS, _KNOWN_TAGS]},
        },
        "/v1/images": {
            "get": _operation(
                "listImages",
                "The links of all images uploaded.",
                _shown("ImageLinks", "ImageLinksPage"),
                unavailable,
            )
            | {"parameters": [*_PAGE_PARAMETERS, _KNOWN_TAGS]},
        },
        "/": {"get": _operation("showIndex", "What there is.", _ok("Index"))},
        "/openapi.json": {"get": _operation("describe", "This document.", document)},
        "/healthz": {"get": _operation("isAlive", "Whether the process answers.", _ok("Liveness"))},
        "/readyz": {
            "get": _operation(
                "isReady", "Whether jobs are taken and worked on.", _ok("Readiness") | readiness
            ),
        },
    }


def _operation(
    name: str, summary: str, answers: dict[HTTPStatus, dict[str, Any]], *refusals: HTTPStatus
) -> dict[str, Any]:
    responses = {status: _refusal(status) for status in (*_ANYWHERE, *refusals)} | answers
    return {
        "operationId": name,
        "summary": summary,
        "responses": {str(status.value): responses[status] for status in sorted(responses)},
    }


def _describe_admission(document: dict[str, Any], settings: Settings) -> None:
    """Say which routes ask for a key, and which count."""
    for path, item in document["paths"].items():
        operations = [item[method] for method in item if method != "parameters"]
        for operation in operations:
            if settings.rate_limit is not None and path.startswith(LIMITED_PREFIX):
                _add_refusal(operation, HTTPStatus.TOO_MANY_REQUESTS)
            if settings.api_keys and path in OPEN_PATHS:
                operation["security"] = []
            elif settings.api_keys:
                _add_refusal(operation, HTTPStatus.UNAUTHORIZED)
    if settings.api_keys:
        document["security"] = [{"bearer": []}, {"header": []}]
        document["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }


def _add_refusal(operation: dict[str, Any], status: HTTPStatus) -> None:
    operation["responses"][str(status.value)] = _refusal(status)


def _refusal(status: HTTPStatus) -> dict[str, Any]:
    return {"$ref": _ANSWERS + _name(status)}


def _ok(shape: str) -> dict[HTTPStatus, dict[str, Any]]:
    return {HTTPStatus.OK: _content("As it stands now.", _ref(shape))}


def _shown(whole: str, page: str) -> dict[HTTPStatus, dict[str, Any]]:
    """The answers of a list that may be asked for page by page, and again."""
    schema = {"anyOf": [_ref(whole), _ref(page)]}
    tag = {"ETag": {"schema": {"type": "string"}, "required": True}}
    return {
        HTTPStatus.OK: _content("As it stands now: all of it, or the page asked for.", schema)
        | {"headers": tag},
        HTTPStatus.NOT_MODIFIED: {
            "description": "It stands as in the answer at hand.",
            "headers": tag,
        },
    }


def _accepted() -> dict[str, Any]:
    answer = _content("The job is taken.", _ref("UploadAccepted"))
    where = {"schema": {"type": "string", "format": "uri-reference"}, "required": True}
    return answer | {"headers": {"Location": where}}


def _refusals() -> dict[str, Any]:
    answers = {}
    for status, meaning in _REFUSALS.items():
        headers = [name for name, statuses in _REFUSAL_HEADERS.items() if status in statuses]
        answers[_name(status)] = _content(meaning, _ref("ProblemBody"), *headers, of=MEDIA_TYPE)
    return answers


def _name(status: HTTPStatus) -> str:
    return f"Refusal{status.value}"  # Python's own names of statuses change


def _content(
    meaning: str, schema: dict[str, Any], *headers: str, of: str = _JSON
) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": meaning, "content": _json(schema, of)}
    if headers:
        answer["headers"] = {
            name: {"schema": {"type": "string"}, "required": True} for name in headers
        }
    return answer


def _json(schema: dict[str, Any], of: str = _JSON) -> dict[str, Any]:
    return {of: {"schema": schema}}


def _ref(shape: str) -> dict[str, Any]:
    return {"$ref": _SCHEMAS + shape}


def _upload_body(settings: Settings) -> dict[str, Any]:
    url = {
        "type": "string",
        "maxLength": MAX_URL_LENGTH,
        # Necessary, not sufficient: no pattern says all that makes a URL.
        "pattern": r"^[Hh][Tt][Tt][Pp][Ss]?:/",
    }
    urls = {
        "type": "array",
        "items": url,
        "minItems": 1,
        "maxItems": settings.max_urls_per_job,
        "description": "Image URLs; of those that are the same text, one is taken.",
    }
    return {
        "type": "object",
        "properties": {"urls": urls},
        "required": ["urls"],
        "additionalProperties": False,
        "examples": [{"urls": _EXAMPLE_URLS}],
    }


def _schemas() -> dict[str, Any]:
    _, found = TypeAdapter.json_schemas(
        [(shape, "serialization", TypeAdapter(shape)) for shape in _SHAPES],
        ref_template=_SCHEMAS + "{model}",
        schema_generator=_PlainSchemas,
    )
    schemas: dict[str, Any] = found["$defs"]
    return schemas


class _PlainSchemas(GenerateJsonSchema):
    """Schemas without a title for each field that only repeats its name."""

    def field_title_should_be_set(self, schema: core_schema.CoreSchema) -> bool:  # noqa: ARG002 - the parent's
        return False
