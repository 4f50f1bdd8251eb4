"""What can go wrong between a client and the service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class ImgupError(Exception):
    """Root of all that this package raises on purpose."""


class UnreachableError(ImgupError):
    """No complete response: no connection, a timeout, or a truncated response."""


class BrokenOffError(UnreachableError):
    """The request may have arrived, but no answer came, or not all of it."""


class NotImgupError(ImgupError):
    """The response is not one of this service."""


@dataclass(frozen=True, slots=True)
class BadEntry:
    """One thing wrong with a request.

    Attributes:
        index: its place in the array `urls`, from 0; None if it is no entry of it.
        value: what stood there, shortened and masked by the service.
        code: stable code of the problem.
        detail: one sentence for a person.
    """

    index: int | None = None
    value: str | None = None
    code: str = "unknown"
    detail: str = ""


class ProblemError(ImgupError):
    """The service refused, and said why (RFC 9457).

    Attributes:
        status: the HTTP status.
        code: stable name of the kind of problem, for programs.
        detail: one sentence for a person.
        errors: the errors of the body.
        errors_total: how many such pieces there are, though not all may be listed.
        retry_after: seconds after which the service wants to be asked again; None if it does not
            say so.
        raw: all members of the problem as they came.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: tuple[BadEntry, ...] = (),
        errors_total: int | None = None,
        retry_after: float | None = None,
        raw: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{detail} ({status} {code})")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.errors_total = len(errors) if errors_total is None else errors_total
        self.retry_after = retry_after
        self.raw = raw or {}


class BadRequestError(ProblemError):
    """The request itself is wrong: sent again as it is, it is refused again."""


class InvalidUrlsError(BadRequestError):
    """Entries of `urls` cannot be used; `errors` names them, and nothing was taken."""


class UnauthorizedError(ProblemError):
    """No API key, or one that is not valid there."""


class NotFoundError(ProblemError):
    """There is no such job or image, or it belongs to another key."""


class NotOfferedError(ProblemError):
    """The service has no such route: it may be older than this client."""


class ConflictError(ProblemError):
    """The job is not in a state that allows this."""


class RateLimitedError(ProblemError):
    """Asked too often."""


class UnavailableError(ProblemError):
    """The service cannot do it now; nothing of the request was kept."""


class ServiceFaultError(ProblemError):
    """The service met an error of its own."""


_BY_CODE = {
    "invalid-urls": InvalidUrlsError,
    "not-found": NotOfferedError,
    "method-not-allowed": NotOfferedError,
}
_BY_STATUS = {
    401: UnauthorizedError,
    403: UnauthorizedError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitedError,
    503: UnavailableError,
}
_FIRST_SERVER_ERROR = 500


def problem_kind(status: int, code: str) -> type[ProblemError]:
    """The class of the error that a refusal of this status and code is."""
    fallback = ServiceFaultError if status >= _FIRST_SERVER_ERROR else BadRequestError
    return _BY_CODE.get(code) or _BY_STATUS.get(status, fallback)
