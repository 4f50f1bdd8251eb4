"""Responds with a problem to requests that the HTTP parser refuses."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import structlog
from waitress.task import ErrorTask
from waitress.utilities import Error

from service.problems.catalog import CATALOG
from service.problems.problems import MEDIA_TYPE, problem_body
from service.rendering.rendered import render

if TYPE_CHECKING:
    from service.http.channel import Channel

MAX_HEADER_BYTES: Final = 32 * 1024
# The parser's own messages are not shown: they may quote a header, and with it a key.
_PROBLEMS = {
    HTTPStatus.BAD_REQUEST: ("bad-request", "The request is not valid HTTP/1.1."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "body-too-large",
        "The body is longer than this service takes. Send the URLs in several jobs.",
    ),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        "header-too-large",
        f"The request's header is longer than {MAX_HEADER_BYTES} bytes.",
    ),
    HTTPStatus.NOT_IMPLEMENTED: (
        "not-implemented",
        "The only Transfer-Encoding understood is chunked.",
    ),
}
_UNEXPECTED = ("internal-error", "The service met an unexpected error.")


@dataclass(frozen=True, slots=True)
class RefusalFormat:
    """Headers of the responses to refused requests.

    Attributes:
        headers: of all.
        request_id_header: name of the header with the request id, in request and response.
        request_id_for: returns the id of a request, for the client's own id, if any.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    request_id_header: str = "X-Request-ID"
    request_id_for: Callable[[str | None], str] = lambda _: str(uuid.uuid4())


class RequestRefusedError(Error):
    """A request is refused.

    Args:
        code: of the problem, in the catalogue.
        detail: sentence for a person, that quotes nothing of the request.
        retry_seconds: until the client may send it again; None if that does not help.
    """

    def __init__(self, code: str, detail: str, *, retry_seconds: int | None = None) -> None:
        super().__init__(detail)
        self.code = CATALOG[code]["status"]
        self.problem = (code, detail)
        self.retry_seconds = retry_seconds


class ProblemTask(ErrorTask):
    """A request that the HTTP parser refused."""

    channel: "Channel"

    def execute(self) -> None:
        """Respond with a problem, and close."""
        self.channel.is_refused = True
        error = self.request.error  # type: ignore[attr-defined]  # the stubs type the request as its error
        status = HTTPStatus(error.code)
        code, detail = _PROBLEMS.get(status, _UNEXPECTED)
        retry_seconds = None
        if isinstance(error, RequestRefusedError):
            (code, detail), retry_seconds = error.problem, error.retry_seconds
        body = render(problem_body(status, code, detail))
        # The request has headers if its head was read before the refusal.
        form = self.channel.server.refusals
        key = form.request_id_header.upper().replace("-", "_")
        request_id = form.request_id_for(self.request.headers.get(key))  # type: ignore[attr-defined]  # as below
        structlog.contextvars.clear_contextvars()  # of a request that this thread has suspended
        structlog.get_logger("http").info(
            "request refused",
            code=code,
            status=status.value,
            detail=detail,
            client=str(self.channel.addr[0]),
            request_id=request_id,
        )
        self.status = f"{status.value} {status.phrase}"
        self.response_headers = [
            ("Content-Type", MEDIA_TYPE),
            (form.request_id_header, request_id),
            *form.headers.items(),
        ]
        if retry_seconds is not None:
            self.response_headers.append(("Retry-After", str(retry_seconds)))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)
