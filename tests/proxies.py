"""Proxies on loopback: HTTP (forwarding and CONNECT) and SOCKS 5, with or without a login."""

import base64
import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping
from ipaddress import ip_address
from typing import BinaryIO
from urllib.parse import quote, urlsplit

Origin = tuple[str, int]

_DEFAULT_PORT = 80
_BY_NAME = 3  # in SOCKS


class Proxy:
    """Connects to what its table says, and notes what it was asked for.

    One connection serves one request. What is not in the table is answered as a proxy does that
    cannot look a name up. Requests without CONNECT have no body here.

    Args:
        routes: host and port as the client names them → where to connect to.
        login: "user:password" that a client must bring, if any.
        tls: speaks TLS with the client if given; CONNECT is not served then.

    Attributes:
        asked: host and port of each request, login right or not.
        heads: of each HTTP request, as it came.
        logins: of each request: "user:password", or "".
        connections: how many there were.
    """

    scheme = "http"

    def __init__(
        self,
        routes: Mapping[Origin, Origin],
        login: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.asked: list[Origin] = []
        self.heads: list[str] = []
        self.logins: list[str] = []
        self.connections = 0
        self._routes = routes
        self._login = login
        self._tls = tls
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        at = quote(login, safe=":") + "@" if login else ""
        self.url = f"{'https' if tls else self.scheme}://{at}127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        for sock in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self._open.append(client)
                self._threads.append(threading.Thread(target=self._run, args=(client,)))
                self._threads[-1].start()

    def _run(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError), client:
            if self._tls is not None:
                client = self._tls.wrap_socket(client, server_side=True)
                self._open.append(client)
            # Unbuffered, so that nothing of the tunnel is read ahead.
            with client, client.makefile("rb", 0) as stream:
                self._serve(client, stream)

    def _serve(self, client: socket.socket, stream: BinaryIO) -> None:
        """HTTP (RFC 9110, sections 7.6 and 9.3.6)."""
        lines = []
        while (line := stream.readline().decode("latin-1")).strip():
            lines.append(line.rstrip("\r\n"))
        if not lines:
            return
        self.heads.append("\r\n".join(lines))
        method, target, _ = lines[0].split(" ")
        is_tunnel = method == "CONNECT"
        parts = urlsplit(f"//{target}" if is_tunnel else target)
        kept, login = [], ""
        for one in lines[1:]:
            name, _, value = one.partition(": ")
            if name.lower() == "proxy-authorization":
                login = base64.b64decode(value.removeprefix("Basic ")).decode()
            elif not name.lower().startswith("proxy-"):
                kept.append(one)
        origin = (parts.hostname or "", parts.port or _DEFAULT_PORT)
        self._note(origin, login)
        if login != self._login:
            refuse(client, "407 Proxy Authentication Required")
        elif origin not in self._routes:
            refuse(client, "502 Bad Gateway")
        else:
            with socket.create_connection(self._routes[origin]) as server:
                self._open.append(server)
                if is_tunnel:
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    _relay(client, server)
                    return
                path = target.partition("://")[2].partition("/")[2]
                head = [f"{method} /{path} HTTP/1.1", *kept, "Connection: close", "", ""]
                server.sendall("\r\n".join(head).encode("latin-1"))
                _copy(server, client)

    def _note(self, origin: Origin, login: str) -> None:
        self.asked.append(origin)
        self.logins.append(login)


class SocksProxy(Proxy):
    """SOCKS 5 (RFC 1928), with the login of RFC 1929."""

    scheme = "socks5h"

    def _serve(self, client: socket.socket, stream: BinaryIO) -> None:
        _version, count = _read(stream, 2)
        offered = _read(stream, count)
        method = 2 if self._login else 0
        if method not in offered:
            client.sendall(b"\x05\xff")
            return
        client.sendall(bytes((5, method)))
        login = ""
        if method:
            _read(stream, 1)
            login = ":".join(_read(stream, _read(stream, 1)[0]).decode() for _ in range(2))
            client.sendall(bytes((1, login != self._login)))
            if login != self._login:
                return
        _version, _command, _, kind = _read(stream, 4)
        if kind == _BY_NAME:
            host = _read(stream, _read(stream, 1)[0]).decode()
        else:
            host = str(ip_address(_read(stream, {1: 4, 4: 16}[kind])))
        origin = (host, int.from_bytes(_read(stream, 2), "big"))
        self._note(origin, login)
        if origin not in self._routes:
            client.sendall(b"\x05\x04\x00\x01" + bytes(6))  # host unreachable
            return
        with socket.create_connection(self._routes[origin]) as server:
            self._open.append(server)
            client.sendall(b"\x05\x00\x00\x01" + bytes(6))
            _relay(client, server)


def _read(stream: BinaryIO, size: int) -> bytes:
    """Read so many bytes, however they come; a client may leave at any time."""
    data = b""
    while len(data) < size:
        if not (piece := stream.read(size - len(data))):
            raise EOFError
        data += piece
    return data


def refuse(client: socket.socket, status: str) -> None:
    client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())


def _relay(client: socket.socket, server: socket.socket) -> None:
    upwards = threading.Thread(target=_copy, args=(client, server))
    upwards.start()
    _copy(server, client)
    upwards.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
