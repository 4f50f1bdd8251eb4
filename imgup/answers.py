"""What the answers of a service become: JSON, bytes as they come, or an error that says why not."""

from collections.abc import Iterator
from http import HTTPStatus

import requests
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError

from imgup.errors import (
    BrokenOffError,
    ImgupError,
    NotImgupError,
    ProblemError,
    UnreachableError,
    problem_from,
)
from imgup.retry_after import retry_after_of

_BODY_CHUNK = 65_536  # bytes
_TEXT_SHOWN = 80
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


def is_no_refusal(status: int) -> bool:
    """Whether an answer of this status gives what was asked for."""
    return status < HTTPStatus.BAD_REQUEST


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


def chunks_of(answer: requests.Response, url: str) -> Iterator[bytes]:
    """The body of a streamed answer, as it comes in.

    Raises:
        BrokenOffError: it was cut short, or nothing came for too long.
    """
    try:
        # Not iter_content: it waits until a chunk is full.
        while chunk := answer.raw.read1(_BODY_CHUNK, decode_content=True):
            yield chunk
    except (HTTPError, OSError) as error:
        raise BrokenOffError(f"{url} broke its answer off.") from error


def refusal_of(answer: requests.Response) -> ImgupError:
    """The error that an answer is whose status is one of refusal."""
    wait = retry_after_of(answer.headers.get("Retry-After"))
    try:
        body = answer.json()
    except requests.JSONDecodeError:
        body = None
    if isinstance(body, dict) and "code" in body:
        return problem_from(answer.status_code, body, wait)
    if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS or (
        answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and wait is not None
    ):
        title = "What stands before the service asks to come back later."
        return problem_from(answer.status_code, {"title": title}, wait)
    if answer.status_code in _OF_GATEWAYS:
        return BrokenOffError(
            f"What stands before the service answers {answer.status_code} in its place."
        )
    return _not_imgup(answer)


def redirect_of(answer: requests.Response, url: str) -> NotImgupError:
    """The error that a redirect is: this service has none."""
    return NotImgupError(
        f"{url} redirects to {_shorten(answer.headers['Location'])}; name the service's own "
        "address."
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


def kept_nothing(error: ProblemError) -> bool:
    """Whether a refusal is the service's own, which then has kept nothing of the request.

    A gateway's says nothing of the kind.
    """
    return "code" in error.raw


def _not_imgup(answer: requests.Response) -> NotImgupError:
    kind = _shorten(answer.headers.get("Content-Type") or "no Content-Type")
    return NotImgupError(
        f"{answer.url} answers {answer.status_code} with {kind} and not as imgup does; "
        "is another server there?"
    )


def _shorten(text: str) -> str:
    return text if len(text) <= _TEXT_SHOWN else text[:_TEXT_SHOWN] + "…"
