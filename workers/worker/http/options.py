"""Options that all transfers of a kind have in common."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote_to_bytes

import certifi
import pycurl

from workers.worker.http.head import Head

_BUFFER_BYTES = 256 * 1024

_SUPPRESS_CONNECT_HEADERS = 265  # CURLOPT_SUPPRESS_CONNECT_HEADERS, missing in pycurl


class Body(Protocol):
    """Receives the body of a response, in the transfer thread."""

    def write(self, piece: bytes) -> bool:
        """Receive a piece; return False to end the body. An exception ends the transfer."""

    def discard(self) -> None:
        """Discard the body after a failed transfer."""


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """Options of all transfers of a kind."""

    open_body: Callable[[Head], Body]  # called with the complete head; an error ends the transfer
    # Called with address, port and URL before a request; raises an exception if they are refused.
    # None for hosts of the settings.
    guard: Callable[[IPv4Address | IPv6Address, int, str], None] | None = None
    proxy: str | None = field(default=None, repr=False)  # URL, with its credentials; None: none
    authorities: str | None = None  # file with certificate authorities, besides certifi's
    keeps_cookies: bool = False  # stores and sends cookies, until they are deleted
    allowed: set[tuple[str, int]] = field(default_factory=set)  # some that the guard has allowed


def open_curl(options: TransferOptions) -> pycurl.Curl:
    """Make a handle with the constant options."""
    curl = pycurl.Curl()
    # Credentials are set apart: libcurl quotes the proxy's URL in its messages.
    login, _, peer = (options.proxy or "").rpartition("@")
    scheme, _, login = login.rpartition("://")
    user, _, password = map(unquote_to_bytes, login.partition(":"))
    authorities = authority_file(options.authorities)
    for option, value in (
        (pycurl.NOSIGNAL, 1),
        (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
        (pycurl.PATH_AS_IS, 1),
        (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS),
        (pycurl.BUFFERSIZE, _BUFFER_BYTES),
        (pycurl.UPLOAD_BUFFERSIZE, _BUFFER_BYTES),
        # Resolve the name for each connection.
        (pycurl.DNS_CACHE_TIMEOUT, 0),
        (pycurl.CAINFO, authorities),
        (pycurl.PROXY_CAINFO, authorities),
        # Empty: the proxy variables of the environment have no effect.
        (pycurl.PROXY, f"{scheme}://{peer}" if scheme else peer),
        (pycurl.NOPROXY, ""),
        # A proxy's response to CONNECT is not the head of the response.
        (_SUPPRESS_CONNECT_HEADERS, 1),
    ):
        curl.setopt(option, value)
    if login:
        curl.setopt(pycurl.PROXYUSERNAME, user)
        curl.setopt(pycurl.PROXYPASSWORD, password)
    if options.keeps_cookies:
        curl.setopt(pycurl.COOKIEFILE, "")
    return curl


@functools.cache
def authority_file(further: str | None) -> str:
    """Return the path of a file with certifi's authorities and those of `further`.

    libcurl reads one file. The joined one is in memory, so a killed process leaves nothing behind;
    it is made once per process.

    Args:
        further: path of a PEM file, or None.

    Raises:
        OSError: it cannot be read.
    """
    if further is None:
        return certifi.where()
    joined = os.memfd_create("authorities", 0)
    with open(joined, "wb", closefd=False) as file:
        file.write(Path(certifi.where()).read_bytes() + b"\n" + Path(further).read_bytes())
    return f"/proc/self/fd/{joined}"
