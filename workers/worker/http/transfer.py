"""One transfer on a libcurl handle: its request, its state and libcurl's callbacks."""

import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from ipaddress import ip_address
from queue import SimpleQueue
from typing import Any

import pycurl
from requests import PreparedRequest
from requests.exceptions import InvalidHeader, InvalidURL

from workers.contract.wire_url import origin_and_target
from workers.worker.http.errors import Fault, TransferError, transfer_error
from workers.worker.http.head import Head
from workers.worker.http.options import Body, TransferOptions

_MAX_ADDRESSES = 6
"""Maximum number of a name's addresses to try, as its owner could list thousands."""

_MAX_ALLOWED = 1000  # addresses that are not checked again on a kept connection

_SESSION_SECONDS = 0.1  # minimum wait for a TLS session, for a busy server

_STOP = 0

_find_line_end = re.compile(r"[\r\n\0]").search
_is_sendable = re.compile(r"https?://[!-~]+").fullmatch


@dataclass(slots=True, eq=False, repr=False)  # it holds secrets
class Transfer:
    """One attempt to send a request, and what has come of it so far.

    Raises:
        RequestException: the request cannot be sent.
    """

    options: TransferOptions  # that `curl` was made with
    curl: pycurl.Curl  # runs one transfer at a time
    request: PreparedRequest  # its URL is sent unchanged, and must be ASCII; its body never twice
    deadline: float  # monotonic seconds, for the whole transfer
    connect_seconds: float  # for name lookup, connection and TLS handshake
    _: KW_ONLY
    is_fresh: bool = False  # needs a new connection
    # What has come of it:
    url: str = ""
    origin: str = ""
    target: str = ""
    upload: Iterator[bytes] | None = None
    head: Head = field(default_factory=Head)  # of the response, as received so far
    body: Body | None = None  # receiver of the body; None until the head is complete
    is_enough: bool = False  # the body is complete, or no more of it is needed
    descriptor: int | None = None  # of the last socket opened for it; None on a reused connection
    is_connected: bool = False  # its connection is ready for the request
    hold_until: float = 0.0  # monotonic seconds; others wait so long for its TLS session
    has_sent: bool = False  # the request's body was sent completely
    on_socket: Callable[[int, str], None] = lambda *_: None  # descriptor and origin of each socket
    result: SimpleQueue[pycurl.error | TransferError | None] = field(default_factory=SimpleQueue)
    _left: int = 0
    _refusal: Exception | None = None
    _failure: Exception | None = None
    _attempts: int = 0
    _opened_at: float = 0.0
    _silent_from: float = float("inf")
    _received: int = 0
    _length: int | None = None
    _rest: bytes | memoryview = b""

    def __post_init__(self) -> None:
        self.url = self.request.url or ""
        if not _is_sendable(self.url):
            raise InvalidURL("not to be sent", request=self.request)
        self.origin, self.target = origin_and_target(self.url)
        self.upload, self._left = _upload_of(self.request)
        now = time.monotonic()
        # The other half is left for a connection of its own.
        self.hold_until = now + min(self.connect_seconds, (self.deadline - now) / 2)
        self._prepare(lines_of(self.request))

    def _prepare(self, lines: Sequence[str]) -> None:
        """Set the options of this transfer."""
        cookies = [line for line in lines if line.lower().startswith("cookie:")]
        others = [line for line in lines if line not in cookies]
        is_proxied = (self.options.proxy or "").lower().startswith("http")
        is_absolute = is_proxied and self.url.startswith("http:")
        for option, value in (
            (pycurl.URL, self.url),
            # libcurl would rewrite the escapes of a path (%2c to %2C), which may be signed.
            (pycurl.REQUEST_TARGET, self.url if is_absolute else self.target),
            (pycurl.HTTPGET if self.upload is None else pycurl.POST, 1),
            (pycurl.CUSTOMREQUEST, self.request.method),
            (pycurl.POSTFIELDSIZE_LARGE, self._left),
            (pycurl.HTTPHEADER, [*others, "Expect:"]),
            # In one line with the cookies that the site has set.
            (pycurl.COOKIE, cookies[0].partition(":")[2].strip() if cookies else None),
            (pycurl.CONNECTTIMEOUT_MS, max(1, int(self.connect_seconds * 1000))),
            (pycurl.OPENSOCKETFUNCTION, self.open_socket),
            (pycurl.PREREQFUNCTION, self._begin_request),
            (pycurl.HEADERFUNCTION, self._take_line),
            (pycurl.WRITEFUNCTION, self.take_piece),
            (pycurl.READFUNCTION, self._give_piece),
        ):
            self.curl.setopt(option, value)

    def start_clock(self) -> None:
        """Set libcurl's timeout to the seconds left; called when the transfer begins."""
        now = time.monotonic()
        self._silent_from = now + (self.deadline - now) / 3
        self.curl.setopt(pycurl.TIMEOUT_MS, max(1, int((self.deadline - now) * 1000)))

    def is_silent(self, now: float) -> bool:
        """Return whether a reused connection received nothing in a third of the time.

        The rest is left for a new connection, as the source may only be slow.
        """
        is_reusing = self.is_connected and self.descriptor is None and not self.head.status
        return is_reusing and self.request.method == "GET" and now >= self._silent_from

    def error_of(self, ended: pycurl.error | TransferError | None) -> TransferError | None:
        """Return why the transfer failed; None if it did not.

        Args:
            ended: a pycurl.error, or a TransferError of the loop, or None.

        Raises:
            Exception: the guard or the body raised it.
        """
        if isinstance(self._failure, TransferError):  # of the head; the caller adds what it knows
            return self._failure
        if self._failure is not None:
            self.discard()
            raise self._failure
        if isinstance(ended, pycurl.error):
            if self.is_enough or self._is_ended_by(ended):
                return None
            if self._refusal is not None and not self._attempts:  # no address was allowed
                raise self._refusal
            return transfer_error(self.curl, ended)
        # libcurl reports no error if the connection ends within the head.
        is_lost = ended is None and not self.head.is_complete
        return TransferError(Fault.CUT_SHORT) if is_lost else ended

    def _is_ended_by(self, error: pycurl.error) -> bool:
        """Return whether a body without length ends with its connection, over TLS without the alert
        for that: browsers take it, as libcurl did with OpenSSL before 3.2 (curl/curl#17471).
        """
        is_sized = self.body is None or self._length is not None or self.head.is_chunked
        is_framed = self.curl.getinfo(pycurl.INFO_HTTP_VERSION) > pycurl.CURL_HTTP_VERSION_1_1
        return not (is_sized or is_framed) and "unexpected eof" in error.args[-1]

    def discard(self) -> None:
        if self.body is not None:
            self.body.discard()

    def open_socket(self, _purpose: int, address: tuple[int, int, int, tuple[str, int]]) -> int:
        """Open a socket, which libcurl connects to the address checked here."""
        family, kind, protocol, (host, port, *_) = address
        if self._attempts >= _MAX_ADDRESSES:
            return pycurl.SOCKET_BAD
        try:
            self._check(host, port)
        except Exception as error:  # noqa: BLE001 - raised again in the lane
            self._refusal = self._refusal or error
            return pycurl.SOCKET_BAD
        self._attempts += 1
        try:
            self.descriptor = socket.socket(family, kind, protocol).detach()
        except OSError:  # address family not supported, or no descriptor left
            return pycurl.SOCKET_BAD
        self._opened_at = time.monotonic()
        self.on_socket(self.descriptor, self.origin)
        return self.descriptor

    def _check(self, host: str, port: int) -> None:
        if self.options.guard is not None:
            self.options.guard(ip_address(host), port, self.url)
            if len(self.options.allowed) >= _MAX_ALLOWED:
                self.options.allowed.clear()
            self.options.allowed.add((host, port))

    def _begin_request(self, host: str, _own_host: str, port: int, _own_port: int) -> int:
        """Note that the connection is ready; called before the request is sent."""
        self.is_connected = True
        self.hold_until = now = time.monotonic()
        if self.descriptor is not None:
            # The server sends the session within a round trip after the handshake; connecting took
            # at least one. libcurl does not report a session that came with the handshake.
            self.hold_until += max(now - self._opened_at, _SESSION_SECONDS)
        elif (host, port) not in self.options.allowed:
            try:
                self._check(host, port)  # it may have been opened without this guard
            except Exception as error:  # noqa: BLE001 - raised again in the lane
                self._failure = error
                return int(pycurl.PREREQFUNC_ABORT)
        return int(pycurl.PREREQFUNC_OK)

    def open_body(self) -> None:
        """Open the receiver of the body, now that the head is complete."""
        self._length = self.head.length()
        self.body = self.options.open_body(self.head)
        # Do not wait for a body that is not needed.
        self.is_enough = not self.body.write(b"")

    def _take_line(self, line: bytes) -> int | None:
        try:
            self.head.feed(line)
            if self.head.is_complete and self.body is None:
                self.open_body()
        except Exception as error:  # noqa: BLE001 - raised again in the lane
            self._failure = error
        return _STOP if self._failure or self.is_enough else None

    def take_piece(self, piece: bytes) -> int | None:
        """Receive a piece of the body; return `_STOP` if no more is needed."""
        if self.body is None:  # libcurl read a status where `Head` found none
            self._failure = TransferError(Fault.NOT_HTTP, "no status")
            return _STOP
        is_wanted = False
        try:
            is_wanted = self.body.write(piece)
        except Exception as error:  # noqa: BLE001 - raised again in the lane
            self._failure = error
        self._received += len(piece)
        self.is_enough = not is_wanted or self._received == self._length
        return None if is_wanted else _STOP

    def _give_piece(self, size: int) -> bytes | int:
        try:
            if not self._rest and self.upload is not None:
                self._rest = memoryview(next(self.upload, b""))
        except Exception as error:  # noqa: BLE001 - raised again in the lane
            self._failure = error
            return int(pycurl.READFUNC_ABORT)
        piece, self._rest = self._rest[:size], self._rest[size:]
        self._left -= len(piece)
        self.has_sent = self._left <= 0
        return bytes(piece)


def lines_of(request: PreparedRequest) -> Sequence[str]:
    """Return the header fields, one per line."""
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    if _find_line_end("".join(lines)):
        raise InvalidHeader("a line end in a header field", request=request)
    return lines


def _upload_of(request: PreparedRequest) -> tuple[Iterator[bytes] | None, int]:
    """Return the body in pieces, and its size in bytes."""
    body: Any = request.body
    if body is None:
        return None, 0
    if "Content-Length" not in request.headers:
        raise InvalidHeader("a body without its length", request=request)
    size = int(request.headers["Content-Length"])
    return iter([body] if isinstance(body, bytes) else body), size
