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

from service.api_keys import is_open
from service.events import MEDIA_TYPE as EVENTS_MEDIA_TYPE
from service.models import (
    CancellationAccepted,
    DeletionAccepted,
    ImageLinks,
    ImageLinksPage,
    Index,
    JobAnswer,
    JobForecast,
    JobList,
    JobPage,
    Liveness,
    ProblemExplanation,
    Readiness,
    RetryAccepted,
    UploadAccepted,
    UploadLimits,
)
from service.openapi_parameters import (
    INDEX,
    JOB_PARAMETERS,
    KEY,
    KNOWN_TAGS,
    LAST_EVENT_ID,
    PAGE_PARAMETERS,
    PREFER,
    SNAPSHOT_LIMIT,
    TIMELINE,
)
from service.problem_catalog import CATALOG
from service.problems import MEDIA_TYPE, ProblemBody
from service.settings import Settings
from service.throttle import LIMITED_PREFIX
from service.upload_schema import upload_body

VERSION: Final = "1.0"
"""Of the interface: the first number changes when a client would have to."""

_JSON = "application/json"
_SHAPES = (
    CancellationAccepted,
    DeletionAccepted,
    ImageLinks,
    ImageLinksPage,
    Index,
    JobAnswer,
    JobForecast,
    JobList,
    JobPage,
    Liveness,
    ProblemBody,
    ProblemExplanation,
    Readiness,
    RetryAccepted,
    UploadAccepted,
    UploadLimits,
)
_SCHEMAS = "#/components/schemas/"
_ANSWERS = "#/components/responses/"

_REFUSALS: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "It cannot be used; `errors` names all that is wrong with a body.",
    HTTPStatus.UNAUTHORIZED: "No API key, or one that is not valid here.",
    HTTPStatus.NOT_FOUND: "There is no such job, or it belongs to another API key.",
    HTTPStatus.CONFLICT: "It does not fit the state of the job or image.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path does not take this method.",
    HTTPStatus.REQUEST_TIMEOUT: "The request did not arrive whole in time.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too long.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not declared as JSON in UTF-8.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "It is well formed, and asks for what cannot be done.",
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
            "schemas": _schemas() | {"UploadBody": upload_body(settings)},
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
                {HTTPStatus.ACCEPTED: _accepted("The job is taken.", "UploadAccepted")},
                HTTPStatus.CONFLICT,
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                HTTPStatus.UNPROCESSABLE_ENTITY,
                unavailable,
            )
            | {
                "parameters": [KEY, PREFER],
                "requestBody": {"required": True, "content": _json(_ref("UploadBody"))},
            },
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
            | {"parameters": [*PAGE_PARAMETERS, TIMELINE, KNOWN_TAGS, PREFER]},
            "delete": _operation(
                "cancelJob",
                "Cancel a job: what waits ends at once, what is in work by itself.",
                {HTTPStatus.ACCEPTED: _accepted("It is cancelled.", "CancellationAccepted")},
                HTTPStatus.NOT_FOUND,
                HTTPStatus.CONFLICT,
                unavailable,
            ),
        },
        "/v1/images/upload/{jobId}/retry": {
            "parameters": [job],
            "post": _operation(
                "retryJob",
                "Send the failed URLs of a job once more, as a new job.",
                {HTTPStatus.ACCEPTED: _accepted("The new job is taken.", "RetryAccepted")},
                HTTPStatus.NOT_FOUND,
                HTTPStatus.CONFLICT,
                unavailable,
            ),
        },
        "/v1/jobs": {
            "get": _operation("listJobs", "The jobs, newest first.", _ok("JobList"), unavailable)
            | {"parameters": JOB_PARAMETERS},
        },
        "/v1/images/upload/{jobId}/images/{index}": {
            "parameters": [job, INDEX],
            "delete": _operation(
                "deleteImage",
                "Delete an image that was uploaded; a worker does it, soon.",
                {HTTPStatus.ACCEPTED: _content("It will be.", _ref("DeletionAccepted"))},
                HTTPStatus.NOT_FOUND,
                HTTPStatus.CONFLICT,
                unavailable,
            ),
        },
        "/v1/images": {
            "get": _operation(
                "listImages",
                "The links of all images uploaded.",
                _shown("ImageLinks", "ImageLinksPage"),
                unavailable,
            )
            | {"parameters": [*PAGE_PARAMETERS, KNOWN_TAGS]},
        },
        "/": {"get": _operation("showIndex", "What there is.", _ok("Index"))},
        "/openapi.json": {"get": _operation("describe", "This document.", document)},
        "/healthz": {"get": _operation("isAlive", "Whether the process answers.", _ok("Liveness"))},
        "/readyz": {
            "get": _operation(
                "isReady", "Whether jobs are taken and worked on.", _ok("Readiness") | readiness
            ),
        },
    } | (_prospects(job) | _pages())


def _prospects(job: dict[str, Any]) -> dict[str, Any]:
    path, unavailable = "/v1/images/upload/{jobId}", HTTPStatus.SERVICE_UNAVAILABLE
    events = {
        HTTPStatus.OK: _content(
            "Server-sent events: `snapshot`, `change` and `end`, until the job is complete.",
            {"type": "string"},
            of=EVENTS_MEDIA_TYPE,
        ),
        HTTPStatus.NO_CONTENT: {"description": "There is nothing behind the `end` at hand."},
    }
    return {
        f"{path}/events": {
            "parameters": [job],
            "get": _operation(
                "followJob",
                "What becomes of a job, as it happens.",
                events,
                HTTPStatus.NOT_FOUND,
                unavailable,
            )
            | {"parameters": [SNAPSHOT_LIMIT, LAST_EVENT_ID]},
        },
        f"{path}/forecast": {
            "parameters": [job],
            "get": _operation(
                "forecastJob",
                "When a job may be complete.",
                _ok("JobForecast"),
                HTTPStatus.NOT_FOUND,
                unavailable,
            ),
        },
        "/v1/limits": {
            "get": _operation(
                "showLimits", "What Imgur still takes.", _ok("UploadLimits"), unavailable
            )
        },
    }


def _pages() -> dict[str, Any]:
    text, html = {"type": "string"}, "text/html"
    figures = {HTTPStatus.OK: _content("Figures for Prometheus.", text, of="text/plain")}
    page = {HTTPStatus.OK: _content("A page.", text, of=html)}
    explained = _content("The explanation.", _ref("ProblemExplanation"))
    explained["content"] |= _json(text, html)
    code = {"name": "code", "in": "path", "required": True, "schema": {"enum": sorted(CATALOG)}}
    explain = _operation(
        "explainProblem", "What a problem's code means.", {HTTPStatus.OK: explained}
    )
    _add_refusal(explain, HTTPStatus.NOT_FOUND)
    return {
        "/metrics": {"get": _operation("showMetrics", "Counts and times.", figures)},
        "/docs": {"get": _operation("showDocs", "This document, for people.", page)},
        "/problems/{code}": {"parameters": [code], "get": explain},
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
            if settings.api_keys and is_open(path):
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


def _accepted(meaning: str, shape: str) -> dict[str, Any]:
    answer = _content(meaning, _ref(shape))
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
