"""One client's connection: waitress's own, with three habits added.

- What the HTTP parser refuses (a body or header that is too long, a broken request) is answered as
  a problem, like everything else.
- A refused client is often still sending. To close then resets the connection, and the answer may
  be lost with it; so the sending side is closed first, and what still comes is dropped for a
  while (RFC 9112, section 9.6).
- While the server drains, answers say that the connection closes, and a connection is closed only
  when the client's machine has acknowledged all of it: in a container the network goes away
  together with the process, and unsent data with it.
"""

import fcntl
import socket
import struct
import sys
import termios
import time
from http import HTTPStatus
from typing import Final

import structlog
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask

from service.answer_headers import ALWAYS
from service.models import render
from service.problems import MEDIA_TYPE, problem_body

MAX_HEADER_BYTES: Final = 32 * 1024
_LINGER_SECONDS = 5.0  # for a refused client to stop sending
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


class _AppTask(WSGITask):
    """A request that the application answers."""

    channel: "Channel"

    def build_response_header(self) -> bytes:
        # Requests that came in one piece behind this one are still to be answered.
        if self.channel.is_draining and len(self.channel.requests) == 1:
            self.set_close_on_finish()
        return super().build_response_header()


class _ProblemTask(ErrorTask):
    """A request that the HTTP parser refused."""

    channel: "Channel"

    def execute(self) -> None:
        """Answer with a problem and close."""
        self.channel.is_refused = True
        status = HTTPStatus(self.request.error.code)  # type: ignore[attr-defined]  # the stubs take the request for its error
        code, detail = _PROBLEMS.get(status, _UNEXPECTED)
        body = render(problem_body(status, code, detail))
        structlog.get_logger("http").info(
            "request refused",
            code=code,
            status=status.value,
            detail=detail,
            client=self.channel.client,
        )
        self.status = f"{status.value} {status.phrase}"
        self.response_headers = [("Content-Type", MEDIA_TYPE), *ALWAYS.items()]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Channel(HTTPChannel):
    """A connection. Closing it goes through `handle_close`, twice where it has to linger."""

    task_class = _AppTask
    error_task_class = _ProblemTask

    is_refused = False
    is_draining = False
    _is_half_closed = False
    _linger_until = 0.0

    @property
    def client(self) -> str:
        """The address at the other end."""
        return str(self.addr[0])

    def received(self, data: bytes) -> bool:
        """Parse what came, or drop it once nothing more is answered."""
        if not self._is_half_closed:
            return super().received(data)
        if time.monotonic() > self._linger_until:
            self.will_close = True
        return False

    def handle_close(self) -> None:
        """Close, or first only our side of the connection."""
        lingers = self.is_refused or self.is_draining
        if lingers and not self._is_half_closed and not self.total_outbufs_len:
            self._is_half_closed = True
            if self._close_sending_side():
                return
        super().handle_close()

    def close_now(self) -> None:
        """Close, whatever is still under way."""
        self._is_half_closed = True
        self.handle_close()

    def is_quiet(self, seconds: float) -> bool:
        """Whether nothing is under way, and nothing was, for so long."""
        is_busy = self.requests or self.total_outbufs_len or self._unacknowledged_bytes()
        return not is_busy and self.last_activity < time.time() - seconds

    def _close_sending_side(self) -> bool:
        if self.socket is None:
            return False
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:  # the client is gone
            return False
        self.will_close = False
        self._linger_until = time.monotonic() + _LINGER_SECONDS
        return True

    def _unacknowledged_bytes(self) -> int:
        # Linux: tcp(7), SIOCOUTQ. Elsewhere a terminal's request has no meaning for a socket.
        if self.socket is None or sys.platform != "linux":
            return 0
        count = fcntl.ioctl(self.socket, termios.TIOCOUTQ, struct.pack("i", 0))
        return int(struct.unpack("i", count)[0])
