"""The responses of routes for the OpenAPI document, built from a few parts."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from service.problems.problems import MEDIA_TYPE

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
    503: "Nothing was taken; it may be tried again later.",
}
_REFUSAL_HEADERS: Final[Mapping[str, tuple[int, ...]]] = {
    "Retry-After": (503, 429),
    "WWW-Authenticate": (401,),
    "Allow": (405,),
    "RateLimit": (429,),
    "RateLimit-Policy": (429,),
}
# Common to all routes.
_ANYWHERE = (400, 403, 405, 408, 413, 431, 500)


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


def shown(whole: str, page: str) -> dict[int, dict[str, Any]]:
    """Return the responses of a list with pages and conditional requests."""
    schema = {"anyOf": [ref(whole), ref(page)]}
    tag = {"ETag": {"schema": {"type": "string"}, "required": True}}
    return {
        200: content("As it stands now: all of it, or the page asked for.", schema)
        | {"headers": tag},
        304: {"description": "The client has the current state.", "headers": tag},
    }


def accepted(meaning: str, shape: str) -> dict[str, Any]:
    response = content(meaning, ref(shape))
    location = {"schema": {"type": "string", "format": "uri-reference"}, "required": True}
    return response | {"headers": {"Location": location}}


def refusals() -> dict[str, Any]:
    responses = {}
    for status, meaning in _REFUSALS.items():
        headers = [name for name, statuses in _REFUSAL_HEADERS.items() if status in statuses]
        responses[_name(status)] = content(meaning, ref("ProblemBody"), *headers, of=MEDIA_TYPE)
    return responses


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
