import contextlib
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from workers.contract.imgur_access import ImgurAccess
from workers.contract.tokens import Tokens
from workers.state.token_store import TokenStore
from workers.worker.http.loop import TransferLoop
from workers.worker.imgur.client import ImgurClient


class Call:
    """One request that has arrived, its body still on the wire."""

    def __init__(self, sock: socket.socket, head: bytes, rest: bytes) -> None:
        self.sock = sock
        self.path = head.split(b" ", 2)[1].decode()
        lines = head.decode("latin-1").split("\r\n")[1:]
        self.headers = {
            name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        self._rest = rest

    def read(self) -> tuple[int, str]:
        """Take the body without keeping it; return its length and SHA-256."""
        left = length = int(self.headers["content-length"])
        digest = hashlib.sha256()
        data = self._rest
        while True:
            left -= len(data)
            digest.update(data)
            if not left:
                return length, digest.hexdigest()
            data = self.sock.recv(min(left, 65536))
            if not data:
                raise ConnectionError

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Handler = Callable[[Call], bytes | None]
"""Returns what to answer, or None when the connection is done with."""


def answer(
    document: object = None, status: int = 200, headers: dict[str, str] | None = None
) -> bytes:
    if document is None:
        data = {"id": "abc", "deletehash": "dEl", "link": "https://i.imgur.com/abc.jpg"}
        document = {"data": data, "success": True, "status": 200}
    body = json.dumps(document).encode()
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Server:
    """A loopback server in threads; each connection's requests go to the handler."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.calls: list[Call] = []
        self.connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        # shutdown wakes the threads that wait on these; close alone would not.
        for sock in (self._listener, *self.connections):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(60)
        self._listener.close()
        for sock in self.connections:
            sock.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            while True:
                head = b""
                while b"\r\n\r\n" not in head:
                    data = sock.recv(4096)
                    if not data:
                        return
                    head += data
                head, _, rest = head.partition(b"\r\n\r\n")
                call = Call(sock, head, rest)
                self.calls.append(call)
                answered = self._handler(call)
                if answered is None:
                    return
                sock.sendall(answered)


Serve = Callable[[Handler], Server]
MakeClient = Callable[..., ImgurClient]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Server] = []

    def start(handler: Handler) -> Server:
        servers.append(Server(handler))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def make_client(transfers: TransferLoop) -> Iterator[MakeClient]:
    clients: list[ImgurClient] = []

    def make(access: ImgurAccess, tokens: Tokens | None = None) -> ImgurClient:
        clients.append(ImgurClient(access, tokens or TokenStore(), transfers))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def say() -> Callable[..., bytes]:
    """Makes answers; without a document, that of a stored image."""
    return answer
