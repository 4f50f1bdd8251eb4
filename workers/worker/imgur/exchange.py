"""One call of the Imgur API, with a deadline for the complete response."""

from collections.abc import Mapping
from typing import Final

import requests
from requests.structures import CaseInsensitiveDict

from workers.contract.errors import ImgurError, OutcomeUnknownError, Reason
from workers.contract.imgur_access import ImgurAccess
from workers.worker.http.adapter import CurlAdapter, ResponseBody
from workers.worker.http.errors import Fault, TransferError, as_transfer_error
from workers.worker.http.loop import TransferLoop
from workers.worker.http.options import TransferOptions
from workers.worker.imgur.multipart import Form
from workers.worker.imgur.response import ApiResponse, parse_json

_USER_AGENT: Final = "imgup"


class Exchange:
    """Calls the API, one call at a time.

    Args:
        access: proxy, authorities and connection timeout.
        transfers: performs the requests.
    """

    def __init__(self, access: ImgurAccess, transfers: TransferLoop) -> None:
        self._connect_seconds = access.connect_seconds
        options = TransferOptions(ResponseBody, None, access.proxy, access.authorities)
        self.adapter = CurlAdapter(transfers, options)

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        seconds: float,
        body: Form | None = None,
    ) -> ApiResponse:
        """Send one request.

        Args:
            method: of HTTP.
            url: of the call.
            headers: in addition to those of every call.
            seconds: for the whole call, from the connection to the response's last byte.
            body: of a POST.

        Raises:
            ImgurError: no response; the outcome is unknown.
        """
        request = requests.PreparedRequest()
        request.method, request.url = method, url
        request.headers = CaseInsensitiveDict(
            {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity", **headers}
        )
        if body is not None:
            request.headers["Content-Type"] = body.content_type
            request.headers["Content-Length"] = str(body.length)
            # The adapter sends iterables as well, unlike its types.
            request.body = body.body  # type: ignore[assignment]
        try:
            # Without a session, which would add cookies, hooks and redirects.
            response = self.adapter.send(
                request, timeout=(min(self._connect_seconds, seconds), seconds)
            )
            return _answer_of(response)
        except requests.RequestException as failure:
            error = as_transfer_error(failure)
            # With a status there is a decision, and the received body may be all of it.
            partial = None if error.partial is None else _answer_of(error.partial)
            if partial and (error.fault is not Fault.TIMEOUT or parse_json(partial.body)):
                return partial
            raise _unreachable(error) from failure

    def close(self) -> None:
        self.adapter.close()


def _answer_of(response: requests.Response) -> ApiResponse:
    return ApiResponse(response.status_code, response.headers, response.content)


def timed_out() -> ImgurError:
    message = "Imgur did not answer within the time allowed (UPLOAD_SECONDS)."
    return OutcomeUnknownError(Reason.IMGUR_TIMEOUT, message, transient=True)


_LOST: Final = "The connection to the Imgur API was lost before it answered."
_SENTENCES: Final = {
    Fault.LOOKUP: "The name of the Imgur API's host could not be resolved; check IMGUR_API_URL"
    " and DNS.",
    Fault.PROXY: "The proxy (IMGUR_PROXY) does not connect to the Imgur API: {detail}.",
    Fault.CERTIFICATE: "The Imgur API's TLS certificate is not trusted: {detail}.",
    Fault.TLS: "No TLS connection to the Imgur API could be made: {detail}.",
    Fault.CONNECT_REFUSED: "The Imgur API refused the connection; check IMGUR_API_URL.",
    Fault.NO_CONNECTION: "The network does not reach the Imgur API.",
    Fault.NOT_HTTP: "What the Imgur API answered is not valid HTTP.",
}
_LATE: Final = frozenset({Fault.LOOKUP_TIMEOUT, Fault.CONNECT_TIMEOUT, Fault.TIMEOUT})


def _unreachable(error: TransferError) -> ImgurError:
    if error.fault is Fault.NOT_HTTP and error.has_sent:
        # With a response Imgur has the image: another attempt would store it twice.
        message = "What Imgur answered cannot be read, but the image may have been stored."
        return OutcomeUnknownError(Reason.IMGUR_BAD_ANSWER, message)
    if error.fault in _LATE:
        reason, message = Reason.IMGUR_TIMEOUT, timed_out().message
    else:
        reason = Reason.IMGUR_UNREACHABLE
        message = _SENTENCES.get(error.fault, _LOST).format(detail=error.detail)
    kind = OutcomeUnknownError if error.has_sent else ImgurError
    return kind(reason, message, transient=True)
