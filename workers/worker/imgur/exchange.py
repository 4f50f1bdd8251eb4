"""One call of the Imgur API, with a deadline for the complete response."""

import time
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import requests
from requests.structures import CaseInsensitiveDict

from workers.contract.errors import ImgurError, OutcomeUnknownError, Reason, RefusalScope
from workers.contract.imgur_access import ImgurAccess
from workers.worker.http.adapter import CurlAdapter, ResponseBody
from workers.worker.http.errors import Fault, TransferError, as_transfer_error
from workers.worker.http.loop import TransferLoop
from workers.worker.http.options import TransferOptions
from workers.worker.imgur.deprecation import DeprecationLog
from workers.worker.imgur.multipart import Form
from workers.worker.imgur.response import ApiResponse, parse_json

_HEADERS: Final = {"User-Agent": "imgup", "Accept-Encoding": "identity"}


class Exchange:
    """Calls the API, one call at a time.

    Args:
        access: API, application, proxy, authorities and connection timeout.
        transfers: performs the requests.
        deprecations: log that all lanes share.
    """

    def __init__(
        self, access: ImgurAccess, transfers: TransferLoop, deprecations: DeprecationLog
    ) -> None:
        self._base = access.api_url.rstrip("/")
        self._connect_seconds = access.connect_seconds
        self._secrets = (access.client_id, access.client_secret, access.refresh_token, access.album)
        self._deprecations = deprecations
        options = TransferOptions(ResponseBody, None, access.proxy, access.authorities)
        self.adapter = CurlAdapter(transfers, options)

    def send(
        self,
        endpoint: str,
        deadline: float,
        form: Form | None = None,
        *,
        authorization: str = "",
        secrets: Collection[str] = (),
        **names: str,
    ) -> ApiResponse:
        """Send one request.

        Args:
            endpoint: method and path, with the names of things in braces; for the log, too.
            deadline: monotonic seconds, for the response's last byte.
            form: of a POST.
            authorization: value of that header; empty for none.
            secrets: parts of the call that are never shown.
            **names: what the braces stand for; as secret, since some of them allow changes.

        Raises:
            ImgurError: no response; the outcome is unknown.
        """
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            raise ImgurError(Reason.IMGUR_TIMEOUT, _TIMED_OUT, transient=True)  # nothing is sent
        path = {name: quote(value, safe="") for name, value in names.items()}
        request = requests.PreparedRequest()
        request.method, _, target = endpoint.format_map(path).partition(" ")
        request.url = self._base + target
        request.headers = CaseInsensitiveDict(_HEADERS)
        if authorization:
            request.headers["Authorization"] = authorization
        if form is not None:
            request.headers["Content-Type"] = form.content_type
            request.headers["Content-Length"] = str(form.length)
            # The adapter sends iterables as well, unlike its types.
            request.body = form.body  # type: ignore[assignment]
        credential = authorization.partition(" ")[2]
        hidden = filter(None, (*self._secrets, credential, *names.values(), *secrets))
        answer = ApiResponse(*self._perform(request, seconds), tuple(hidden))
        self._deprecations.read(endpoint, answer.headers, answer.secrets)
        return answer

    def close(self) -> None:
        self.adapter.close()

    def _perform(
        self, request: requests.PreparedRequest, seconds: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers and body."""
        try:
            # Without a session, which would add cookies, hooks and redirects.
            response = self.adapter.send(request, timeout=(self._connect_seconds, seconds))
        except requests.RequestException as failure:
            error = as_transfer_error(failure)
            if error.partial is None:
                raise _unreachable(error) from failure
            # With a status there is a decision, and the received body may be all of it.
            response = error.partial
            is_yes = response.status_code < HTTPStatus.MULTIPLE_CHOICES
            if is_yes and error.fault is Fault.TIMEOUT and not parse_json(response.content):
                raise _unreachable(error) from failure
        return response.status_code, response.headers, response.content


_TIMED_OUT: Final = "Imgur did not answer within the time allowed (UPLOAD_SECONDS)."
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
_NOT_REACHED: Final = (
    *(Fault.LOOKUP, Fault.LOOKUP_TIMEOUT, Fault.PROXY, Fault.CERTIFICATE, Fault.TLS),
    *(Fault.CONNECT_REFUSED, Fault.CONNECT_TIMEOUT, Fault.NO_CONNECTION),
)
_LATE: Final = frozenset({Fault.LOOKUP_TIMEOUT, Fault.CONNECT_TIMEOUT, Fault.TIMEOUT})


def _unreachable(error: TransferError) -> ImgurError:
    if error.fault is Fault.NOT_HTTP and error.has_sent:
        # With a response Imgur has the image: another attempt would store it twice.
        message = "What Imgur answered cannot be read, but the image may have been stored."
        return OutcomeUnknownError(Reason.IMGUR_BAD_ANSWER, message)
    if error.fault in _LATE:
        reason, message = Reason.IMGUR_TIMEOUT, _TIMED_OUT
    else:
        reason = Reason.IMGUR_UNREACHABLE
        message = _SENTENCES.get(error.fault, _LOST).format(detail=error.detail)
    kind = OutcomeUnknownError if error.has_sent else ImgurError
    scope = RefusalScope.MAYBE_ALL if error.fault in _NOT_REACHED else RefusalScope.IMAGE
    return kind(reason, message, transient=True).about(scope)
