"""An adapter of requests that transfers with libcurl."""

import io
import time

import pycurl
import requests
from requests.adapters import BaseAdapter
from urllib3.exceptions import HTTPError

from workers.worker.http.content_coding import codings_of, open_decoded
from workers.worker.http.errors import Fault, TransferError
from workers.worker.http.guard import LOOKUP_SECONDS, host_of, look_up, port_of
from workers.worker.http.head import Head
from workers.worker.http.lenient import perform_leniently
from workers.worker.http.loop import TransferLoop
from workers.worker.http.options import TransferOptions, open_curl
from workers.worker.http.transfer import Transfer

MAX_ANSWER_BYTES = 1024 * 1024
"""Limit of a response that is not an image; real ones have some hundred bytes."""

_REQUEST_TIMEOUT = 408

_BLANK_RESPONSE = vars(requests.Response())


class ResponseBody:
    """The first MAX_ANSWER_BYTES of a body, in memory."""

    def __init__(self, head: Head) -> None:
        self._bytes = io.BytesIO()
        self._codings = codings_of(head.fields.get("Content-Encoding", ""))

    def write(self, piece: bytes) -> bool:
        self._bytes.write(piece)
        return self._bytes.tell() <= MAX_ANSWER_BYTES

    def discard(self) -> None:
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
        loop: performs the transfers; all lanes share its connections.
        options: of all transfers. The body becomes ``Response.raw``.
    """

    def __init__(self, loop: TransferLoop, options: TransferOptions) -> None:
        super().__init__()
        self._loop = loop
        self._options = options
        self._curl = open_curl(options)

    def send(  # type: ignore[override] # requests' other parameters are `chosen`
        self, request: requests.PreparedRequest, *, timeout: tuple[float, float], **chosen: object
    ) -> requests.Response:
        """Send one request, and receive its complete response.

        A GET without a valid response on a reused connection is sent again on a new one (RFC 9112,
        section 9.3.1); nothing else is sent twice.

        Args:
            request: its URL is sent unchanged, and must be ASCII.
            timeout: seconds to connect, and seconds for the whole transfer.
            **chosen: as requests passes it, without effect; `TransferOptions` has the values.

        Raises:
            TransferError: no response, or not all of it.
            Exception: raised by the guard or the body's `write`.
        """
        if chosen.get("cert") or chosen.get("proxies") or chosen.get("verify", True) is not True:
            raise ValueError("proxy and authorities are chosen in TransferOptions")
        connect_seconds, seconds = timeout
        wanted = (request, time.monotonic() + seconds, connect_seconds)
        transfer = Transfer(self._options, self._curl, *wanted)
        error = self._loop.perform(transfer)
        if error is not None and error.fault is Fault.LOOKUP_TIMEOUT:
            transfer, error = self._look_up_apart(wanted) or (transfer, error)
        if request.method == "GET":
            if _is_worth_repeating(transfer, error):
                transfer = Transfer(self._options, self._curl, *wanted, is_fresh=True)
                error = self._loop.perform(transfer)
            if error is not None and _may_be_read_leniently(transfer, error):
                with open_curl(self._options) as curl:
                    transfer = Transfer(self._options, curl, *wanted)
                    error = perform_leniently(transfer)
        if error is None:
            return _response(transfer)
        error.has_sent = transfer.has_sent
        if isinstance(transfer.body, ResponseBody):
            error.partial = _response(transfer)
        else:
            transfer.discard()
        raise error

    def _look_up_apart(
        self, wanted: tuple[requests.PreparedRequest, float, float]
    ) -> tuple[Transfer, TransferError | None] | None:
        """Look a name up in a thread of its own, and send the request, of which nothing was sent.

        libcurl looks up ten names at once; behind ten without an answer all others wait.

        Returns:
            The transfer and its error; None if there is no answer, or no time.
        """
        request, deadline, _ = wanted
        left = deadline - time.monotonic()
        if self._options.proxy or left <= 0:
            return None
        url = request.url or ""
        host = host_of(url)
        try:
            found = look_up(host, min(LOOKUP_SECONDS, left))
        except (OSError, UnicodeError):
            found = []
        if not found:
            return None
        addresses = ",".join(map(str, found))
        self._curl.setopt(pycurl.RESOLVE, [f"+{host}:{port_of(url)}:{addresses}"])
        self._curl.setopt(pycurl.DNS_CACHE_TIMEOUT, 60)  # only for this transfer
        try:
            transfer = Transfer(self._options, self._curl, *wanted)
            return transfer, self._loop.perform(transfer)
        finally:
            self._curl.setopt(pycurl.DNS_CACHE_TIMEOUT, 0)

    def close(self) -> None:
        self._curl.close()

    def forget_cookies(self) -> None:
        self._curl.setopt(pycurl.COOKIELIST, "ALL")


def _is_worth_repeating(transfer: Transfer, error: TransferError | None) -> bool:
    if transfer.descriptor is not None:
        return False
    if error is None:
        return transfer.head.status == _REQUEST_TIMEOUT
    return not transfer.head.is_complete and error.fault in (Fault.CUT_SHORT, Fault.NOT_HTTP)


def _may_be_read_leniently(transfer: Transfer, error: TransferError) -> bool:
    """Return whether only the head's form is wrong, not its fields about the body."""
    is_unclear = any(name in error.detail for name in ("Content-Length", "Location"))
    return error.fault is Fault.NOT_HTTP and not transfer.head.is_complete and not is_unclear


def _response(transfer: Transfer) -> requests.Response:
    # Without requests' constructor: it makes a cookie jar, which costs more than all else here.
    response = requests.Response.__new__(requests.Response)
    vars(response).update(_BLANK_RESPONSE, history=[])
    response.request = transfer.request
    response.url = transfer.url
    response.status_code = transfer.head.status
    response.headers = transfer.head.fields  # type: ignore[assignment] # reads the same
    body = transfer.body
    response.raw = body.decoded() if isinstance(body, ResponseBody) else body
    return response
