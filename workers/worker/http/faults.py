"""What the failure of a transfer means for a download."""

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
# No other attempt would be any different.
_FINAL = frozenset({Fault.CERTIFICATE, Fault.TLS, Fault.NOT_HTTP, Fault.URL})


def download_error(error: RequestException, host: str) -> DownloadError:
    """The download error that the failure of a transfer stands for.

    Args:
        error: of our adapter, or of another one of requests.
        host: whom the transfer was with.
    """
    if not isinstance(error, TransferError):
        error = TransferError(Fault.TIMEOUT if isinstance(error, Timeout) else Fault.CUT_SHORT)
    if error.fault is Fault.LOOKUP and not _may_exist(host):
        return no_such_host(host)
    reason, sentence = _MEANINGS[error.fault]
    message = sentence.format(host=shown(host), detail=error.detail)
    return DownloadError(reason, message, transient=error.fault not in _FINAL)


def _may_exist(host: str) -> bool:
    """Whether a name that libcurl could not resolve may resolve later.

    libcurl does not say whether the name server said no or nothing, so the system is asked.
    """
    try:
        look_up(host, _LOOKUP_SECONDS)
    except UnicodeError:
        return False
    except OSError as error:  # one without a number is no answer in time
        return error.errno not in {socket.EAI_NONAME, socket.EAI_NODATA}
    return True
