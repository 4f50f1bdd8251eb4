"""Converts failures of transfers to download errors."""

import socket

from requests import RequestException, Timeout

from workers.contract.errors import DownloadError, Reason
from workers.worker.http.errors import Fault, TransferError
from workers.worker.http.guard import no_such_host, shown
from workers.worker.http.lookup import look_up

_LOOKUP_SECONDS = 2.0

_NOT_FOUND = "The host {host} could not be looked up"
_NOT_CONNECTED = "Could not connect to {host}"

_MEANINGS: dict[Fault, tuple[Reason, str]] = {
    Fault.LOOKUP: (Reason.NAME_LOOKUP_FAILED, f"{_NOT_FOUND}."),
    Fault.LOOKUP_TIMEOUT: (Reason.NAME_LOOKUP_FAILED, f"{_NOT_FOUND}: no answer."),
    Fault.CONNECT_REFUSED: (Reason.CONNECT_FAILED, f"{_NOT_CONNECTED}: connection refused."),
    Fault.CONNECT_TIMEOUT: (Reason.CONNECT_FAILED, f"{_NOT_CONNECTED}: no answer."),
    Fault.NO_CONNECTION: (Reason.CONNECT_FAILED, f"{_NOT_CONNECTED}: network error."),
    Fault.PROXY: (
        Reason.CONNECT_FAILED,
        "The proxy (SOURCE_PROXY) did not connect to {host}: {detail}.",
    ),
    Fault.CERTIFICATE: (Reason.TLS_FAILED, "The certificate of {host} is not valid: {detail}."),
    Fault.TLS: (
        Reason.TLS_FAILED,
        "No secure connection with {host} could be set up: {detail}.",
    ),
    Fault.TIMEOUT: (
        Reason.DOWNLOAD_TIMEOUT,
        "The download took too long: {host} stopped sending.",
    ),
    Fault.CUT_SHORT: (
        Reason.SOURCE_CUT_SHORT,
        "{host} closed the connection before the image was complete.",
    ),
    Fault.NOT_HTTP: (Reason.SOURCE_BAD_ANSWER, "What {host} answered is not valid HTTP."),
    Fault.URL: (Reason.URL_INVALID, "The URL cannot be sent to a server."),
}
# Another attempt would fail the same way.
_FINAL = frozenset({Fault.CERTIFICATE, Fault.TLS, Fault.NOT_HTTP, Fault.URL})


def download_error(error: RequestException, host: str) -> DownloadError:
    """Return the download error of a failed transfer.

    Args:
        error: of our adapter, or another one of requests.
        host: of the request.
    """
    if not isinstance(error, TransferError):
        error = TransferError(Fault.TIMEOUT if isinstance(error, Timeout) else Fault.CUT_SHORT)
    if error.fault is Fault.LOOKUP and not _may_exist(host):
        return no_such_host(host)
    reason, sentence = _MEANINGS[error.fault]
    message = sentence.format(host=shown(host), detail=error.detail)
    return DownloadError(reason, message, transient=error.fault not in _FINAL)


def _may_exist(host: str) -> bool:
    """Return whether a name that libcurl could not resolve may resolve later.

    libcurl does not tell a negative response from none, so the system's resolver is used.
    """
    try:
        look_up(host, _LOOKUP_SECONDS)
    except UnicodeError:
        return False
    except OSError as error:  # without errno: no response in time
        return error.errno not in {socket.EAI_NONAME, socket.EAI_NODATA}
    return True
