import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dialled import note_dialled
from workers.contract.download_policy import DownloadPolicy
from workers.worker.http.loop import TransferLoop
from workers.worker.source.fetch import Downloader

Answer = Callable[[socket.socket, str, threading.Event], bool | None]


class Source:
    """A server on loopback whose every answer is written by the test, byte by byte.

    Args:
        answer: given the connection, the request's path and an event that is set when the test
            ends; returns True to keep the connection for another request.
        tls: speaks TLS if given.
    """

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.paths: list[str] = []
        self.heads: list[str] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._answer = answer
        self._tls = tls
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self.stopping.set()
        # Wakes accept, and every read and write that still waits.
        for sock in (self._listener, *self._open):
            try:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls is not None:
                self._open.remove(connection)
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            while path := self._read_request(connection):
                if not self._answer(connection, path, self.stopping):
                    return
        except OSError:
            return  # the client has gone, which is what many tests are about
        finally:
            connection.close()

    def _read_request(self, connection: socket.socket) -> str:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            if not piece:
                return ""
            head += piece
        self.heads.append(head.decode("latin-1"))
        self.paths.append(head.split(b" ")[1].decode("latin-1"))
        return self.paths[-1]


@pytest.fixture
def serve() -> Iterator[Callable[..., Source]]:
    """Start a source; it is stopped when the test ends."""
    sources: list[Source] = []

    def start(*args: Any, **kwargs: Any) -> Source:
        sources.append(Source(*args, **kwargs))
        return sources[-1]

    yield start
    for source in sources:
        source.close()


@pytest.fixture
def make_downloader(transfers: TransferLoop) -> Iterator[Callable[..., Downloader]]:
    """A downloader that may reach loopback, with a deadline beyond what anything here takes."""
    downloaders: list[Downloader] = []

    def make(**policy: Any) -> Downloader:
        policy = {"deadline_seconds": 100.0, "allowed_networks": ("127.0.0.0/8",)} | policy
        downloaders.append(Downloader(DownloadPolicy(**policy), transfers))
        return downloaders[-1]

    yield make
    for downloader in downloaders:
        downloader.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    folder = tmp_path_factory.mktemp("certificate")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        " -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture(autouse=True)
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return note_dialled(monkeypatch)
