"""Errors of transfers, classified from libcurl's codes, and what they mean for a download."""

import re
import socket
from enum import Enum

import pycurl
import requests
from requests.exceptions import RequestException, Timeout

from workers.contract.errors import DownloadError, Reason
from workers.worker.http.guard import AddressGuard, host_of, no_such_host, shown


class Fault(Enum):
    """The phase and kind of a failure.

    Attributes:
        reason: why a download with it failed.
        sentence: about that, with ``{host}`` and ``{detail}`` to be filled in.
    """

    LOOKUP = Reason.NAME_LOOKUP_FAILED, "The host {host} could not be looked up."
    LOOKUP_TIMEOUT = Reason.NAME_LOOKUP_FAILED, "The host {host} could not be looked up: no answer."
    CONNECT_REFUSED = Reason.CONNECT_FAILED, "Could not connect to {host}: connection refused."
    CONNECT_TIMEOUT = Reason.CONNECT_FAILED, "Could not connect to {host}: no answer."
    NO_CONNECTION = Reason.CONNECT_FAILED, "Could not connect to {host}: network error."
    PROXY = (Reason.CONNECT_FAILED, "The proxy (SOURCE_PROXY) did not connect to {host}: {detail}.")
    CERTIFICATE = Reason.TLS_FAILED, "The certificate of {host} is not valid: {detail}."
    TLS = Reason.TLS_FAILED, "No secure connection with {host} could be set up: {detail}."
    TIMEOUT = Reason.DOWNLOAD_TIMEOUT, "The download took too long: {host} stopped sending."
    CUT_SHORT = (
        Reason.SOURCE_CUT_SHORT,
        "{host} closed the connection before the image was complete.",
    )
    NOT_HTTP = Reason.SOURCE_BAD_ANSWER, "What {host} answered is not valid HTTP."
    URL = Reason.URL_INVALID, "The URL cannot be sent to a server."

    def __init__(self, reason: Reason, sentence: str) -> None:
        self.reason = reason
        self.sentence = sentence


# Another attempt would fail the same way.
_FINAL = frozenset({Fault.CERTIFICATE, Fault.TLS, Fault.NOT_HTTP, Fault.URL})


class TransferError(requests.ConnectionError):
    """A transfer without a complete response.

    Args:
        fault: phase and kind of the failure.
        detail: libcurl's message, for the log and about certificates.

    Attributes:
        has_sent: whether the request's body was sent completely.
        partial: the response as received, if its head was complete.
    """

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(detail)
        self.fault = fault
        self.detail = detail
        self.has_sent = False
        self.partial: requests.Response | None = None


_match_verdict = re.compile(
    r".*(?:problem|result|[0-9] ms): (.*?)(?: \([0-9]+\))?"
    r"|(Could not resolve proxy|Unsupported proxy syntax)\b.*"
).fullmatch


def in_words(text: str) -> str:
    """Return a message of libcurl without the parts for its developers."""
    found = _match_verdict(text)
    if found:
        return found[1] or found[2]
    return text.removeprefix("SSL: ").rpartition("::")[2].rstrip(".")


# All other codes count as the end of the connection.
_FAULTS = {
    pycurl.E_UNSUPPORTED_PROTOCOL: Fault.NOT_HTTP,  # also for an invalid status line
    pycurl.E_URL_MALFORMAT: Fault.URL,
    pycurl.E_COULDNT_RESOLVE_PROXY: Fault.PROXY,
    pycurl.E_COULDNT_RESOLVE_HOST: Fault.LOOKUP,
    pycurl.E_COULDNT_CONNECT: Fault.NO_CONNECTION,
    pycurl.E_OPERATION_TIMEDOUT: Fault.TIMEOUT,
    pycurl.E_FTP_WEIRD_SERVER_REPLY: Fault.NOT_HTTP,
    pycurl.E_SSL_CONNECT_ERROR: Fault.TLS,
    pycurl.E_SSL_CIPHER: Fault.TLS,
    pycurl.E_PEER_FAILED_VERIFICATION: Fault.CERTIFICATE,
    pycurl.E_BAD_CONTENT_ENCODING: Fault.NOT_HTTP,
    97: Fault.PROXY,  # CURLE_PROXY
    100: Fault.NOT_HTTP,  # CURLE_TOO_LARGE
}

_OK = 200
_ECONNREFUSED = 111
_CONNECTING = ("CONNECT", "Proxy CONNECT", "Connection", "Failed to connect")
_END_OF_TLS = ("SSL_ERROR_SYSCALL", "eof", "reset by peer", "SSL_ERROR_ZERO_RETURN")


def transfer_error(curl: pycurl.Curl, error: pycurl.error) -> TransferError:
    """Classify the failure of a transfer.

    Args:
        curl: handle of the transfer.
        error: of libcurl.
    """
    code, text = error.args  # type: ignore[misc] # missing in the stubs
    return TransferError(_fault_of(curl, code, text), in_words(text))


def _fault_of(curl: pycurl.Curl, code: int, text: str) -> Fault:
    fault = _FAULTS.get(code, Fault.CUT_SHORT)
    is_connecting = text.startswith(_CONNECTING)
    is_tunnelled = curl.getinfo(pycurl.HTTP_CONNECTCODE) == _OK
    if is_connecting and curl.getinfo(pycurl.USED_PROXY) and not is_tunnelled:
        fault = Fault.PROXY
    elif fault is Fault.TIMEOUT:
        # libcurl reports the phase in the message only.
        if text.startswith("Resolving"):
            fault = Fault.LOOKUP_TIMEOUT
        elif is_connecting and curl.getinfo(pycurl.CONNECT_TIME) <= 0:
            fault = Fault.CONNECT_TIMEOUT
    elif fault is Fault.NO_CONNECTION and curl.getinfo(pycurl.OS_ERRNO) == _ECONNREFUSED:
        fault = Fault.CONNECT_REFUSED
    elif fault is Fault.TLS and any(part in text for part in _END_OF_TLS):
        fault = Fault.CUT_SHORT
    elif code == pycurl.E_RECV_ERROR and "chunk" in text:
        fault = Fault.NOT_HTTP
    return fault


def as_transfer_error(error: RequestException) -> TransferError:
    """Return an error of our adapter as it is, and one of another adapter classified."""
    if isinstance(error, TransferError):
        return error
    classified = TransferError(Fault.TIMEOUT if isinstance(error, Timeout) else Fault.CUT_SHORT)
    classified.has_sent = True  # perhaps
    return classified


def download_error(error: RequestException, url: str, guard: AddressGuard) -> DownloadError:
    """Return the download error of a failed transfer.

    Args:
        error: of our adapter, or another one of requests.
        url: of the request.
        guard: of the request.
    """
    error = as_transfer_error(error)
    if error.fault is Fault.LOOKUP:
        # libcurl tells a negative response neither from none, nor from an address of a family that
        # this machine has no route for. So the system's resolver is used.
        try:
            guard.check_host(url)
        except DownloadError as refusal:
            return refusal
        except UnicodeError:
            return no_such_host(host_of(url))
        except OSError as failure:  # without errno: no response in time
            if failure.errno in {socket.EAI_NONAME, socket.EAI_NODATA}:
                return no_such_host(host_of(url))
    return DownloadError(
        error.fault.reason,
        error.fault.sentence.format(host=shown(host_of(url)), detail=error.detail),
        transient=error.fault not in _FINAL,
    )
