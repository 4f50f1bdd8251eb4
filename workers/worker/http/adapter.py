"""An adapter of requests that transfers with libcurl."""

import io
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pycurl
import requests
from requests.adapters import BaseAdapter
from requests.exceptions import InvalidHeader, InvalidURL
from urllib3.exceptions import HTTPError

from workers.worker.http.content_coding import codings_of, open_decoded
from workers.worker.http.errors import Fault, TransferError, fault_of, in_words
from workers.worker.http.handle import Body, Guard, Handle, Request, TransferOptions
from workers.worker.http.head import Head, HeadTooLongError
from workers.worker.http.lenient import read_leniently
from workers.worker.http.loop import ConnectionPool, TransferAbortedError

MAX_ANSWER_BYTES = 1024 * 1024
"""Limit of a response that is not an image; real ones have some hundred bytes."""

_REQUEST_TIMEOUT = 408

_BLANK_RESPONSE = vars(requests.Response())

_find_line_end = re.compile(r"[\r\n\0]").search
_is_sendable = re.compile(r"https?://[!-~]+").fullmatch


class ResponseBody:
    """The first MAX_ANSWER_BYTES of a body, in memory."""

    def __init__(self, head: Head) -> None:
        self._bytes = io.BytesIO()
        self._codings = codings_of(head.fields.get("Content-Encoding", ""))

    def write(self, piece: bytes) -> bool:
        """See `Body`."""
        self._bytes.write(piece)
        return self._bytes.tell() <= MAX_ANSWER_BYTES

    def discard(self) -> None:
        """See `Body`."""
        self._bytes.close()

    def decoded(self) -> io.BytesIO:
        """Return the body, with its content coding decoded."""
        coded = self._bytes.getvalue()[:MAX_ANSWER_BYTES]
        try:
            plain = open_decoded(io.BytesIO(coded), self._codings, MAX_ANSWER_BYTES)
            return io.BytesIO(plain.read(MAX_ANSWER_BYTES))
        except HTTPError:  # wrong Content-Encoding
            return io.BytesIO(coded)


class CurlAdapter(BaseAdapter):
    """Sends one request at a time; each lane has its own.

    Args:
        pool: performs the transfers; all lanes share its connections.
        options: of all transfers.
        guard: checks each address before the connection; None for hosts of the settings.
        open_body: makes the body from the head; it becomes ``Response.raw``.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        options: TransferOptions,
        guard: Guard | None = None,
        open_body: Callable[[Head], Body] = ResponseBody,
    ) -> None:
        super().__init__()
        self._pool = pool
        self._options = options
        self._guard = guard
        self._open_body = open_body
        self._handle = Handle(options, guard, pool.note_socket)
        self._headers: tuple[Mapping[str, str] | None, list[str]] = (None, [])

    def send(  # noqa: PLR0917 - requests' own signature
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002, FBT001, FBT002 - requests' own signature
        timeout: Any = None,  # noqa: ANN401 - requests' own signature
        verify: bool | str = True,  # noqa: FBT001, FBT002 - requests' own signature
        cert: Any = None,  # noqa: ANN401 - requests' own signature
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send one request, and receive its complete response.

        A GET without a valid response on a reused connection is sent again on a new one (RFC 9112,
        section 9.3.1); nothing else is sent twice.

        Args:
            request: its URL is sent unchanged, and must be ASCII.
            stream: ignored.
            timeout: seconds to connect, and seconds for the whole transfer.
            verify: must be True; `TransferOptions` has the authorities.
            cert: must be empty.
            proxies: must be empty; `TransferOptions` has the proxy.

        Raises:
            TransferError: no response, or not all of it.
            Exception: raised by the guard or the body's `write`.
        """
        if cert or proxies or verify is not True:
            raise ValueError("proxy and authorities are chosen in TransferOptions")
        handle, url = self._handle, request.url or ""
        if not _is_sendable(url):
            raise InvalidURL("not to be sent", request=request)
        connect_seconds, seconds = timeout
        deadline = time.monotonic() + seconds
        handle.set_method(request.method or "GET", *_upload_of(request))
        wanted = Request(url, self._lines_of(request), self._open_body, deadline, connect_seconds)
        try:
            return self._exchange(request, wanted)
        finally:
            handle.discard_body()

    def close(self) -> None:
        self._handle.curl.close()

    def forget_cookies(self) -> None:
        self._handle.forget_cookies()

    def _exchange(self, request: requests.PreparedRequest, wanted: Request) -> requests.Response:
        handle = self._handle
        handle.prepare(wanted)
        error = self._perform()
        if request.method == "GET":
            if self._is_worth_repeating(error):
                handle.prepare(wanted)
                error = self._perform(fresh=True)
            if error is not None and self._may_be_read_leniently(error):
                head, body = read_leniently(self._options, self._guard, wanted)
                return _response(request, head, body)
        if error is not None:
            if isinstance(handle.body, ResponseBody):
                error.partial = _response(request, handle.head, handle.take_body())
            raise error
        return _response(request, handle.head, handle.take_body())

    def _perform(self, *, fresh: bool = False) -> TransferError | None:
        """Run the prepared transfer; return its error."""
        handle = self._handle
        if handle.is_repeatable:
            handle.curl.setopt(pycurl.FRESH_CONNECT, int(fresh))
        try:
            self._pool.perform(handle)
        except TransferAbortedError as error:
            return TransferError(Fault.CUT_SHORT, str(error), has_sent=handle.has_sent)
        except pycurl.error as error:
            if isinstance(handle.failure, HeadTooLongError):
                return TransferError(Fault.NOT_HTTP, "a head too long", has_sent=handle.has_sent)
            if handle.failure is not None:
                raise handle.failure from error
            if handle.is_enough:
                return None
            if handle.refusal is not None:
                raise handle.refusal from error
            fault = fault_of(handle.curl, error)
            return TransferError(fault, in_words(str(error.args[-1])), has_sent=handle.has_sent)
        # libcurl reports no error if the connection ends within the head.
        if not handle.head.is_complete:
            return TransferError(Fault.CUT_SHORT, has_sent=handle.has_sent)
        return None

    def _is_worth_repeating(self, error: TransferError | None) -> bool:
        handle = self._handle
        if handle.descriptor is not None:
            return False
        if error is None:
            return handle.head.status == _REQUEST_TIMEOUT
        return not handle.head.is_complete and error.fault in (Fault.CUT_SHORT, Fault.NOT_HTTP)

    def _may_be_read_leniently(self, error: TransferError) -> bool:
        """Return whether only the head's form is wrong, not its fields about the body."""
        is_unclear = any(name in error.detail for name in ("Content-Length", "Location"))
        return (
            error.fault is Fault.NOT_HTTP and not self._handle.head.is_complete and not is_unclear
        )

    def _lines_of(self, request: requests.PreparedRequest) -> list[str]:
        """Return the header fields for libcurl; cached, as most requests share one object."""
        if request.headers is not self._headers[0]:
            lines = [f"{name}: {value}" for name, value in request.headers.items()]
            if _find_line_end("".join(lines)):
                raise InvalidHeader("a line end in a header field", request=request)
            self._headers = (request.headers, [*lines, "Expect:"])
        return self._headers[1]


def open_session(adapter: BaseAdapter) -> requests.Session:
    """Open a session that uses `adapter`, and nothing from the environment."""
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _upload_of(request: requests.PreparedRequest) -> tuple[Iterator[bytes] | None, int]:
    body: Any = request.body
    if body is None:
        return None, 0
    size = int(request.headers.get("Content-Length", -1))
    if size < 0:
        raise InvalidHeader("a body without its length", request=request)
    return iter([body] if isinstance(body, bytes) else body), size


def _response(
    request: requests.PreparedRequest, head: Head, body: Body | None
) -> requests.Response:
    # Without requests' constructor: it makes a cookie jar, which costs more than all else here.
    response = requests.Response.__new__(requests.Response)
    vars(response).update(_BLANK_RESPONSE, history=[])
    response.request = request
    response.url = request.url or ""
    response.status_code = head.status
    response.headers = head.fields  # type: ignore[assignment] # reads the same
    response.raw = body.decoded() if isinstance(body, ResponseBody) else body
    return response
