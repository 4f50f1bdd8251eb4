"""Errors of the client."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class ImgupError(Exception):
    """Base class of this package's errors."""


class UnreachableError(ImgupError):
    """No complete response: no connection, a timeout, or a truncated response."""


class BrokenOffError(UnreachableError):
    """The request may have arrived, but there was no response, or only a part of it."""


class NotImgupError(ImgupError):
    """The response is not one of this service."""


@dataclass(frozen=True, slots=True)
class BadEntry:
    """One error in a request."""

    index: int | None = None  # in the array `urls`, from 0; None outside of it
    value: str | None = None  # the entry, shortened and masked by the service
    code: str = "unknown"  # stable code of the problem
    detail: str = ""  # one sentence for people


class ProblemError(ImgupError):
    """The service refused the request (RFC 9457).

    Attributes:
        status: the HTTP status.
        code: stable code of the problem.
        detail: one sentence for people.
        errors: the errors in the body; not all are listed if there are many.
        errors_total: their number.
        retry_after: seconds until the request may be repeated; None if unknown.
        raw: all members of the problem.
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
        super().__init__(status, code, detail)  # what a copy from another process is made of
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.errors_total = len(errors) if errors_total is None else errors_total
        self.retry_after = retry_after
        self.raw = raw or {}

    def __str__(self) -> str:
        return f"{self.detail} ({self.status} {self.code})"


class BadRequestError(ProblemError):
    """The request is not valid; a repetition is refused, too."""


class InvalidUrlsError(BadRequestError):
    """Entries of `urls` are not valid; `errors` lists them, and nothing was taken."""


class UnauthorizedError(ProblemError):
    """No API key, or an invalid one."""


class NotFoundError(ProblemError):
    """There is no such job or image, or it belongs to another key."""


class NotOfferedError(ProblemError):
    """The service has no such route: it may be older than this client."""


class ConflictError(ProblemError):
    """The job is not in a state that allows this."""


class RateLimitedError(ProblemError):
    """Too many requests."""


class UnavailableError(ProblemError):
    """The service cannot process the request now, and kept nothing of it."""


class ServiceFaultError(ProblemError):
    """An internal error of the service."""


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
    """Return the error class for the status and code of a refusal."""
    fallback = ServiceFaultError if status >= _FIRST_SERVER_ERROR else BadRequestError
    return _BY_CODE.get(code) or _BY_STATUS.get(status, fallback)
