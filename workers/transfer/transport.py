"""The way of a request: a session of requests, below it connections that belong to a line.

requests holds the configuration, urllib3 connects and speaks TLS, `StrictAnswer` reads. What these
libraries have in between (pools, retries, proxies, cookies, redirects) is not used here, and took
more than a quarter of the CPU of an image: docs/decisions/0008-transport.md has the figures.
"""

import functools
import re
import socket
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from http.client import HTTPException
from typing import Any
from urllib.parse import SplitResult, urlsplit

import certifi
import requests
from requests.adapters import BaseAdapter
from requests.exceptions import ConnectTimeout, InvalidHeader, InvalidURL, ReadTimeout, SSLError
from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util.ssl_ import create_urllib3_context

from workers.transfer.answer import StrictAnswer
from workers.transfer.line import Line, TransferTimeoutError

_KEPT_CONNECTIONS = 8  # what a lane keeps open, to the hosts it met last

# Head and first bytes of the body leave in one packet, where the system knows how.
_MORE_TO_COME = getattr(socket, "MSG_MORE", 0)

_Body = bytes | str | Iterable[bytes] | None

_find_line_end = re.compile(r"[\r\n\0]").search
_is_target = re.compile(r"/[!-~]*").fullmatch


class _LineConnection(HTTPConnection):
    line: Line
    host_field: str
    _answer: StrictAnswer | None = None
    _flags: tuple[int, ...] = (_MORE_TO_COME,)

    def exchange(self, method: str, head: bytes, body: _Body, read_seconds: float) -> StrictAnswer:
        """Send one request on a connection that is ready, and read the head of the answer.

        Args:
            method: of the request.
            head: of the request, whole.
            body: whole, or in chunks.
            read_seconds: for each send and each read.
        """
        self.sock.settimeout(read_seconds)
        body = body.encode() if isinstance(body, str) else body
        pieces = (body,) if isinstance(body, bytes) else body
        is_taken = False
        # The answer may come, and the connection end, before all of the body is taken. What has
        # come by then can still be read; if it is nothing, reading says so.
        with suppress(BrokenPipeError, ConnectionResetError):
            if pieces is None:
                self.sock.sendall(head)
            else:
                self.sock.sendall(head, *self._flags)
                for piece in pieces:
                    self.sock.sendall(piece)
            is_taken = True
        self._answer = StrictAnswer(self.sock, method, self.close)
        self._answer.begin()
        if not is_taken:
            self._answer.will_close = True
        return self._answer

    def make_ready(self, seconds: float | None) -> None:
        """Take up the connection of an earlier transfer, or connect.

        Args:
            seconds: to connect, with the TLS handshake.
        """
        if self.sock is not None and self._is_reusable():
            self.line.attach(self.sock)
        else:
            self.close()
            self.timeout = seconds
            self.connect()

    def close(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.close()
        super().close()

    def connect(self) -> None:
        super().connect()
        self.line.attach(self.sock)

    def _new_conn(self) -> socket.socket:
        sock = self.line.dial(self._dns_host, self.port, self.timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def _is_reusable(self) -> bool:
        # With bytes on it that nobody asked for, a connection counts as lost, too: they would be
        # taken for the next answer (RFC 9112, section 6.3).
        return (self._answer is None or self._answer.isclosed()) and self.is_connected


class _LineTlsConnection(_LineConnection, HTTPSConnection):
    _handshake: socket.socket | None = None
    _flags = ()  # TLS has none

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            if self._handshake is not None:
                self._handshake.close()
                self._handshake = None

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        # Wrapping takes the descriptor out of this socket before the handshake begins; a
        # duplicate keeps it in the watchdog's reach meanwhile.
        self._handshake = sock.dup()
        try:
            self.line.attach(self._handshake)
        except TransferTimeoutError:
            sock.close()  # nobody else knows of it yet
            raise
        return sock


@functools.lru_cache(maxsize=4)
def _tls_context(authorities: str) -> ssl.SSLContext:
    """One for the process: to load the certificate authorities takes some 35 ms of CPU."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(authorities)
    return context


class LineAdapter(BaseAdapter):
    """Sends requests over connections that belong to a line, one at a time, each once.

    Proxies, client certificates and connections without verification are not to be had.
    """

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line
        self._connections: dict[tuple[object, ...], _LineConnection] = {}

    def send(  # noqa: PLR0917 - requests' own signature
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002, FBT001, FBT002 - requests' own signature
        timeout: Any = None,  # noqa: ANN401 - requests' own signature
        verify: bool | str = True,  # noqa: FBT001, FBT002 - requests' own signature
        cert: Any = None,  # noqa: ANN401 - requests' own signature
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send one request; the body of the response is still to be read.

        Args:
            request: with the length of its body in its headers.
            stream: of no effect.
            timeout: seconds to connect, and for each send and read; or one value for both.
            verify: True, or a file with the certificate authorities to trust.
            cert: must be empty.
            proxies: must be empty.

        Raises:
            RequestException: there is no answer, or it is not HTTP.
            TransferTimeoutError: the line was cut. What its `dial` raises comes through, too.
        """
        if cert or proxies or not verify:
            raise ValueError("not to be had: proxies, client certificates, unverified connections")
        connect_seconds, read_seconds = timeout if isinstance(timeout, tuple) else (timeout,) * 2
        connection = self._connection_for(request.url or "", verify)
        head = _head_of(request, connection)
        failure: type[requests.RequestException] = ConnectTimeout
        try:
            connection.make_ready(connect_seconds)
            failure = ReadTimeout
            answer = connection.exchange(request.method or "", head, request.body, read_seconds)
        except BaseException as error:
            connection.close()
            if isinstance(error, TimeoutError):
                raise failure(error, request=request) from error
            if isinstance(error, ssl.SSLError):
                raise SSLError(error, request=request) from error
            if isinstance(error, HTTPException | HTTPError | OSError):
                raise requests.ConnectionError(error, request=request) from error
            raise
        return _response_of(answer, request)

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _connection_for(self, url: str, verify: bool | str) -> _LineConnection:  # noqa: FBT001 - as requests has it
        parts = urlsplit(url)
        key = (parts.scheme, parts.netloc, verify)
        # The one met last stands at the end.
        connection = self._connections.pop(key, None)
        if connection is None:
            connection = _open_connection(parts, verify)
            connection.line = self._line
            if len(self._connections) >= _KEPT_CONNECTIONS:
                self._connections.pop(next(iter(self._connections))).close()
        self._connections[key] = connection
        return connection


def _open_connection(parts: SplitResult, verify: bool | str) -> _LineConnection:  # noqa: FBT001 - as requests has it
    """A connection to the host of a URL, not connected yet."""
    if not parts.hostname:
        raise InvalidURL("no host")
    connection: _LineConnection
    # Always with a port: else http.client takes the end of an IPv6 address for one.
    if parts.scheme == "https":
        context = _tls_context(certifi.where() if verify is True else str(verify))
        port = parts.port or _LineTlsConnection.default_port
        connection = _LineTlsConnection(parts.hostname, port, ssl_context=context)
    else:
        connection = _LineConnection(parts.hostname, parts.port or _LineConnection.default_port)
    host = f"[{connection.host}]" if ":" in connection.host else connection.host
    is_usual = connection.port == connection.default_port
    connection.host_field = host if is_usual else f"{host}:{connection.port}"
    return connection


def _head_of(request: requests.PreparedRequest, connection: _LineConnection) -> bytes:
    """Request line and header fields (RFC 9112, sections 3 and 5)."""
    target = request.path_url
    if not _is_target(target):
        raise InvalidURL(f"Not to be sent: {target!r}", request=request)
    if request.body and "Content-Length" not in request.headers:
        raise InvalidHeader("a body without its length", request=request)
    lines = [f"{request.method} {target} HTTP/1.1", f"Host: {connection.host_field}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    if _find_line_end("".join(lines)):
        raise InvalidHeader("a line end in a header field", request=request)
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def _response_of(answer: StrictAnswer, request: requests.PreparedRequest) -> requests.Response:
    response = requests.Response()
    response.request = request
    response.url = request.url or ""
    response.status_code = answer.status
    response.reason = answer.reason
    response.headers = answer.fields  # type: ignore[assignment] # reads the same
    response.raw = HTTPResponse(
        body=answer,
        headers=answer.fields,
        status=answer.status,
        version=answer.version,
        reason=answer.reason,
        preload_content=False,
        decode_content=False,
        original_response=answer,
        request_method=request.method,
    )
    return response


def open_session(line: Line) -> requests.Session:
    """A session whose requests run on `line`.

    It takes nothing from the environment: a proxy there would be given the name instead of the
    checked address, and a .netrc would send its passwords to the sources.
    """
    session = requests.Session()
    session.trust_env = False
    adapter = LineAdapter(line)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
