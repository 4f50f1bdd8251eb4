"""Real sockets on the loopback interface, and a peer that does what it likes."""

import contextlib
import gzip
import math
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest
import requests

from workers.worker.http.adapter import MAX_ANSWER_BYTES, CurlAdapter, ResponseBody
from workers.worker.http.errors import Fault, TransferError
from workers.worker.http.loop import TransferLoop
from workers.worker.http.options import TransferOptions, authority_file, open_curl
from workers.worker.http.transfer import Transfer

DEADLINE = 0.4
ENDS = 60.0
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
    """An adapter that trusts the peers' certificate."""

    def __init__(self, transfers: TransferLoop, authorities: str | None) -> None:
        options = TransferOptions(ResponseBody, authorities=authorities)
        self.adapter = CurlAdapter(transfers, options)

    def send(self, request: requests.Request, seconds: float = 30.0) -> requests.Response:
        return self.adapter.send(request.prepare(), timeout=(60.0, seconds))

    def get(self, url: str, seconds: float = 30.0) -> bytes:
        return self.send(requests.Request("GET", url), seconds).content

    def fault(self, url: str, seconds: float = DEADLINE) -> Fault:
        with pytest.raises(TransferError) as caught:
            self.get(url, seconds)
        return caught.value.fault


@pytest.fixture
def client(transfers: TransferLoop, certificate: Path) -> Iterator[Client]:
    client = Client(transfers, str(certificate))
    yield client
    client.adapter.close()


# --- in time ------------------------------------------------------------------------------------


def test_an_answer_in_time_comes_whole(peer: OpenPeer, client: Client) -> None:
    assert client.get(peer(friendly).url) == b"picture"


def test_one_connection_serves_many_transfers(peer: OpenPeer, client: Client) -> None:
    server = peer(friendly)

    for _ in range(100):
        assert client.get(server.url) == b"picture"

    assert server.accepted == 1


def test_lanes_share_their_connections(
    peer: OpenPeer, transfers: TransferLoop, certificate: Path
) -> None:
    server = peer(friendly)

    for _ in range(5):
        client = Client(transfers, str(certificate))
        assert client.get(server.url) == b"picture"
        client.adapter.close()

    assert server.accepted == 1


def test_transfers_of_many_lanes_run_side_by_side_in_one_thread(
    peer: OpenPeer, transfers: TransferLoop, certificate: Path
) -> None:
    lanes = 20
    together = threading.Barrier(lanes, timeout=ENDS)

    def wait_for_all(connection: socket.socket) -> None:
        together.wait()
        friendly(connection)

    server = peer(wait_for_all)
    bodies: list[bytes] = []

    def lane() -> None:
        client = Client(transfers, str(certificate))
        bodies.append(client.get(server.url))
        client.adapter.close()

    threads = [threading.Thread(target=lane) for _ in range(lanes)]
    for thread in threads:
        thread.start()
    names = [thread.name for thread in threading.enumerate()]
    for thread in threads:
        thread.join()

    assert bodies == [b"picture"] * lanes
    assert names.count("transfers") == 1


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
def test_what_never_ends_is_ended(
    peer: OpenPeer, client: Client, conversation: Conversation
) -> None:
    assert client.fault(peer(conversation).url) is Fault.TIMEOUT


def test_after_that_the_adapter_serves_on(peer: OpenPeer, client: Client) -> None:
    client.fault(peer(drip_in_body).url)

    assert client.get(peer(friendly).url) == b"picture"


@pytest.mark.parametrize("drop", [b"", b"\x16"], ids=["silent", "dripping"])
def test_a_tls_handshake_that_never_ends_is_ended(client: Client, drop: bytes) -> None:
    def stall(connection: socket.socket) -> None:
        # A record of 16 KB begins, and never ends.
        connection.sendall(b"\x16\x03\x03\x40\x00" if drop else b"")
        for _ in range(200):
            connection.sendall(drop)
            time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):  # the client may leave before it is accepted
                connection, _ = listener.accept()
                with connection:
                    stall(connection)

        threading.Thread(target=serve, daemon=True).start()

        port = listener.getsockname()[1]
        assert client.fault(f"https://127.0.0.1:{port}/") is Fault.TIMEOUT


def test_an_upload_that_nobody_reads_is_ended(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"

        with pytest.raises(TransferError) as caught:
            client.send(requests.Request("POST", url, data=b"." * 50_000_000), DEADLINE)

    assert caught.value.fault is Fault.TIMEOUT
    assert not caught.value.has_sent


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}", id="no status"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\n" + b"X-Filler: %s\r\n" % (b"x" * 9000) * 40 + b"\r\n",
            id="too long",
        ),
    ],
)
def test_an_upload_with_an_unreadable_answer_was_sent(
    peer: OpenPeer, client: Client, head: bytes
) -> None:
    url = peer(lambda connection: connection.sendall(head)).url

    with pytest.raises(TransferError) as caught:
        client.send(requests.Request("POST", url, data=b"picture"), ENDS)

    assert caught.value.fault is Fault.NOT_HTTP
    assert caught.value.has_sent


def test_several_threads_may_close_the_loop_at_once() -> None:
    transfers = TransferLoop()
    threads = [threading.Thread(target=transfers.close) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(ENDS)
        assert not thread.is_alive()
    assert not transfers._thread.is_alive()


def test_closing_the_loop_does_not_wait_for_transfers(peer: OpenPeer, certificate: Path) -> None:
    transfers = TransferLoop()
    is_asked = threading.Event()

    def wait_silently(connection: socket.socket) -> None:
        is_asked.set()
        silence(connection)

    client = Client(transfers, str(certificate))
    faults: list[Fault] = []
    server = peer(wait_silently)
    lane = threading.Thread(target=lambda: faults.append(client.fault(server.url, 3600.0)))
    lane.start()
    assert is_asked.wait(ENDS)

    transfers.close()

    lane.join(ENDS)
    assert faults == [Fault.CUT_SHORT]
    client.adapter.close()


def test_a_loop_that_fails_lets_nobody_wait(certificate: Path) -> None:
    failures: list[Exception] = []
    transfers = TransferLoop(failures.append)
    client = Client(transfers, str(certificate))
    failure = RuntimeError("a bug")

    def begin(entry: object) -> None:
        raise failure

    transfers._begin = begin  # type: ignore[method-assign]

    assert client.fault("http://127.0.0.1:1/", 3600.0) is Fault.CUT_SHORT
    assert failures == [failure]
    client.adapter.close()
    transfers.close()


# --- kept connections ---------------------------------------------------------------------------


def rude_once(rudeness: bytes) -> Conversation:
    """Answers, then meets the second request on the same connection with `rudeness`."""
    served: dict[int, int] = {}

    def conversation(connection: socket.socket) -> None:
        number = served[id(connection)] = served.get(id(connection), 0) + 1
        if number == 1:
            friendly(connection)
        else:
            connection.sendall(rudeness)
            connection.shutdown(socket.SHUT_RDWR)

    return conversation


RUDENESS = {
    "the end": b"",
    "a stray line end": b"\r\n\r\n",
    "noise": b"\0\1\2\3 nothing at all\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "408": b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("rudeness", RUDENESS.values(), ids=RUDENESS.keys())
def test_a_get_is_asked_again_on_a_fresh_connection(
    peer: OpenPeer, client: Client, rudeness: bytes
) -> None:
    server = peer(rude_once(rudeness))

    for _ in range(4):
        assert client.get(server.url) == b"picture"

    assert server.accepted == 4


def test_after_silence_on_a_kept_connection_a_fresh_one_is_opened(
    peer: OpenPeer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversations = iter([friendly, silence, friendly])

    def conversation(connection: socket.socket) -> None:
        next(conversations)(connection)

    server = peer(conversation)
    client.get(server.url)
    is_silent = Transfer.is_silent
    monkeypatch.setattr(Transfer, "is_silent", lambda transfer, _now: is_silent(transfer, math.inf))

    assert client.get(server.url) == b"picture"
    assert server.accepted == 2


def test_silence_on_a_kept_connection_leaves_most_of_the_time_for_a_fresh_one() -> None:
    options = TransferOptions(ResponseBody)
    request = requests.Request("GET", "http://127.0.0.1/").prepare()
    with open_curl(options) as curl:
        transfer = Transfer(options, curl, request, time.monotonic() + 90, 90)
        transfer.start_clock()
        transfer.is_connected = True  # and opened no socket for that

        assert not transfer.is_silent(transfer.deadline - 60.1)
        assert transfer.is_silent(transfer.deadline - 1)


@pytest.mark.parametrize("rudeness", RUDENESS.values(), ids=RUDENESS.keys())
def test_what_has_a_body_is_never_sent_twice(
    peer: OpenPeer, client: Client, rudeness: bytes
) -> None:
    server = peer(rude_once(rudeness))
    client.get(server.url)

    with contextlib.suppress(TransferError):
        client.send(requests.Request("POST", server.url, data=b"image"))

    assert sum(request.startswith(b"POST") for request in server.requests) == 1


def then_more(connection: socket.socket) -> None:
    connection.sendall(answer(b"picture") + answer(b"nobody asked for this" * 5000))


def test_bytes_that_nobody_asked_for_are_no_answer(peer: OpenPeer, client: Client) -> None:
    server = peer(then_more)

    for _ in range(5):
        assert client.get(server.url) == b"picture"


def test_a_refusal_before_the_body_is_taken_is_the_answer(client: Client) -> None:
    is_read = threading.Event()

    def refuse(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        is_read.wait(60)  # a close with bytes unread could overtake the answer

    server = Peer(refuse)
    try:
        request = requests.Request("POST", server.url, data=b"." * 20_000_000)
        assert client.send(request).status_code == 413
    finally:
        is_read.set()
        server.close()


def test_a_guard_judges_a_kept_connection_too(
    peer: OpenPeer, transfers: TransferLoop, certificate: Path
) -> None:
    server = peer(friendly)
    client = Client(transfers, str(certificate))
    client.get(server.url)
    asked: list[tuple[str, int, str]] = []

    def refuse(address: IPv4Address | IPv6Address, port: int, url: str) -> None:
        asked.append((str(address), port, url))
        raise PermissionError

    guarded = TransferOptions(ResponseBody, refuse, authorities=str(certificate))
    adapter = CurlAdapter(transfers, guarded)
    request = requests.Request("GET", server.url).prepare()
    with pytest.raises(PermissionError):
        adapter.send(request, timeout=(60.0, 60.0))
    adapter.close()
    client.adapter.close()

    assert asked == [("127.0.0.1", server.port, server.url)]
    assert (server.accepted, len(server.requests)) == (1, 1)


# --- the environment ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"])
def test_proxies_of_the_environment_are_not_used(
    name: str,
    peer: OpenPeer,
    transfers: TransferLoop,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy, server = peer(friendly), peer(friendly)
    monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    client = Client(transfers, str(certificate))

    assert client.get(server.url) == b"picture"

    client.adapter.close()
    assert (proxy.accepted, len(server.requests)) == (0, 1)


def test_passwords_of_a_netrc_are_not_sent(
    peer: OpenPeer, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    server = peer(friendly)

    client.get(server.url)

    assert b"authorization" not in server.requests[0].lower()


def test_a_certificate_nobody_vouches_for_is_refused(
    certificate: Path, transfers: TransferLoop
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    server = Peer(friendly, tls)
    client = Client(transfers, None)
    try:
        assert client.fault(server.url, 30.0) is Fault.CERTIFICATE
    finally:
        client.adapter.close()
        server.close()
    assert server.requests == []


def test_authorities_of_a_file_come_on_top_of_the_usual_ones(certificate: Path) -> None:
    joined = Path(authority_file(str(certificate))).read_text()

    assert joined.count("BEGIN CERTIFICATE") == (
        Path(authority_file(None)).read_text().count("BEGIN CERTIFICATE") + 1
    )


# --- requests -----------------------------------------------------------------------------------


def test_what_is_sent(peer: OpenPeer, client: Client) -> None:
    server = peer(friendly)

    client.send(requests.Request("GET", server.url + "?q=%C3%BC", headers={"User-Agent": "x"}))

    assert server.requests == [
        b"GET /image.jpg?q=%%C3%%BC HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: */*\r\n"
        b"User-Agent: x\r\n\r\n" % server.port
    ]


@pytest.mark.parametrize(
    "target",
    ["/%7e%2C%2c", "/50%.png", "/a?", "/?a?b", "?sig=a%2cb%7E", "//a/../b/./c", "/[]|^`{}"],
)
def test_a_url_goes_out_as_it_is(peer: OpenPeer, client: Client, target: str) -> None:
    server = peer(friendly)
    request = requests.Request("GET", server.url).prepare()
    request.url = server.url.removesuffix("/image.jpg") + target

    client.adapter.send(request, timeout=(10.0, 30.0))

    sent = server.requests[0].split(b" ")[1].decode()
    assert sent == (target if target.startswith("/") else f"/{target}")


@pytest.mark.parametrize(
    "headers",
    [{"X-A": "b\r\nX-Evil: 1"}, {"X-A": "b\nc"}, {"X-A\r\nX-Evil": "1"}, {"X-A": "b\0c"}],
)
def test_a_line_end_in_a_header_is_not_sent(
    peer: OpenPeer, client: Client, headers: dict[str, str]
) -> None:
    server = peer(friendly)
    request = requests.Request("GET", server.url).prepare()
    request.headers.update(headers)

    with pytest.raises(requests.exceptions.InvalidHeader):
        client.adapter.send(request, timeout=(10.0, 30.0))

    assert server.accepted == 0


@pytest.mark.parametrize("target", ["/a b", "/a\x7f", "/ü", "/?q=\x1f", "/a\r\nX: y"])
def test_a_url_that_is_none_is_not_sent(peer: OpenPeer, client: Client, target: str) -> None:
    server = peer(friendly)
    request = requests.Request("GET", server.url).prepare()
    request.url = server.url.removesuffix("/image.jpg") + target

    with pytest.raises(requests.exceptions.InvalidURL):
        client.adapter.send(request, timeout=(10.0, 30.0))

    assert server.accepted == 0


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/"])
def test_other_schemes_are_not_spoken(client: Client, url: str) -> None:
    request = requests.Request("GET", "http://127.0.0.1/").prepare()
    request.url = url

    with pytest.raises(requests.exceptions.InvalidURL):
        client.adapter.send(request, timeout=(10.0, 30.0))


def test_a_body_needs_its_length(peer: OpenPeer, client: Client) -> None:
    server = peer(friendly)
    request = requests.Request("POST", server.url, data=iter([b"x"]))

    with pytest.raises(requests.exceptions.InvalidHeader):
        client.send(request)

    assert server.accepted == 0


@pytest.mark.parametrize(
    "wish", [{"verify": False}, {"proxies": {"http": "http://p/"}}, {"cert": "c.pem"}]
)
def test_what_is_chosen_elsewhere(peer: OpenPeer, client: Client, wish: dict[str, Any]) -> None:
    server = peer(friendly)

    with pytest.raises(ValueError, match="TransferOptions"):
        client.adapter.send(requests.Request("GET", server.url).prepare(), timeout=(10, 10), **wish)

    assert server.accepted == 0


# --- answers ------------------------------------------------------------------------------------

CODED = {
    "gzip": gzip.compress(b"picture"),
    "a label that is false": b"picture",
}


@pytest.mark.parametrize("body", CODED.values(), ids=CODED.keys())
def test_a_coded_answer_is_decoded(peer: OpenPeer, client: Client, body: bytes) -> None:
    def coded(connection: socket.socket) -> None:
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body)
        )

    assert client.get(peer(coded).url) == b"picture"


def test_an_answer_is_taken_so_far_and_decoded_so_far(peer: OpenPeer, client: Client) -> None:
    body = gzip.compress(bytes(20_000_000), 1)

    def bomb(connection: socket.socket) -> None:
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body)
        )

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(200):
            connection.sendall(bytes(100_000))

    assert len(client.get(peer(bomb).url)) <= MAX_ANSWER_BYTES
    assert len(client.get(peer(flood).url)) <= MAX_ANSWER_BYTES


def test_a_transfer_shows_nothing_of_request_and_response() -> None:
    options = TransferOptions(ResponseBody)
    headers = {"Content-Length": "8", "Authorization": "s3cret"}
    request = requests.Request("POST", "http://127.0.0.1/?key=s3cret", headers, data=b"a=s3cret")
    with open_curl(options) as curl:
        transfer = Transfer(options, curl, request.prepare(), DEADLINE, DEADLINE)
        for line in (b"HTTP/1.1 200 OK\r\n", b"Set-Cookie: a=s3cret\r\n"):
            transfer.head.feed(line)
        assert "s3cret" not in repr((transfer, transfer.head))
