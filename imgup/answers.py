"""What the answers of a service become: JSON, or an error that says why not."""

from collections.abc import Mapping
from http import HTTPStatus

import requests
from pydantic import BaseModel
from urllib3.exceptions import InvalidHeader, NameResolutionError, NewConnectionError
from urllib3.util import Retry

from imgup.errors import (
    BadEntry,
    BrokenOffError,
    ImgupError,
    NotImgupError,
    UnreachableError,
    problem_kind,
)

_OF_GATEWAYS = (
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)

# The first that fits is told; what is in none of them may have reached the service.
_NEVER_ARRIVED: tuple[tuple[type[Exception], str], ...] = (
    (requests.ConnectTimeout, "{url} took too long to take the connection."),
    (requests.exceptions.SSLError, "{url} made no trusted TLS connection."),
    (requests.exceptions.ProxyError, "The proxy does not lead to {url}."),
    (requests.exceptions.InvalidURL, "{url} is no address of a service."),
    (NameResolutionError, "The host of {url} has no address."),
    (NewConnectionError, "Nobody takes connections at {url}."),
)


class _Problem(BaseModel):
    """A refusal of the service (RFC 9457); what stands before it has no such code."""

    code: str
    title: str = "The service refused."
    detail: str | None = None
    errors: tuple[BadEntry, ...] = ()
    errors_total: int | None = None


def json_of(answer: requests.Response) -> object:
    """The JSON of an answer.

    Raises:
        NotImgupError: it has none.
    """
    try:
        found: object = answer.json()
    except requests.JSONDecodeError:
        raise _not_imgup(answer) from None
    return found


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, as an answer's headers say; None if they say nothing."""
    try:
        return float(Retry().parse_retry_after(headers.get("Retry-After", "")))
    except (InvalidHeader, ValueError, OverflowError):  # the last two: of numbers without end
        return None


def refusal_of(answer: requests.Response) -> ImgupError:
    """The error that an answer is whose status is one of refusal."""
    status, wait = answer.status_code, retry_after_of(answer.headers)
    try:
        body = answer.json()
        problem = _Problem.model_validate(body)
    except ValueError:  # of both
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


def failure_of(error: requests.RequestException, url: str) -> UnreachableError:
    """The error of a request that had no answer."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    for kind, text in _NEVER_ARRIVED:
        if isinstance(error, kind) or isinstance(reason, kind):
            return UnreachableError(text.format(url=url))
    if isinstance(error, requests.Timeout):
        return BrokenOffError(f"{url} took too long to answer.")
    return BrokenOffError(f"{url} broke the connection off before it had answered.")


def _refusal_of_another(answer: requests.Response, wait: float | None) -> ImgupError:
    status = answer.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS or (
        status == HTTPStatus.SERVICE_UNAVAILABLE and wait is not None
    ):
        detail = "What stands before the service asks to come back later."
        return problem_kind(status, "unknown")(status, "unknown", detail, retry_after=wait)
    if status in _OF_GATEWAYS:
        return BrokenOffError(f"What stands before the service answers {status} in its place.")
    return _not_imgup(answer)


def _not_imgup(answer: requests.Response) -> NotImgupError:
    kind = answer.headers.get("Content-Type") or "no Content-Type"
    return NotImgupError(
        f"{answer.url} answers {answer.status_code} with {kind:.80} and not as imgup does; "
        "is another server there?"
    )
