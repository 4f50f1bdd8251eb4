"""Real sockets on the loopback interface, and a peer that does what it likes."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from workers.transfer.line import TICK_SECONDS, Line, TransferTimeoutError, Watchdog, dial_directly
from workers.transfer.transport import LineAdapter, open_session

DEADLINE = 0.4
ENDS = 15.0
"""Seconds in which a cut transfer has ended, on the slowest machine; a peer drips for longer."""

Conversation = Callable[[socket.socket], None]


class Peer:
    """A server whose connections each hold the same conversation."""

    def __init__(self, conversation: Conversation, tls: ssl.SSLContext | None = None) -> None:
        self._conversation = conversation
        self._tls = tls
        self._scheme = "http" if tls is None else "https"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.accepted = 0
        self.requests: list[bytes] = []

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}/image.jpg"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(ENDS)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            self._connections.append(connection)
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if self._tls is None:
                self._converse(connection)
            else:
                with self._tls.wrap_socket(connection, server_side=True) as secured:
                    self._connections.append(secured)
                    self._converse(secured)

    def _converse(self, connection: socket.socket) -> None:
        while request := read_request(connection):
            self.requests.append(request)
            self._conversation(connection)


def read_request(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        data = connection.recv(4096)
        if not data:
            return b""
        request += data
    return request


def answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


# --- conversations ------------------------------------------------------------------------------


def friendly(connection: socket.socket) -> None:
    connection.sendall(answer(b"picture"))


def drip_in_head(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    drip(connection)


def drip_in_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    drip(connection)


def drip_without_length(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    drip(connection)


def drip_in_chunks(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    drip(connection, b"1\r\n.\r\n")


def never_begin(connection: socket.socket) -> None:
    for _ in range(200):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.1)


def silence(connection: socket.socket) -> None:
    connection.recv(1)


def drip(connection: socket.socket, drop: bytes = b".") -> None:
    for _ in range(200):
        connection.sendall(drop)
        time.sleep(0.1)


def friendly_once(then: Conversation) -> Conversation:
    served: list[None] = []

    def conversation(connection: socket.socket) -> None:
        served.append(None)
        (friendly if len(served) == 1 else then)(connection)

    return conversation


# --- fixtures -----------------------------------------------------------------------------------

OpenPeer = Callable[..., Peer]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1 in one file."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    both = folder / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return both


@pytest.fixture(params=["http", "https"])
def peer(request: pytest.FixtureRequest, certificate: Path) -> Iterator[OpenPeer]:
    """Opens peers, each test once over plain connections and once over TLS."""
    tls = None
    if request.param == "https":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    with contextlib.ExitStack() as stack:

        def open_peer(conversation: Conversation) -> Peer:
            peer = Peer(conversation, tls)
            stack.callback(peer.close)
            return peer

        yield open_peer


class Client:
    """A line with its session, under a watchdog that looks often."""

    def __init__(self, line: Line, certificate: Path) -> None:
        self.line = line
        self.session = open_session(line)
        self.session.verify = str(certificate)
        self._watchdog = Watchdog(tick_seconds=0.02)
        self._watchdog.watch(line)

    def get(self, url: str, seconds: float = DEADLINE) -> bytes:
        with self.line.within(seconds):
            return self.session.get(url, timeout=60).content

    def close(self) -> None:
        self.session.close()
        self._watchdog.close()


OpenClient = Callable[..., Client]


@pytest.fixture
def open_client(certificate: Path) -> Iterator[OpenClient]:
    clients: list[Client] = []

    def open_one(line: Line | None = None) -> Client:
        clients.append(Client(line or Line(), certificate))
        return clients[-1]

    yield open_one
    for client in clients:
        client.close()


@pytest.fixture
def client(open_client: OpenClient) -> Client:
    return open_client()


# --- in time ------------------------------------------------------------------------------------


def test_an_answer_in_time_comes_whole(peer: OpenPeer, client: Client) -> None:
    assert client.get(peer(friendly).url, 30.0) == b"picture"


def test_a_transfer_of_many_reads_may_use_its_whole_time(peer: OpenPeer, client: Client) -> None:
    def unhurried(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            time.sleep(0.1)
            connection.sendall(b".")

    assert client.get(peer(unhurried).url, 30.0) == b"." * 8


def test_transfers_in_time_are_never_cut(peer: OpenPeer, client: Client) -> None:
    server = peer(friendly)

    for _ in range(300):
        assert client.get(server.url, 5.0) == b"picture"

    assert server.accepted == 1, "one connection served them all"


def test_an_idle_connection_outlives_the_deadline_of_its_last_transfer(
    peer: OpenPeer, client: Client
) -> None:
    server = peer(friendly)
    client.get(server.url, 2.0)

    time.sleep(2.2)

    assert client.get(server.url, 30.0) == b"picture"
    assert server.accepted == 1


def test_an_error_in_time_is_told_as_it_is(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(requests.ConnectionError):
        client.get(f"http://127.0.0.1:{port}/", 30.0)


# --- too late -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "conversation",
    [
        pytest.param(silence, id="no answer"),
        pytest.param(never_begin, id="endless 100 Continue"),
        pytest.param(drip_in_head, id="drip in the head"),
        pytest.param(drip_in_body, id="drip in the body"),
        pytest.param(drip_without_length, id="drip in a body without length"),
        pytest.param(drip_in_chunks, id="drip in chunks"),
    ],
)
def test_what_never_ends_is_cut(peer: OpenPeer, client: Client, conversation: Conversation) -> None:
    server = peer(conversation)
    began = time.monotonic()

    with pytest.raises(TransferTimeoutError, match=r"0\.4 s"):
        client.get(server.url)

    assert DEADLINE <= time.monotonic() - began < ENDS


@pytest.mark.parametrize("conversation", [silence, drip_in_head, drip_in_body])
def test_a_connection_kept_alive_is_in_reach_too(
    peer: OpenPeer, client: Client, conversation: Conversation
) -> None:
    server = peer(friendly_once(then=conversation))
    client.get(server.url, 30.0)
    began = time.monotonic()

    with pytest.raises(TransferTimeoutError):
        client.get(server.url)

    assert time.monotonic() - began < ENDS
    assert server.accepted == 1


def test_after_a_cut_the_line_serves_on(peer: OpenPeer, client: Client) -> None:
    with pytest.raises(TransferTimeoutError):
        client.get(peer(drip_in_body).url)

    assert client.get(peer(friendly).url, 30.0) == b"picture"


@pytest.mark.parametrize("drop", [b"", b"\x16"], ids=["silent", "dripping"])
def test_a_tls_handshake_that_never_ends_is_cut(client: Client, drop: bytes) -> None:
    def stall(connection: socket.socket) -> None:
        # A record of 16 KB begins, and never ends.
        connection.sendall(b"\x16\x03\x03\x40\x00" if drop else b"")
        for _ in range(200):
            connection.sendall(drop)
            time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                stall(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        began = time.monotonic()

        with pytest.raises(TransferTimeoutError):
            client.get(f"https://127.0.0.1:{listener.getsockname()[1]}/")

        assert time.monotonic() - began < ENDS
        if drop:
            thread.join(ENDS)


def test_an_upload_that_nobody_reads_is_cut(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        began = time.monotonic()

        with pytest.raises(TransferTimeoutError), client.line.within(DEADLINE):
            client.session.post(url, data=b"." * 50_000_000, timeout=60)

        assert time.monotonic() - began < ENDS


def test_a_connection_made_too_late_is_not_used(peer: OpenPeer, open_client: OpenClient) -> None:
    dialled: list[socket.socket] = []

    def dial_slowly(host: str, port: int, timeout: float | None) -> socket.socket:
        time.sleep(DEADLINE + 0.3)
        dialled.append(dial_directly(host, port, timeout))
        return dialled[-1]

    server = peer(friendly)
    client = open_client(Line(dial_slowly))

    with pytest.raises(TransferTimeoutError):
        client.get(server.url)

    descriptors = [sock.fileno() for sock in dialled]
    for sock in dialled:
        sock.close()
    assert descriptors == [-1], "left open"
    assert server.requests == []


def test_a_success_past_the_deadline_is_none(client: Client) -> None:
    # The end of a connection that was cut can read like the end of an answer.
    with pytest.raises(TransferTimeoutError), client.line.within(0.05):
        time.sleep(1.0)


def test_the_reason_is_kept_and_wrapped_by_nobody() -> None:
    assert not issubclass(TransferTimeoutError, OSError | requests.RequestException)


# --- time left ----------------------------------------------------------------------------------


def test_what_remains_can_serve_as_a_timeout() -> None:
    line = Line()
    assert line.remaining() == TICK_SECONDS

    with line.within(30.0):
        assert 29.0 < line.remaining() <= 30.0
    with line.within(0.0):
        assert line.remaining() == TICK_SECONDS


def test_a_line_that_was_forgotten_is_left_alone() -> None:
    line, watchdog = Line(), Watchdog(tick_seconds=0.02)
    watchdog.watch(line)
    watchdog.forget(line)
    with line.within(0.05):
        time.sleep(0.3)
    watchdog.close()


# --- the environment ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"])
def test_proxies_of_the_environment_are_not_used(
    name: str, peer: OpenPeer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = peer(friendly), peer(friendly)
    monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert client.get(server.url, 30.0) == b"picture"

    assert (proxy.accepted, len(server.requests)) == (0, 1)


def test_passwords_of_a_netrc_are_not_sent(
    peer: OpenPeer, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = peer(friendly)

    client.get(server.url, 30.0)

    assert b"authorization" not in server.requests[0].lower()


def test_a_certificate_nobody_vouches_for_is_refused(certificate: Path, client: Client) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    server = Peer(friendly, tls)
    client.session.verify = True
    try:
        with pytest.raises(requests.exceptions.SSLError):
            client.get(server.url, 30.0)
    finally:
        server.close()
    assert server.requests == []


# --- requests -----------------------------------------------------------------------------------


def test_what_is_sent(peer: OpenPeer, client: Client) -> None:
    server = peer(friendly)

    with client.line.within(30.0):
        headers = {"User-Agent": "x", "Accept": None, "Accept-Encoding": None, "Connection": None}
        client.session.get(server.url + "?q=ü", headers=headers, timeout=10)

    assert server.requests == [
        b"GET /image.jpg?q=%%C3%%BC HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: x\r\n\r\n"
        % server.port
    ]


@pytest.mark.parametrize(
    ("url", "dialled", "field"),
    [
        ("http://a.example/", ("a.example", 80), "a.example"),
        ("https://a.example/", ("a.example", 443), "a.example"),
        ("http://a.example:443/", ("a.example", 443), "a.example:443"),
        ("https://a.example:8443/", ("a.example", 8443), "a.example:8443"),
        ("http://A.example./", ("a.example.", 80), "a.example"),
        ("http://[::1]/", ("::1", 80), "[::1]"),
        ("https://[2606:4700::1111]/", ("2606:4700::1111", 443), "[2606:4700::1111]"),
        ("http://[::1]:81/", ("::1", 81), "[::1]:81"),
    ],
)
def test_where_a_url_leads(url: str, dialled: tuple[str, int], field: str) -> None:
    asked: list[tuple[str, int]] = []

    def dial(host: str, port: int, timeout: float | None) -> socket.socket:
        asked.append((host, port))
        raise TransferTimeoutError  # comes through as it is

    with open_session(Line(dial)) as session:
        with pytest.raises(TransferTimeoutError):
            session.get(url, timeout=1)
        adapter = session.get_adapter(url)
        assert isinstance(adapter, LineAdapter)
        (connection,) = adapter._connections.values()

    assert asked == [dialled]
    assert connection.host_field == field


@pytest.mark.parametrize(
    "headers", [{"X-A": "b\r\nX-Evil: 1"}, {"X-A": "b\nc"}, {"X-A\r\nX-Evil": "1"}, {"X-A": "b\0c"}]
)
def test_a_line_end_in_a_header_is_not_sent(
    peer: OpenPeer, client: Client, headers: dict[str, str]
) -> None:
    server = peer(friendly)
    request = requests.Request("GET", server.url).prepare()
    request.headers.update(headers)

    with pytest.raises(requests.exceptions.InvalidHeader):
        client.session.get_adapter(server.url).send(request)

    assert server.accepted == 0


@pytest.mark.parametrize("target", ["/a b", "/a\x7f", "/ü", "/?q=\x1f"])
def test_a_target_that_is_none_is_not_sent(peer: OpenPeer, client: Client, target: str) -> None:
    server = peer(friendly)
    request = requests.Request("GET", server.url).prepare()
    request.url = server.url.removesuffix("/image.jpg") + target

    with pytest.raises(requests.exceptions.InvalidURL):
        client.session.get_adapter(server.url).send(request)

    assert server.accepted == 0


def test_a_body_needs_its_length(peer: OpenPeer, client: Client) -> None:
    server = peer(friendly)

    with pytest.raises(requests.exceptions.InvalidHeader):
        client.session.post(server.url, data=iter([b"x"]), timeout=10)

    assert server.accepted == 0


@pytest.mark.parametrize(
    "wish", [{"verify": False}, {"proxies": {"http": "http://p/"}}, {"cert": "c.pem"}]
)
def test_what_is_not_to_be_had(peer: OpenPeer, client: Client, wish: dict[str, Any]) -> None:
    server = peer(friendly)

    with pytest.raises(ValueError, match="not to be had"):
        client.session.get(server.url, timeout=10, **wish)

    assert server.accepted == 0


# --- connections --------------------------------------------------------------------------------


def then_more(connection: socket.socket) -> None:
    # More than the reader takes at once: what is left shows on the connection.
    connection.sendall(answer(b"picture") + answer(b"nobody asked for this" * 5000))


def test_bytes_that_nobody_asked_for_are_no_answer(peer: OpenPeer, client: Client) -> None:
    server = peer(then_more)

    for _ in range(5):
        assert client.get(server.url, 30.0) == b"picture"


def test_an_answer_left_unread_costs_its_connection(peer: OpenPeer, client: Client) -> None:
    server = peer(friendly)
    with client.line.within(30.0):
        client.session.get(server.url, stream=True, timeout=10)

    assert client.get(server.url, 30.0) == b"picture"
    assert server.accepted == 2


def test_how_many_connections_are_kept(peer: OpenPeer, client: Client) -> None:
    servers = [peer(friendly) for _ in range(9)]
    for server in (*servers, servers[8], servers[1]):
        client.get(server.url, 30.0)
    assert [server.accepted for server in servers] == [1] * 9

    client.get(servers[0].url, 30.0)

    assert servers[0].accepted == 2, "the one met longest ago was closed"


def test_a_refusal_before_the_body_is_taken_is_the_answer(client: Client) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_RD)

    server = Peer(refuse)
    try:
        with client.line.within(30.0):
            body = b"." * 20_000_000
            assert client.session.post(server.url, data=body, timeout=10).status_code == 413
    finally:
        server.close()
