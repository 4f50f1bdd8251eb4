"""Errors of transfers, classified from libcurl's codes."""

import re
from enum import Enum, auto

import pycurl
import requests


class Fault(Enum):
    """The phase and kind of a failure."""

    LOOKUP = auto()
    LOOKUP_TIMEOUT = auto()
    CONNECT_REFUSED = auto()
    CONNECT_TIMEOUT = auto()
    NO_CONNECTION = auto()
    PROXY = auto()
    CERTIFICATE = auto()
    TLS = auto()
    TIMEOUT = auto()
    CUT_SHORT = auto()
    NOT_HTTP = auto()
    URL = auto()


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


class TransferError(requests.ConnectionError):
    """A transfer without a complete response.

    Args:
        fault: phase and kind of the failure.
        detail: libcurl's message, for the log and about certificates.
        has_sent: whether the request's body was sent completely.
        partial: the response as received, if its head was complete.
    """

    def __init__(
        self,
        fault: Fault,
        detail: str = "",
        *,
        has_sent: bool = False,
        partial: requests.Response | None = None,
    ) -> None:
        super().__init__(detail)
        self.partial = partial
        self.fault = fault
        self.detail = detail
        self.has_sent = has_sent


# All other codes count as the end of the connection.
_FAULTS = {
    pycurl.E_UNSUPPORTED_PROTOCOL: Fault.NOT_HTTP,  # also for an invalid status line
    pycurl.E_URL_MALFORMAT: Fault.URL,
    pycurl.E_COULDNT_RESOLVE_PROXY: Fault.PROXY,
    pycurl.E_COULDNT_RESOLVE_HOST: Fault.LOOKUP,
    pycurl.E_COULDNT_CONNECT: Fault.NO_CONNECTION,
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
_NO_CONNECTION = ("CONNECT", "Proxy CONNECT", "Connection timed out", "Failed to connect")
_END_OF_TLS = ("SSL_ERROR_SYSCALL", "eof", "reset by peer", "SSL_ERROR_ZERO_RETURN")


def fault_of(curl: pycurl.Curl, error: pycurl.error) -> Fault:
    """Classify the failure of a transfer.

    Args:
        curl: handle of the transfer.
        error: of libcurl.
    """
    code, text = error.args  # type: ignore[misc] # missing in the stubs
    if text.startswith(_NO_CONNECTION) and _is_at_proxy(curl):
        return Fault.PROXY
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return _late_phase(curl, text)
    fault = _FAULTS.get(code, Fault.CUT_SHORT)
    if fault is Fault.NO_CONNECTION and curl.getinfo(pycurl.OS_ERRNO) == _ECONNREFUSED:
        return Fault.CONNECT_REFUSED
    if fault is Fault.TLS and any(part in text for part in _END_OF_TLS):
        return Fault.CUT_SHORT
    if code == pycurl.E_RECV_ERROR and "chunk" in text:
        return Fault.NOT_HTTP
    return fault


def _is_at_proxy(curl: pycurl.Curl) -> bool:
    """Return whether a proxy is used and has not confirmed the connection."""
    return bool(curl.getinfo(pycurl.USED_PROXY)) and curl.getinfo(pycurl.HTTP_CONNECTCODE) != _OK


def _late_phase(curl: pycurl.Curl, text: str) -> Fault:
    # libcurl reports the phase in the message only.
    if text.startswith("Resolving"):
        return Fault.LOOKUP_TIMEOUT
    is_connecting = text.startswith(("Connection", "Failed to connect"))
    is_connecting = is_connecting and curl.getinfo(pycurl.CONNECT_TIME) <= 0
    return Fault.CONNECT_TIMEOUT if is_connecting else Fault.TIMEOUT
