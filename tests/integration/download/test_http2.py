"""HTTP/2 against a real server, Hypercorn; and against one that breaks off."""

import asyncio
import contextlib
import io
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h2.connection
import h2.events
import pytest
from hypercorn.asyncio import serve as serve_asgi
from hypercorn.config import Config

from workers.contract.errors import DownloadError, ImgurError, Reason
from workers.contract.imgur_access import ImgurAccess
from workers.state.token_store import TokenStore
from workers.worker.http.loop import TransferLoop
from workers.worker.imgur.client import ImgurClient
from workers.worker.source.fetch import Downloader

PNG = b"\x89PNG\r\n\x1a\n" + bytes(5000)
LINK = "https://i.imgur.com/abc.jpg"
STORED = json.dumps({"data": {"link": LINK, "deletehash": "d"}, "success": True, "status": 200})
LANES = 4

MakeDownloader = Callable[..., Downloader]


class RealServer:
    """Hypercorn with one application.

    Attributes:
        requests: version, method, path as it came, and the size of the body.
        clients: who connected, one entry a connection.
    """

    def __init__(self, certificate: Path) -> None:
        self.requests: list[tuple[str, str, bytes, int]] = []
        self.clients: set[tuple[str, int]] = set()
        self.together = threading.Barrier(LANES)
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        self._config = Config()
        # It listens already: nobody else gets the port, and whoever connects is waited for.
        self._config.bind = [f"fd://{listener.detach()}"]
        self._config.certfile = self._config.keyfile = str(certificate)
        self._config.errorlog = None
        self._config.graceful_timeout = 1.0
        self._config.keep_alive_timeout = 300.0  # lanes may begin long after each other
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(),))
        self._thread.start()
        assert self._ready.wait(30)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        await serve_asgi(self._answer, self._config, shutdown_trigger=self._stop.wait)  # type: ignore[arg-type]

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        size, more = 0, True
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        self.clients.add(tuple(scope["client"]))
        path = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        self.requests.append((scope["http_version"], scope["method"], path, size))
        if path.startswith(b"/together"):
            # All are under way at once, or the test's time is up.
            await asyncio.get_running_loop().run_in_executor(None, self.together.wait, 60)
        body = STORED.encode() if scope["method"] == "POST" else PNG
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def server(certificate: Path) -> Iterator[RealServer]:
    server = RealServer(certificate)
    yield server
    server.close()


@pytest.fixture
def transfers(server: RealServer) -> Iterator[TransferLoop]:
    """Closed before the server, which waits for the connections it has."""
    loop = TransferLoop()
    yield loop
    loop.close()


@pytest.fixture
def make_client(transfers: TransferLoop, certificate: Path) -> Iterator[Callable[..., Any]]:
    with contextlib.ExitStack() as stack:

        def make(url: str) -> ImgurClient:
            access = ImgurAccess(url, "the-client-id", authorities=str(certificate))
            client = ImgurClient(access, TokenStore(), transfers)
            stack.callback(client.close)
            return client

        yield make


def upload(client: ImgurClient, size: int = 300_000) -> str:
    return client.upload(io.BytesIO(bytes(size)), size, "image/png", "image.png").link


def test_transfers_of_many_lanes_share_one_connection(
    server: RealServer, make_downloader: MakeDownloader, certificate: Path
) -> None:
    lanes = [
        make_downloader(authorities=str(certificate), deadline_seconds=90.0) for _ in range(LANES)
    ]
    with ThreadPoolExecutor(LANES) as pool:
        fetched = pool.map(lambda lane: lane.fetch(f"{server.url}/together").file.read(), lanes)
        assert list(fetched) == [PNG] * LANES

    assert [version for version, *_ in server.requests] == ["2"] * LANES
    assert len(server.clients) == 1


@pytest.mark.parametrize("path", ["/a%2cb.png?sig=a%2Cb%7E&c=%2f", "/a/../b%20%c3%bc.png?"])
def test_a_signed_url_goes_out_as_it_is(
    server: RealServer, make_downloader: MakeDownloader, certificate: Path, path: str
) -> None:
    downloader = make_downloader(authorities=str(certificate))
    downloader.fetch(server.url + path).file.close()

    # ASGI has no word for an empty query.
    assert server.requests == [("2", "GET", path.removesuffix("?").encode(), 0)]


def test_uploads_share_one_connection(server: RealServer, make_client: Callable[..., Any]) -> None:
    clients = [make_client(server.url) for _ in range(LANES)]
    with ThreadPoolExecutor(LANES) as pool:
        assert list(pool.map(upload, clients)) == [LINK] * LANES

    assert {(version, method) for version, method, *_ in server.requests} == {("2", "POST")}
    assert all(size > 300_000 for *_, size in server.requests)
    assert len(server.clients) == 1


class BreakingServer:
    """Answers the end of each request with what the test says.

    Args:
        respond: given the connection's state and the stream.
    """

    def __init__(
        self, certificate: Path, respond: Callable[[h2.connection.H2Connection, int], None]
    ) -> None:
        self.streams = 0
        self._respond = respond
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._context.set_alpn_protocols(["h2"])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        for sock in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                self._open.append(plain)
                self._threads.append(threading.Thread(target=self._serve, args=(plain,)))
                self._threads[-1].start()

    def _serve(self, plain: socket.socket) -> None:
        state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        with plain, contextlib.suppress(OSError):
            sock = self._context.wrap_socket(plain, server_side=True)
            self._open.append(sock)
            with sock:
                state.initiate_connection()
                sock.sendall(state.data_to_send())
                while data := sock.recv(65536):
                    for event in state.receive_data(data):
                        if isinstance(event, h2.events.DataReceived):
                            state.acknowledge_received_data(
                                event.flow_controlled_length, event.stream_id
                            )
                        elif isinstance(event, h2.events.StreamEnded):
                            self.streams += 1
                            self._respond(state, event.stream_id)
                    sock.sendall(state.data_to_send())
                    if state.state_machine.state is h2.connection.ConnectionState.CLOSED:
                        # A close with bytes unread would take back what was sent.
                        socket.socket.shutdown(sock, socket.SHUT_WR)
                        while socket.socket.recv(sock, 65536):
                            pass
                        return


def reset(state: h2.connection.H2Connection, stream: int) -> None:
    state.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)


def go_away(state: h2.connection.H2Connection, stream: int) -> None:
    state.close_connection(h2.errors.ErrorCodes.INTERNAL_ERROR, last_stream_id=stream)


def break_off(state: h2.connection.H2Connection, stream: int) -> None:
    """The end of the connection is not that of a body, even of one without a length."""
    state.send_headers(stream, [(":status", "200")])
    state.send_data(stream, PNG)
    state.state_machine.state = h2.connection.ConnectionState.CLOSED


@pytest.fixture
def breaking(certificate: Path) -> Iterator[Callable[..., BreakingServer]]:
    servers: list[BreakingServer] = []

    def start(respond: Callable[[h2.connection.H2Connection, int], None]) -> BreakingServer:
        servers.append(BreakingServer(certificate, respond))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.mark.parametrize("respond", [reset, go_away])
def test_an_upload_that_was_broken_off_is_not_sent_again(
    breaking: Callable[..., BreakingServer],
    make_client: Callable[..., Any],
    respond: Callable[[h2.connection.H2Connection, int], None],
) -> None:
    server = breaking(respond)
    with pytest.raises(ImgurError) as caught:
        upload(make_client(server.url))

    assert (caught.value.reason, caught.value.transient) == (Reason.IMGUR_UNREACHABLE, True)
    assert server.streams == 1


@pytest.mark.parametrize("respond", [reset, go_away, break_off])
def test_a_download_that_was_broken_off_may_succeed_later(
    breaking: Callable[..., BreakingServer],
    make_downloader: MakeDownloader,
    certificate: Path,
    respond: Callable[[h2.connection.H2Connection, int], None],
) -> None:
    server = breaking(respond)
    downloader = make_downloader(authorities=str(certificate))
    with pytest.raises(DownloadError) as caught:
        downloader.fetch(server.url)

    assert (caught.value.reason, caught.value.transient) == (Reason.SOURCE_CUT_SHORT, True)
