"""Both ends of the worker: sources that do what a row says, and an Imgur that records."""

import json
import select
import socket
import ssl
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress

from tests.loopback_server import LoopbackHandler, LoopbackServer

DRIP_SECONDS = 0.1

GOOD_PATH = "/good.gif"
GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"

Answer = tuple[bytes, str] | tuple[bytes, str, bytes]
"""What is sent, what happens then, and the piece that is sent again and again, if any is.

What happens then: "close"; "reset" (RST in place of FIN); "keep" the connection for another
request; "stall"; "drip" a piece every tenth of a second; "flood" with pieces.
"""


class Source:
    """A server that plays the row's part, byte by byte.

    Args:
        tls: speaks TLS if given.
        address: where it listens.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> None:
        self.answers: Mapping[str, Answer] = {}
        self.good_image = GIF
        self.requests: list[bytes] = []
        self.flooded = 0
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server((address, 0))
        self.address = address
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://{address}:{self.port}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def play(self, answers: Mapping[str, Answer]) -> None:
        """Give these answers from now on; `{source}` in them is this source's origin."""
        origin = self.url.encode()
        self.answers = {
            path: (data.replace(b"{source}", origin), *rest)
            for path, (data, *rest) in answers.items()
        }
        self.requests = []
        self.flooded = 0

    def close(self) -> None:
        for sock in (self._listener, *self._open):
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self._open.add(connection)
            while path := self._read_request(connection):
                if not self._answer(connection, path):
                    return
        except OSError:
            return  # the worker has hung up, as it should on many of these
        finally:
            self._open.discard(connection)
            connection.close()

    def _read_request(self, connection: socket.socket) -> str:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (piece := connection.recv(65536)):
                return ""
            head += piece
            if head.startswith(b"\x16"):  # a ClientHello where plain HTTP is spoken
                return "tls"
        self.requests.append(head)
        return head.split(b" ")[1].decode("latin-1")

    def _answer(self, connection: socket.socket, path: str) -> bool:
        if path == GOOD_PATH:
            size = len(self.good_image)
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
            connection.sendall(head + self.good_image)
            return True
        if path not in self.answers:
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return True
        data, then, *pieces = self.answers[path]
        piece = b"".join(pieces)
        connection.sendall(data)
        if then == "reset":
            # Closing with no linger time sends RST in place of FIN.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        while then == "flood":
            connection.sendall(piece)
            self.flooded += len(piece)
        while then in ("drip", "stall"):
            readable, _, _ = select.select([connection], [], [], DRIP_SECONDS)
            if readable and not connection.recv(65536):
                return False
            if then == "drip":
                connection.sendall(piece)
        return then == "keep"


class RecordingImgur(LoopbackServer):
    """Takes every upload, and keeps its bytes."""

    def __init__(self) -> None:
        self.uploads: list[bytes] = []
        super().__init__(_Uploads)
        self.address = f"127.0.0.1 {self.server_port}"


class _Uploads(LoopbackHandler):
    wbufsize = -1  # head and body in one packet
    server: RecordingImgur

    def post(self) -> None:
        uploads = self.server.uploads
        uploads.append(_image_of(self.read_body()))
        link = f"https://i.imgur.com/{len(uploads)}.gif"
        document = {"data": {"link": link, "deletehash": "d"}, "success": True}
        self.answer(200, json.dumps(document).encode(), {"Content-Type": "application/json"})


def _image_of(form: bytes) -> bytes:
    """The content of the part named "image" (RFC 7578)."""
    boundary = form.partition(b"\r\n")[0]
    for part in form.split(boundary):
        head, _, content = part.partition(b"\r\n\r\n")
        if b'name="image"' in head:
            return content.removesuffix(b"\r\n")
    return b""
