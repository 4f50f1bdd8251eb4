"""Responds with a problem to requests that the HTTP parser refuses."""

from collections.abc import Callable, Mapping
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


RefusalHeaders = Callable[[Mapping[str, str]], dict[str, str]]
"""Returns headers of the response, given those of the request (as ``X_REQUEST_ID``), and binds to
the log what identifies the request."""


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
        self.problem = code
        self.retry_seconds = retry_seconds


class ProblemTask(ErrorTask):
    """A request that the HTTP parser refused."""

    channel: "Channel"

    def execute(self) -> None:
        """Respond with a problem, and close."""
        self.channel.is_refused = True
        error = self.request.error  # type: ignore[attr-defined]  # the stubs type the request as its error
        if not isinstance(error, RequestRefusedError):
            error = RequestRefusedError(*_PROBLEMS.get(error.code, _UNEXPECTED))
        status = HTTPStatus(error.code)
        body = render(problem_body(status, error.problem, error.body))
        structlog.contextvars.clear_contextvars()  # of a request that this thread has suspended
        # The request has headers if its head was read before the refusal.
        headers = self.channel.server.refusals(self.request.headers)  # type: ignore[attr-defined]  # as above
        structlog.get_logger("http").info(
            "request refused",
            code=error.problem,
            status=status.value,
            detail=error.body,
            client=str(self.channel.addr[0]),
        )
        self.status = f"{status.value} {status.phrase}"
        self.response_headers = [("Content-Type", MEDIA_TYPE), *headers.items()]
        if error.retry_seconds is not None:
            self.response_headers.append(("Retry-After", str(error.retry_seconds)))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)
