"""Requests that the server refuses: the application responds, so that they have all that its own
refusals have. The connection closes after that.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import falcon
import structlog
from waitress.channel import ClientDisconnected
from waitress.task import WSGITask

from service.problems.problems import Problem

if TYPE_CHECKING:
    from service.http.channel import Channel

ENVIRON_KEY: Final = "imgup.refusal"
MAX_HEADER_BYTES: Final = 32 * 1024
# The parser's own messages are not shown: they may quote a header, and with it a key.
_PROBLEMS = {
    HTTPStatus.BAD_REQUEST: ("bad-request", "The request is not valid HTTP/1.1."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "body-too-large",
        "The body is longer than MAX_BODY_BYTES allows. Send the URLs in several jobs.",
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


class RefusedTask(WSGITask):
    """A request whose `error` is a problem, or one of the parser's."""

    channel: "Channel"

    def get_environment(self) -> dict[str, object]:
        """Return the WSGI environment, with the problem."""
        environ: dict[str, object] = super().get_environment()
        error = self.request.error  # type: ignore[attr-defined]  # lacks in the stubs
        if not isinstance(error, Problem):
            error = Problem(*_PROBLEMS.get(error.code, _UNEXPECTED))
        return environ | {ENVIRON_KEY: error}

    def execute(self) -> None:
        """Have the application respond, and close."""
        self.channel.is_refused = True
        self.set_close_on_finish()
        try:
            super().execute()
        except Exception as error:
            if self.wrote_header or isinstance(error, ClientDisconnected):
                raise
            # It may be this that has failed; without a response the connection would stay open.
            structlog.get_logger("http").exception("unexpected error")
            self.status, self.response_headers = "500 Internal Server Error", []
            self.content_length, self.complete = 0, True


class RefusalMiddleware:
    """Raises the problem of a refused request, before anything else looks at it."""

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        if ENVIRON_KEY in req.env:
            raise req.env[ENVIRON_KEY]
