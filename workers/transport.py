"""HTTP connections that end in time, whatever the other side does.

A read timeout bounds each read, not the whole: a server that drips a byte a second, in the head,
in the body or in a TLS handshake, holds a lane for ever. So each lane has a line a session: the
line knows the socket in use and the deadline, and one watchdog thread a process shuts the socket
of every line that is past its deadline.
"""

import functools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import certifi
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

TICK_SECONDS = 0.2
"""How often deadlines are looked at; how late a transfer is cut at most."""

Dial = Callable[[str, int, float | None], socket.socket]
"""Connects: host, port and seconds for it → a connected socket."""

_POOLED_HOSTS = 8  # idle connections a lane keeps for the sources it met last


class TransferTimeoutError(Exception):
    """The transfer as a whole took too long.

    Derived from neither OSError nor RequestException: urllib3 and requests wrap those, and the
    reason would be lost.
    """


def dial_directly(host: str, port: int, timeout: float | None) -> socket.socket:
    """Connect to whatever the name resolves to; for hosts that come from the settings."""
    return socket.create_connection((host, port), timeout)


class Line:
    """One transfer at a time: its socket and its deadline.

    Args:
        dial: connects; a guard refuses addresses here, where nothing can slip past it.
    """

    def __init__(self, dial: Dial = dial_directly) -> None:
        self.dial = dial
        self._deadline: float | None = None
        self._socket: socket.socket | None = None
        self._was_cut = False
        # Between the watchdog and the end of a transfer: the next one is not cut in its place.
        self._lock = threading.Lock()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Bound all that happens on this line inside the block.

        Raises:
            TransferTimeoutError: at the end of the block, if the line was cut. Also after seeming
                success: the end of a connection cut in mid-head reads as an empty answer.
        """
        self._was_cut = False
        self._socket = None
        self._deadline = time.monotonic() + seconds
        try:
            yield
        except Exception as error:
            if self._was_cut:
                raise TransferTimeoutError(f"not done within {seconds:g} s") from error
            raise
        finally:
            with self._lock:
                self._deadline = None
                self._socket = None
        if self._was_cut:
            raise TransferTimeoutError(f"not done within {seconds:g} s")

    def remaining(self) -> float:
        """Seconds left; never below a tick, so that it can serve as a socket timeout."""
        if self._deadline is None:
            return TICK_SECONDS
        return max(TICK_SECONDS, self._deadline - time.monotonic())

    def attach(self, sock: socket.socket | None) -> None:
        """Note the socket in use.

        Raises:
            TransferTimeoutError: the deadline passed while there was no socket to cut.
        """
        self._socket = sock
        if self._was_cut:
            raise TransferTimeoutError("not connected in time")

    def cut_if_late(self, now: float) -> None:
        """Shut the socket if the deadline is past; called by the watchdog."""
        with self._lock:
            if self._deadline is None or now < self._deadline:
                return
            self._was_cut = True
            if self._socket is not None:
                # Closed already, or not connected yet: the reader notices by itself.
                with suppress(OSError):
                    # Not SSLSocket.shutdown: it drops the TLS state under the thread that reads.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Watchdog:
    """The one thread of a process that cuts lines past their deadline."""

    def __init__(self, tick_seconds: float = TICK_SECONDS) -> None:
        self._tick_seconds = tick_seconds
        self._lines: set[Line] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def watch(self, line: Line) -> None:
        with self._lock:
            self._lines.add(line)

    def forget(self, line: Line) -> None:
        with self._lock:
            self._lines.discard(line)

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(self._tick_seconds):
            with self._lock:
                lines = tuple(self._lines)
            now = time.monotonic()
            for line in lines:
                line.cut_if_late(now)


class _LineConnection(HTTPConnection):
    line: Line

    def _new_conn(self) -> socket.socket:
        sock = self.line.dial(self._dns_host, self.port, self.timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def connect(self) -> None:
        super().connect()
        self.line.attach(self.sock)

    def request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - handed on as it is
        if self.sock is not None:  # kept alive from an earlier transfer
            self.line.attach(self.sock)
        super().request(*args, **kwargs)


class _LineTlsConnection(_LineConnection, HTTPSConnection):
    _handshake: socket.socket | None = None

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

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            if self._handshake is not None:
                self._handshake.close()
                self._handshake = None


class _LinePool(HTTPConnectionPool):
    ConnectionCls = _LineConnection
    line: Line

    def _new_conn(self) -> _LineConnection:
        connection = super()._new_conn()
        assert isinstance(connection, _LineConnection)  # noqa: S101 - tells the type checker
        connection.line = self.line
        return connection


class _LineTlsPool(HTTPSConnectionPool):
    ConnectionCls = _LineTlsConnection
    line: Line

    def _new_conn(self) -> _LineTlsConnection:
        connection = super()._new_conn()
        assert isinstance(connection, _LineTlsConnection)  # noqa: S101 - tells the type checker
        connection.line = self.line
        return connection


class _LinePoolManager(PoolManager):
    def __init__(self, line: Line, **kwargs: Any) -> None:  # noqa: ANN401 - handed on as they are
        super().__init__(**kwargs)
        self._line = line
        self.pool_classes_by_scheme = {"http": _LinePool, "https": _LineTlsPool}

    def _new_pool(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:  # noqa: ANN401 - as above
        pool = super()._new_pool(*args, **kwargs)
        assert isinstance(pool, _LinePool | _LineTlsPool)  # noqa: S101 - tells the type checker
        pool.line = self._line
        return pool


@functools.cache
def _tls_context() -> ssl.SSLContext:
    """One for the process: to load the certificate authorities takes some 35 ms of CPU."""
    context = create_urllib3_context()
    context.load_verify_locations(certifi.where())
    return context


class LineAdapter(HTTPAdapter):
    """Sends requests over connections that belong to a line; never retries by itself."""

    def __init__(self, line: Line) -> None:
        self._line = line
        super().__init__(pool_connections=_POOLED_HOSTS, pool_maxsize=1, max_retries=0)

    def init_poolmanager(
        self,
        connections: int,
        maxsize: int,
        block: bool = False,  # noqa: FBT001, FBT002 - requests' own signature
        **pool_kwargs: Any,  # noqa: ANN401 - requests' own signature
    ) -> None:
        self.poolmanager = _LinePoolManager(
            self._line,
            num_pools=connections,
            maxsize=maxsize,
            block=block,
            ssl_context=_tls_context(),
            **pool_kwargs,
        )

    def cert_verify(
        self,
        conn: ConnectionPool,
        url: str,
        verify: bool | str,  # noqa: FBT001 - requests' own signature
        cert: Any,  # noqa: ANN401 - requests' own signature
    ) -> None:
        """Verify against the shared context, which knows the usual authorities already."""
        if isinstance(conn, HTTPSConnectionPool):
            if verify is True:
                conn.cert_reqs = "CERT_REQUIRED"
                return
            # The shared context must not learn to trust what one session does.
            conn.conn_kw["ssl_context"] = None
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]


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
