"""The answers of routes, as the OpenAPI document has them: each is built from a few parts."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from service.problems import MEDIA_TYPE

_JSON = "application/json"
SCHEMAS: Final = "#/components/schemas/"
_ANSWERS = "#/components/responses/"

_REFUSALS: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "It cannot be used; `errors` names all that is wrong with a body.",
    HTTPStatus.UNAUTHORIZED: "No API key, or one that is not valid here.",
    HTTPStatus.FORBIDDEN: "The key does not open this, or a browser asks for a page elsewhere.",
    HTTPStatus.NOT_FOUND: "There is no such job, or it belongs to another API key.",
    HTTPStatus.CONFLICT: "It does not fit the state of the job or image.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path does not take this method.",
    HTTPStatus.REQUEST_TIMEOUT: "The request did not arrive whole in time.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too long.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not declared as JSON in UTF-8, or not in gzip.",
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
    HTTPStatus.FORBIDDEN,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    HTTPStatus.INTERNAL_SERVER_ERROR,
)


def operation(
    name: str, summary: str, answers: dict[HTTPStatus, dict[str, Any]], *refusals: HTTPStatus
) -> dict[str, Any]:
    responses = {status: _refusal(status) for status in (*_ANYWHERE, *refusals)} | answers
    return {
        "operationId": name,
        "summary": summary,
        "responses": {str(status.value): responses[status] for status in sorted(responses)},
    }


def add_refusal(operation: dict[str, Any], status: HTTPStatus) -> None:
    operation["responses"][str(status.value)] = _refusal(status)


def _refusal(status: HTTPStatus) -> dict[str, Any]:
    return {"$ref": _ANSWERS + _name(status)}


def ok(shape: str) -> dict[HTTPStatus, dict[str, Any]]:
    return {HTTPStatus.OK: content("As it stands now.", ref(shape))}


def shown(whole: str, page: str) -> dict[HTTPStatus, dict[str, Any]]:
    """The answers of a list that may be asked for page by page, and again."""
    schema = {"anyOf": [ref(whole), ref(page)]}
    tag = {"ETag": {"schema": {"type": "string"}, "required": True}}
    return {
        HTTPStatus.OK: content("As it stands now: all of it, or the page asked for.", schema)
        | {"headers": tag},
        HTTPStatus.NOT_MODIFIED: {
            "description": "It stands as in the answer at hand.",
            "headers": tag,
        },
    }


def accepted(meaning: str, shape: str) -> dict[str, Any]:
    answer = content(meaning, ref(shape))
    where = {"schema": {"type": "string", "format": "uri-reference"}, "required": True}
    return answer | {"headers": {"Location": where}}


def refusals() -> dict[str, Any]:
    answers = {}
    for status, meaning in _REFUSALS.items():
        headers = [name for name, statuses in _REFUSAL_HEADERS.items() if status in statuses]
        answers[_name(status)] = content(meaning, ref("ProblemBody"), *headers, of=MEDIA_TYPE)
    return answers


def _name(status: HTTPStatus) -> str:
    return f"Refusal{status.value}"  # Python's own names of statuses change


def content(meaning: str, schema: dict[str, Any], *headers: str, of: str = _JSON) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": meaning, "content": json_of(schema, of)}
    if headers:
        answer["headers"] = {
            name: {"schema": {"type": "string"}, "required": True} for name in headers
        }
    return answer


def json_of(schema: dict[str, Any], of: str = _JSON) -> dict[str, Any]:
    return {of: {"schema": schema}}


def ref(shape: str) -> dict[str, Any]:
    return {"$ref": SCHEMAS + shape}
