"""A libcurl handle for one transfer at a time: options and callbacks."""

import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from queue import SimpleQueue
from typing import Protocol
from urllib.parse import unquote_to_bytes

import certifi
import pycurl

from workers.worker.http.head import Head

_BUFFER_BYTES = 256 * 1024
_MAX_ADDRESSES = 6
"""Maximum number of a name's addresses to try, as its owner could list thousands."""

_SESSION_SECONDS = 0.1  # minimum wait for a TLS session, for a busy server

_match_origin = re.compile(r"https?://[^/?]*").match

_SUPPRESS_CONNECT_HEADERS = 265  # CURLOPT_SUPPRESS_CONNECT_HEADERS, missing in pycurl

_REFUSE, _ABORT, _STOP = pycurl.SOCKET_BAD, pycurl.READFUNC_ABORT, 0


class Guard(Protocol):
    """Checks the address of a connection."""

    def check(self, address: IPv4Address | IPv6Address, port: int) -> None:
        """Raise an exception if the address is refused."""


class Body(Protocol):
    """Receives the body of a response, in the transfer thread."""

    def write(self, piece: bytes) -> bool:
        """Receive a piece; return False to end the body. An exception ends the transfer."""

    def discard(self) -> None:
        """Discard the body after a failed transfer."""


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """Options of all transfers of a kind.

    Attributes:
        proxy: URL of the proxy, with its credentials; None: none.
        authorities: path of the file with the trusted certificate authorities.
        keeps_cookies: whether to store and send cookies, until `forget_cookies`.
    """

    proxy: str | None = field(default=None, repr=False)
    authorities: str = field(default_factory=certifi.where)
    keeps_cookies: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A request with its deadlines.

    Attributes:
        url: ASCII, sent unchanged.
        headers: lines, one per field.
        open_body: called with the complete head; an exception ends the transfer.
        deadline: monotonic seconds, for the whole transfer.
        connect_seconds: for name lookup, connection and TLS handshake.
    """

    url: str
    headers: Sequence[str]
    open_body: Callable[[Head], Body]
    deadline: float
    connect_seconds: float


def open_curl(options: TransferOptions) -> pycurl.Curl:
    """Make a handle with the constant options."""
    curl = pycurl.Curl()
    # Credentials are set apart: libcurl quotes the proxy's URL in its messages.
    login, _, peer = (options.proxy or "").rpartition("@")
    scheme, _, login = login.rpartition("://")
    user, _, password = map(unquote_to_bytes, login.partition(":"))
    for option, value in (
        (pycurl.NOSIGNAL, 1),
        (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
        (pycurl.PATH_AS_IS, 1),
        (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS),
        (pycurl.BUFFERSIZE, _BUFFER_BYTES),
        (pycurl.UPLOAD_BUFFERSIZE, _BUFFER_BYTES),
        # Resolve the name for each connection.
        (pycurl.DNS_CACHE_TIMEOUT, 0),
        (pycurl.CAINFO, options.authorities),
        (pycurl.PROXY_CAINFO, options.authorities),
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


class Handle:
    """A libcurl handle with the state of the transfer that runs on it.

    Args:
        options: of all its transfers.
        guard: checks each address; None for hosts of the settings.
        on_socket: called with descriptor and origin of each opened socket.

    Attributes:
        head: of the response, as received so far.
        body: receiver of the body; None until the head is complete.
        failure: exception of a callback.
        is_enough: whether the body is complete, or no more of it is needed.
        descriptor: of the last socket opened for it; None on a reused connection.
        is_connected: whether its connection is ready for the request.
        hold_until: monotonic seconds; other transfers wait so long for its TLS session.
        has_sent: whether the request's body was sent completely.
        result: error or None, for the waiting lane.
        origin: scheme, host and port of the URL.
        target: path and query of the URL.
    """

    def __init__(
        self,
        options: TransferOptions,
        guard: Guard | None,
        on_socket: Callable[[int, str], None] = lambda *_: None,
    ) -> None:
        self.curl = open_curl(options)
        self.result: SimpleQueue[Exception | None] = SimpleQueue()
        self._guard = guard
        self._on_socket = on_socket
        self._is_proxied = (options.proxy or "").lower().startswith("http")
        self._sent_headers: Sequence[str] = ()
        self._method = ""
        self.origin = self.target = ""
        self._open_body: Callable[[Head], Body]
        self.body: Body | None = None
        self._upload: Iterator[bytes] | None = None
        self._size = 0
        self.hold_until = 0.0
        self._opened_at = 0.0
        self.descriptor: int | None = None
        self._refusal: Exception | None = None
        self._begin(0.0)
        self.curl.setopt(pycurl.OPENSOCKETFUNCTION, self.open_socket)
        self.curl.setopt(pycurl.PREREQFUNCTION, self._note_connection)
        self.curl.setopt(pycurl.HEADERFUNCTION, self._take_line)
        self.curl.setopt(pycurl.WRITEFUNCTION, self._take_piece)
        self.curl.setopt(pycurl.READFUNCTION, self._give_piece)

    def prepare(self, request: Request) -> None:
        """Prepare one transfer; `set_method` comes first."""
        self._open_body = request.open_body
        self._begin(request.deadline)
        now = time.monotonic()
        # The other half is left for a connection of its own.
        self.hold_until = now + min(request.connect_seconds, (request.deadline - now) / 2)
        self.curl.setopt(pycurl.URL, request.url)
        # libcurl would rewrite the escapes of a path (%2c to %2C), which may be signed.
        self.origin = _match_origin(request.url)[0]  # type: ignore[index] # it is a wire URL
        target = request.url[len(self.origin) :]
        self.target = target if target.startswith("/") else f"/{target}"
        is_plain_proxy = self._is_proxied and request.url.startswith("http:")
        self.curl.setopt(pycurl.REQUEST_TARGET, request.url if is_plain_proxy else self.target)
        if request.headers != self._sent_headers:
            self._sent_headers = request.headers
            own = [line for line in request.headers if line.lower().startswith("cookie:")]
            self.curl.setopt(pycurl.HTTPHEADER, [x for x in request.headers if x not in own])
            # In one line with the cookies that the site has set.
            self.curl.unsetopt(pycurl.COOKIE)
            if own:
                self.curl.setopt(pycurl.COOKIE, own[0].partition(":")[2].strip())
        self.curl.setopt(pycurl.CONNECTTIMEOUT_MS, max(1, int(request.connect_seconds * 1000)))

    def set_method(self, method: str, upload: Iterator[bytes] | None = None, size: int = 0) -> None:
        """Set the method and the body.

        Args:
            method: GET, POST or DELETE.
            upload: the body in pieces; read once, so it is never sent twice.
            size: of the body, in bytes.
        """
        self._upload, self._size = upload, size
        if method != self._method:
            self._method = method
            self.curl.setopt(pycurl.POST if upload else pycurl.HTTPGET, 1)
            self.curl.setopt(pycurl.CUSTOMREQUEST, method)
        if upload:
            self.curl.setopt(pycurl.POSTFIELDSIZE_LARGE, size)

    def forget_cookies(self) -> None:
        self.curl.setopt(pycurl.COOKIELIST, "ALL")

    def prepare_deadline(self, now: float) -> None:
        """Set libcurl's timeout to the seconds left; called when the transfer begins."""
        self._silent_from = now + (self._deadline - now) / 3
        self.curl.setopt(pycurl.TIMEOUT_MS, max(1, int((self._deadline - now) * 1000)))

    @property
    def is_repeatable(self) -> bool:
        """True if libcurl may repeat the request when a reused connection is closed."""
        return self._upload is None

    def is_silent(self, now: float) -> bool:
        """Return whether a reused connection received nothing in a third of the time.

        The rest is left for a new connection, as the source may only be slow.
        """
        return now >= self._silent_from and self._method == "GET" and self.is_reusing

    @property
    def is_reusing(self) -> bool:
        """True on a reused connection without any response yet."""
        return self.is_connected and self.descriptor is None and not self.head.status

    def open_socket(self, _purpose: int, address: tuple[int, int, int, tuple[str, int]]) -> int:
        """Open a socket, which libcurl connects to the address checked here."""
        family, kind, protocol, (host, port, *_) = address
        if self._attempts >= _MAX_ADDRESSES:
            return _REFUSE
        try:
            if self._guard is not None:
                self._guard.check(ip_address(host), port)
        except Exception as error:  # noqa: BLE001 - raised again in the lane
            # It counts only if no other address is allowed.
            self._refusal = self._refusal or error
            return _REFUSE
        self._attempts += 1
        try:
            descriptor = socket.socket(family, kind, protocol).detach()
        except OSError:  # address family not supported, or no descriptor left
            return _REFUSE
        self.descriptor = descriptor
        self._opened_at = time.monotonic()
        self._on_socket(descriptor, self.origin)
        return descriptor

    def _note_connection(self, *_ends: object) -> int:
        self.is_connected = True
        # The server sends the session within a round trip after the handshake; connecting took at
        # least one. libcurl does not report a session that came with the handshake.
        now = time.monotonic()
        self.hold_until = now + max(now - self._opened_at, _SESSION_SECONDS)
        return int(pycurl.PREREQFUNC_OK)

    @property
    def refusal(self) -> Exception | None:
        """The guard's exception, if it allowed no address of the host."""
        return None if self._attempts else self._refusal

    def take_body(self) -> Body | None:
        """Return the body; the caller closes it."""
        body, self.body = self.body, None
        return body

    def discard_body(self) -> None:
        body = self.take_body()
        if body is not None:
            body.discard()

    def _begin(self, deadline: float) -> None:
        self.discard_body()
        self._deadline = deadline
        self._silent_from = float("inf")
        self._attempts = 0
        self._received = 0
        self._length: int | None = None
        self._refusal = None
        self.head = Head()
        self.failure: Exception | None = None
        self.is_enough = False
        self.descriptor = None
        self.is_connected = False
        self.has_sent = False
        self._left = self._size
        self._rest = memoryview(b"")

    def _take_line(self, line: bytes) -> int | None:
        try:
            head = self.head
            head.feed(line)
            if not head.is_complete or self.body is not None:
                return None
            self._length = head.length()
            self.body = self._open_body(head)
            # Do not wait for a body that is not needed.
            self.is_enough = not self.body.write(b"")
        except Exception as error:  # noqa: BLE001 - raised again in the lane
            self.failure = error
            return _STOP
        return _STOP if self.is_enough else None

    def _take_piece(self, piece: bytes) -> int | None:
        try:
            is_wanted = self.body is not None and self.body.write(piece)
        except Exception as error:  # noqa: BLE001 - raised again in the lane
            self.failure = error
            return _STOP
        self._received += len(piece)
        self.is_enough = not is_wanted or self._received == self._length
        return None if is_wanted else _STOP

    def _give_piece(self, size: int) -> bytes | int:
        try:
            if not self._rest and self._upload is not None:
                self._rest = memoryview(next(self._upload, b""))
        except Exception as error:  # noqa: BLE001 - raised again in the lane
            self.failure = error
            return _ABORT
        piece, self._rest = self._rest[:size], self._rest[size:]
        self._left -= len(piece)
        self.has_sent = self._left <= 0
        return bytes(piece)
