"""Answers what the HTTP parser refuses (a body or header that is too long, a broken request) as a
problem, like everything else.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import structlog
from waitress.task import ErrorTask
from waitress.utilities import Error

from service.problems.problems import MEDIA_TYPE, problem_body
from service.rendering.rendered import render

if TYPE_CHECKING:
    from service.http.channel import Channel

MAX_HEADER_BYTES: Final = 32 * 1024
# The parser's own words are not repeated: they may quote a header, and with it a key.
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
    """What a refusal carries besides its problem.

    Attributes:
        headers: of each.
        request_id_header: names the request; what a client may have sent in it as well.
        request_id_for: the id of a request, from what its client sent, if anything.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    request_id_header: str = "X-Request-ID"
    request_id_for: Callable[[str | None], str] = lambda _: str(uuid.uuid4())


class RequestRefusedError(Error):
    """Why a request is refused, in words that quote nothing of it.

    Args:
        status: of the answer.
        code: of the problem.
        detail: a sentence for people.
        retry_seconds: until the client may ask again; None where that is no use.
    """

    def __init__(
        self, status: HTTPStatus, code: str, detail: str, *, retry_seconds: int | None = None
    ) -> None:
        super().__init__(detail)
        self.code = status
        self.problem = (code, detail)
        self.retry_seconds = retry_seconds


class ProblemTask(ErrorTask):
    """A request that the HTTP parser refused."""

    channel: "Channel"

    def execute(self) -> None:
        """Answer with a problem and close."""
        self.channel.is_refused = True
        error = self.request.error  # type: ignore[attr-defined]  # the stubs take the request for its error
        status = HTTPStatus(error.code)
        code, detail = _PROBLEMS.get(status, _UNEXPECTED)
        retry_seconds = None
        if isinstance(error, RequestRefusedError):
            (code, detail), retry_seconds = error.problem, error.retry_seconds
        body = render(problem_body(status, code, detail))
        # Known where the head was read before the refusal.
        form = self.channel.server.refusals
        key = form.request_id_header.upper().replace("-", "_")
        request_id = form.request_id_for(self.request.headers.get(key))  # type: ignore[attr-defined]  # as below
        structlog.contextvars.clear_contextvars()  # of a request that this thread has put aside
        structlog.get_logger("http").info(
            "request refused",
            code=code,
            status=status.value,
            detail=detail,
            client=self.channel.client,
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
