"""Reads the service's responses: JSON, or the error that the response stands for."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar

import requests
from pydantic import BaseModel, TypeAdapter, ValidationError
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import (
    InvalidHeader,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
    ProxySchemeUnknown,
)
from urllib3.util import Retry

from imgup.errors import (
    BadEntry,
    BrokenOffError,
    ImgupError,
    NotImgupError,
    UnreachableError,
    problem_kind,
)

_OF_GATEWAYS = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)

_BAD_PROXY = "The proxy of the environment is not a valid address."
_NO_TLS = (
    "The TLS connection to {url} failed. Without a proxy the service speaks http only; a proxy's "
    "certificate must be a known one, or be in the file that REQUESTS_CA_BUNDLE names."
)
_NO_CERTIFICATES = "The certificates that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names do not exist."

# The first match counts. With every other error the request may have reached the service.
_NEVER_ARRIVED: tuple[tuple[type[Exception], str], ...] = (
    (requests.ConnectTimeout, "Connecting to {url} timed out."),
    (requests.exceptions.SSLError, _NO_TLS),
    (requests.exceptions.ProxyError, "The proxy cannot reach {url}."),
    (requests.exceptions.InvalidSchema, "The proxy of the environment needs the package PySocks."),
    (requests.exceptions.InvalidProxyURL, _BAD_PROXY),
    (ProxySchemeUnknown, _BAD_PROXY),
    (requests.exceptions.InvalidURL, "{url} is not a valid address."),
    (LocationParseError, "{url} is not a valid address."),
    (NameResolutionError, "The host name of {url} cannot be resolved."),
    (NewConnectionError, "Cannot connect to {url}."),
)

_Shape = TypeVar("_Shape")


class _Problem(BaseModel):
    """A problem of the service (RFC 9457); those of a proxy or gateway have no such `code`."""

    code: str
    title: str = "The service refused."
    detail: str | None = None
    errors: tuple[BadEntry, ...] = ()
    errors_total: int | None = None


def json_of(answer: requests.Response) -> object:
    """Return the JSON of a response.

    Raises:
        NotImgupError: there is none.
    """
    try:
        found: object = answer.json()
    except (ValueError, RecursionError):  # of JSON with a number too long, or too deep, as well
        raise _not_imgup(answer) from None
    return found


def read(shape: type[_Shape], body: object, first_index: int = 0) -> _Shape:
    """Read the JSON of a response, whose first result may have another index in its job than 0.

    Raises:
        NotImgupError: the JSON has another shape.
    """
    try:
        found: _Shape = TypeAdapter(shape).validate_python(body, context=first_index)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, fault["loc"])) or "the whole"
        raise NotImgupError(
            f"The answer is not one of imgup: {place}: {fault['msg']}; is another server there?"
        ) from None
    return found


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of Retry-After; None without a valid one."""
    try:
        return float(Retry().parse_retry_after(headers.get("Retry-After", "")))
    except (InvalidHeader, ValueError, OverflowError):  # the last two: numbers of too many digits
        return None


def refusal_of(answer: requests.Response) -> ImgupError:
    """Return the error for a response whose status is an error."""
    status, wait = answer.status_code, retry_after_of(answer.headers)
    try:
        body = answer.json()
        problem = _Problem.model_validate(body)
    except (ValueError, RecursionError):  # of both
        return _refusal_of_another(answer, wait)
    return problem_kind(status, problem.code)(
        status,
        problem.code,
        problem.detail or problem.title,
        errors=problem.errors,
        errors_total=problem.errors_total,
        retry_after=wait,
        raw=body,
    )


def failure_of(error: OSError | LocationParseError, url: str) -> UnreachableError:
    """Return the error for a request without a response."""
    if type(error) is OSError:  # of requests, before it connects
        return UnreachableError(_NO_CERTIFICATES)
    cause = error.args[0] if error.args else None
    causes = (error, cause, getattr(cause, "reason", None))
    # With a proxy, its host is the only one that is connected to.
    is_of_host = any(isinstance(one, LocationParseError) for one in causes)
    if is_of_host and select_proxy(url, get_environ_proxies(url)):
        return UnreachableError(_BAD_PROXY)
    for kind, text in _NEVER_ARRIVED:
        if any(isinstance(one, kind) for one in causes):
            return UnreachableError(text.format(url=url))
    if isinstance(error, requests.Timeout):
        return BrokenOffError(f"{url} did not respond in time.")
    return BrokenOffError(f"{url} closed the connection before it responded.")


def _refusal_of_another(answer: requests.Response, wait: float | None) -> ImgupError:
    status = answer.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS or (
        status == HTTPStatus.SERVICE_UNAVAILABLE and wait is not None
    ):
        detail = "A proxy or gateway before the service refused for now."
        return problem_kind(status, "unknown")(status, "unknown", detail, retry_after=wait)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        detail = "A proxy or gateway finds the request too large. Send fewer URLs at once."
        return problem_kind(status, "unknown")(status, "unknown", detail)
    if status in _OF_GATEWAYS:
        return BrokenOffError(f"A proxy or gateway answers {status} in place of the service.")
    return _not_imgup(answer)


def _not_imgup(answer: requests.Response) -> NotImgupError:
    kind = answer.headers.get("Content-Type") or "no Content-Type"
    return NotImgupError(
        f"{answer.url} answers {answer.status_code} with {kind:.80} and not as imgup does; "
        "is another server there?"
    )
