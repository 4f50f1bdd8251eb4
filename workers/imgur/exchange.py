"""One call of the Imgur API: sent, its answer read to the end, all of it in bounded time."""

import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError, ReadTimeoutError

from workers.errors import ImgurError, Reason, UploadUnsureError
from workers.transfer.line import Line, TransferTimeoutError, Watchdog
from workers.transfer.transport import open_session

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

_MOST_ANSWER_BYTES = 1024 * 1024  # an upload's answer has some hundred bytes
_USER_AGENT = "imgup"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said. A body that broke off is kept as far as it came.

    Attributes:
        headers: by name, whatever the case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class Exchange:
    """Calls the API on a line of its own; one call at a time.

    Args:
        watchdog: cuts calls past their deadline.
        connect_seconds: for each attempt to connect.
    """

    def __init__(self, watchdog: Watchdog, connect_seconds: float) -> None:
        self._connect_seconds = connect_seconds
        self._watchdog = watchdog
        self._line = Line()
        watchdog.watch(self._line)
        self.session = open_session(self._line)

    def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes],
        length: int,
        seconds: float,
    ) -> Answer:
        """Send one request.

        Args:
            url: of the call.
            headers: besides those of every call.
            body: whole, or in chunks.
            length: of the body, in bytes.
            seconds: for the whole call, from the connection to the answer's last byte.

        Raises:
            ImgurError: no answer came; whether Imgur did what was asked is unknown.
        """
        return self._send("POST", url, {**headers, "Content-Length": str(length)}, body, seconds)

    def delete(self, url: str, headers: Mapping[str, str], seconds: float) -> Answer:
        """Send one request without a body; see `post`."""
        return self._send("DELETE", url, headers, None, seconds)

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None,
        seconds: float,
    ) -> Answer:
        request = requests.PreparedRequest()
        request.method = method
        request.url = url
        request.headers = CaseInsensitiveDict(
            {
                "User-Agent": _USER_AGENT,
                "Accept-Encoding": "identity",
                **headers,
            }
        )
        # The adapter sends iterables as well, whatever its types say.
        request.body = body  # type: ignore[assignment]
        try:
            with self._line.within(seconds):
                # The adapter itself: Session.send adds cookies, hooks and redirects, none wanted.
                adapter = self.session.get_adapter(url)
                timeout = (min(self._connect_seconds, seconds), seconds)
                response = adapter.send(request, stream=True, timeout=timeout)
                return _read(response)
        except (TransferTimeoutError, requests.Timeout, ReadTimeoutError) as error:
            raise timed_out() from error
        except (requests.RequestException, HTTPError) as error:
            raise _unreachable(error) from error

    def close(self) -> None:
        self._watchdog.forget(self._line)
        self.session.close()


def timed_out() -> ImgurError:
    message = "Imgur did not answer within the time allowed (UPLOAD_SECONDS)."
    return UploadUnsureError(Reason.IMGUR_TIMEOUT, message, transient=True)


def _read(response: requests.Response) -> Answer:
    raw = cast("BaseHTTPResponse", response.raw)
    body = bytearray()
    try:
        # Bounded also after decoding. Read until nothing comes: this gives the connection back.
        while len(body) <= _MOST_ANSWER_BYTES:
            data = raw.read(_MOST_ANSWER_BYTES, decode_content=True)
            if not data:
                return Answer(response.status_code, response.headers, bytes(body))
            body += data
    except ReadTimeoutError:
        response.close()
        raise
    except HTTPError:
        pass  # the status is known and says enough; what came of the body may help
    response.close()  # with bytes left on it the connection is of no more use
    return Answer(response.status_code, response.headers, bytes(body))


def _unreachable(error: Exception) -> ImgurError:
    causes = list(_causes(error))
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return timed_out()
    for kind, sentence, error_class in _SENTENCES:
        if any(isinstance(cause, kind) for cause in causes):
            return error_class(Reason.IMGUR_UNREACHABLE, sentence, transient=True)
    message = "The connection to the Imgur API failed."
    return UploadUnsureError(Reason.IMGUR_UNREACHABLE, message, transient=True)


_SENTENCES: tuple[tuple[type[Exception], str, type[ImgurError]], ...] = (
    (
        socket.gaierror,
        "The name of the Imgur API's host could not be resolved; check IMGUR_API_URL and DNS.",
        ImgurError,
    ),
    (ssl.SSLCertVerificationError, "The Imgur API's TLS certificate is not trusted.", ImgurError),
    (ssl.SSLError, "No TLS connection to the Imgur API could be made.", UploadUnsureError),
    (
        ConnectionRefusedError,
        "The Imgur API refused the connection; check IMGUR_API_URL.",
        ImgurError,
    ),
    # http.client's RemoteDisconnected is one of these.
    (
        ConnectionError,
        "The connection to the Imgur API was lost before it answered.",
        UploadUnsureError,
    ),
    (OSError, "The network does not reach the Imgur API.", UploadUnsureError),
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What lies below the layers of requests and urllib3."""
    seen: BaseException | None = error
    while seen is not None:
        if not isinstance(seen, requests.RequestException | HTTPError):
            yield seen
        seen = seen.__cause__ or seen.__context__
