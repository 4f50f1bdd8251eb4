"""The HTTP server: waitress, on a thread of its own, with a drain that delivers all responses.

Waitress itself drops queued requests and aborts unfinished responses when it is stopped.
"""

import errno
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from waitress.adjustments import Adjustments

from service.http.client_address import TrustedProxies
from service.http.connection_limits import ConnectionLimits
from service.http.dispatchers import Dispatchers
from service.http.listener import Listener
from service.http.polled import Polled
from service.http.refused_request import MAX_HEADER_BYTES

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# The application checks the exact size of the body, and has a better message. Here the headers of
# chunks count too, and need some room.
_BODY_SLACK_BYTES = 64 * 1024
_OTHER_DESCRIPTORS = 2  # that the loop polls: the listening socket, and the trigger
_RECEIVED_AT_ONCE = 65_536  # bytes; the default of 8 KiB takes 60 turns for 10,000 URLs
_DEFAULT_MAX_BODY_BYTES = 16 * 1024**2
_DEFAULT_LIMITS = ConnectionLimits()

_SWEEP_SECONDS = 0.02
# During a drain, a connection is closed after this time without data. So a client that has just
# connected, or is sending its request, can complete it.
_QUIET_SECONDS = 0.5


class ServerStartError(Exception):
    """The server cannot listen at its address; the text has the reason and the remedy."""


class WebServer:
    """Listens from construction on, serves from `start` on.

    Args:
        app: the WSGI application; it has to raise the problems of `RefusalMiddleware`.
        host: IP address or host name to listen on; ``::`` includes IPv4.
        port: port to listen on; 0 for any free one.
        max_body_bytes: maximum size of a body for the application.
        limits: of connections.
        trusted_proxies: networks of proxies; limits for one client do not apply to them.
        health_paths: paths that get responses under any load.
        loop_paths: those of them whose handlers do not block; the loop calls them itself.
        clock: monotonic seconds.

    Attributes:
        address: actual IP address.
        port: actual port.

    Raises:
        ServerStartError: cannot listen.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        host: str,
        port: int,
        *,
        max_body_bytes: int = _DEFAULT_MAX_BODY_BYTES,
        limits: ConnectionLimits = _DEFAULT_LIMITS,
        trusted_proxies: Iterable[str] = (),
        health_paths: Iterable[str] = (),
        loop_paths: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._polled = Polled()
        self._dispatchers = Dispatchers(health_paths, loop_paths)
        listener = _listen(host, port)
        self.address: str = listener.getsockname()[0].partition("%")[0]  # without a zone
        self.port: int = listener.getsockname()[1]
        self._server = Listener(
            app,
            polled=self._polled,
            _sock=listener,
            adj=_adjustments(max_body_bytes, limits),
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            bind_socket=False,
            limits=limits,
            clock=clock,
            proxies=TrustedProxies(trusted_proxies),
            dispatchers=self._dispatchers,
        )
        self._thread = threading.Thread(target=self._run, name="web-server", daemon=True)
        self._stopping = threading.Event()
        self._give_up = 0.0
        self._is_drained = True

    def start(self) -> None:
        """Start to serve, in threads of its own; earlier connections are served too."""
        self._dispatchers.start()
        self._thread.start()

    def drain(self, seconds: float) -> bool:
        """Stop listening at once, deliver the responses to all received requests, and close.

        Args:
            seconds: maximum duration.

        Returns:
            Whether all were delivered.
        """
        if self._thread.is_alive():
            self._give_up = time.monotonic() + seconds
            self._stopping.set()
            self._server.wake()
            self._thread.join()
        return self._is_drained

    def close(self) -> None:
        """Stop at once."""
        self.drain(0)
        self._server.stop_listening()
        for channel in self._server.channels():
            channel.close_now()
        # A thread that is still running will write to the trigger. If that were closed, its
        # descriptor could be another file's by then.
        if self._dispatchers.stop():
            self._server.trigger.close()  # type: ignore[attr-defined]  # the stubs type it as a number

    def _run(self) -> None:
        self._server.enter_loop()
        while not self._stopping.is_set():
            self._turn(self._server.limits.sweep_seconds)
        self._server.stop_listening()
        for channel in self._server.channels():
            channel.begin_drain()
        while (is_busy := self._is_busy()) and time.monotonic() < self._give_up:
            self._polled.update_all()
            self._turn(_SWEEP_SECONDS)
            for channel in self._server.channels():
                if channel.is_quiet(_QUIET_SECONDS):
                    channel.handle_close()
        self._is_drained = not is_busy

    def _turn(self, seconds: float) -> None:
        self._server.sweep()
        self._polled.turn(seconds)

    def _is_busy(self) -> bool:
        return bool(self._dispatchers.are_busy or self._server.channels())


def _adjustments(max_body_bytes: int, limits: ConnectionLimits) -> Adjustments:
    longest_body = max_body_bytes + _BODY_SLACK_BYTES
    return Adjustments(
        connection_limit=limits.room + limits.health_connections + _OTHER_DESCRIPTORS,
        max_request_header_size=MAX_HEADER_BYTES,
        max_request_body_size=longest_body,
        # No temporary files: that directory is for images.
        inbuf_overflow=longest_body,
        outbuf_overflow=sys.maxsize,
        recv_bytes=_RECEIVED_AT_ONCE,
        # The application reads X-Forwarded-For only, and knows the trusted proxies.
        clear_untrusted_proxy_headers=False,
        ident="imgup",
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # If a name such as localhost has addresses of both kinds: IPv4, which all clients try.
        family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        return socket.create_server(
            (address[0], port),
            family=family,
            dualstack_ipv6=address[0] == "::" and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        raise ServerStartError(
            f"Cannot listen on {host} port {port} {listen_fault(error)}"
        ) from error


def listen_fault(error: OSError, prefix: str = "") -> str:
    """Return why a socket cannot be bound, and what to do; the settings may have a prefix."""
    advice = f"Set {prefix}HOST to an address of this machine, such as 127.0.0.1 or 0.0.0.0."
    if error.errno == errno.EADDRINUSE:
        advice = f"Stop what is there, or set {prefix}PORT to another port (0 takes any free one)."
    elif error.errno in {errno.EACCES, errno.EPERM}:
        advice = f"Set {prefix}PORT to 1024 or above: ports below it need privileges."
    # Python adds the address, once more, in brackets.
    return f"({(error.strerror or '').partition(' (')[0]}). {advice}"
