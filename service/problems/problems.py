"""Renders all errors as RFC 9457 problem details."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NotRequired

import falcon
import structlog
from typing_extensions import TypedDict

from service.backend.circuit_breaker import BackendSilentError
from service.problems.catalog import CATALOG
from service.rendering.rendered import render
from workers import BackendLostError, Refusal

MEDIA_TYPE: Final = "application/problem+json"

_LOST_RETRY_SECONDS = 10  # a container runtime has restarted the process by then
_SILENT_RETRY_SECONDS = 5  # it responds again by then, or is being restarted

_NOT_FOUND = "There is nothing at this path. GET / lists what there is."


class FieldError(TypedDict):
    """One error in a request's body.

    `pointer` is its position as a JSON pointer (RFC 6901) in a URI fragment. For an entry of an
    array, `index` is its index and `value` the shortened value.
    """

    pointer: str
    code: str
    detail: str
    index: NotRequired[int]
    value: NotRequired[str]


class ProblemBody(TypedDict):
    """The members of a problem (RFC 9457, section 3.1); `code` is for programs."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: NotRequired[str]
    errors: NotRequired[list[FieldError]]
    errors_total: NotRequired[int]
    line: NotRequired[int]
    column: NotRequired[int]


class Problem(falcon.HTTPError):
    """A problem as an exception; the catalogue has the HTTP status of its code.

    Args:
        code: stable code, in the catalogue.
        detail: sentence for a person: what is wrong, and what to do.
        headers: further response headers.
        retry_after: seconds until the client may send the request again.
        errors: the errors of the body.
        errors_total: their number, if not all are listed.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        retry_after: int | None = None,
        errors: list[FieldError] | None = None,
        errors_total: int | None = None,
    ) -> None:
        status = HTTPStatus(CATALOG[code]["status"])
        retry = {} if retry_after is None else {"Retry-After": str(retry_after)}
        super().__init__(status, description=detail, headers={**(headers or {}), **retry})
        self.body = problem_body(status, code, detail)
        if errors is not None:
            self.body["errors"] = errors
            self.body["errors_total"] = len(errors) if errors_total is None else errors_total

    def add_errors(self, errors: list[FieldError]) -> None:
        """Add errors of the body."""
        known = self.body.get("errors", [])
        self.body["errors_total"] = self.body.get("errors_total", 0) + len(errors)
        self.body["errors"] = [*errors, *known]


def problem_body(status: HTTPStatus, code: str, detail: str) -> ProblemBody:
    """Return the members of all problems; the type is a relative reference."""
    return {
        "type": f"/problems/{code}",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
    }


def refused(refusal: Refusal) -> Problem:
    """Return the problem of a refusal by the mailbox."""
    again = " Nothing of the job was kept; send it again later."
    message = refusal.message + ("" if refusal.retry_after is None else again)
    return Problem(refusal.code.value, message, retry_after=refusal.retry_after)


def render_problems(app: falcon.App[falcon.Request, falcon.Response]) -> None:
    """Make the app render every error as a problem, and log it."""
    app.set_error_serializer(_serialize)
    app.add_error_handler(BackendLostError, _on_backend_lost)
    app.add_error_handler(BackendSilentError, _on_backend_silent)
    # The framework uses the nearest ancestor, so its own errors do not get here.
    app.add_error_handler(Exception, _on_unexpected)


def _serialize(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError) -> None:
    if isinstance(error, Problem):
        body = error.body
    else:
        status = HTTPStatus(error.status_code)
        detail = error.description or f"{status.phrase}."
        if status is HTTPStatus.NOT_FOUND:
            detail = _NOT_FOUND
        elif allowed := resp.get_header("Allow"):
            detail = f"This path does not take {req.method}, only {allowed}."
        body = problem_body(status, status.phrase.lower().replace(" ", "-"), detail)
    # Without the query, which may hold anything.
    body["instance"] = falcon.uri.encode(req.path)
    resp.content_type = MEDIA_TYPE
    resp.data = render(body)
    log = structlog.get_logger("http")
    is_ours = body["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR
    log_line = log.warning if is_ours else log.info
    log_line(
        "request refused",
        code=body["code"],
        status=body["status"],
        detail=body["detail"],
        method=req.method,
        path=req.path,
        client=req.remote_addr,
    )


def _on_backend_lost(
    _req: falcon.Request, _resp: falcon.Response, error: BackendLostError, *_: object
) -> None:
    structlog.get_logger("http").error("the job state does not answer", cause=str(error))
    raise Problem(
        "state-lost",
        "The service has lost its job state and is starting afresh. Jobs sent before are gone, "
        "unless it keeps a journal (JOURNAL_PATH): then they go on after the start.",
        retry_after=_LOST_RETRY_SECONDS,
    )


def _on_backend_silent(*_: object) -> None:
    raise Problem(
        "state-silent",
        "The service's job state does not answer at the moment. Nothing of this request was kept; "
        "send it again later.",
        retry_after=_SILENT_RETRY_SECONDS,
    )


def _on_unexpected(
    req: falcon.Request, _resp: falcon.Response, error: Exception, *_: object
) -> None:
    structlog.get_logger("http").error(
        "unexpected error", method=req.method, path=req.path, exc_info=error
    )
    raise Problem(
        "internal-error",
        "The service met an unexpected error. The log says more; the request may be tried again.",
    )
