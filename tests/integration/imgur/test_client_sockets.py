"""The client against real sockets that misbehave in the ways servers do."""

import contextlib
import hashlib
import io
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from workers.contract.errors import ImgurError, RateLimitedError, Reason, RefusalScope
from workers.contract.imgur_access import ImgurAccess
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.outcomes import Uploaded
from workers.runtime.local.manager import StateManager
from workers.worker.imgur.client import ImgurClient

Serve = Callable[[Callable[[Any], bytes | None]], Any]
MakeClient = Callable[..., ImgurClient]
Say = Callable[..., bytes]

IMAGE = b"\x89PNG\r\n\x1a\n a picture"
LINK = "https://i.imgur.com/abc.jpg"


def upload(client: ImgurClient, data: bytes = IMAGE) -> Uploaded:
    return client.upload(io.BytesIO(data), len(data), "image/png", "image.png")


def failure(client: ImgurClient, data: bytes = IMAGE) -> ImgurError:
    with pytest.raises(ImgurError) as caught:
        upload(client, data)
    return caught.value


def access(url: str, **more: Any) -> ImgurAccess:
    return ImgurAccess(url, "the-client-id", **more)


def test_one_connection_serves_many_uploads(
    serve: Serve, make_client: MakeClient, say: Say
) -> None:
    answers = iter([say(), say({"data": {"error": "no"}}, 400), say(), say()])

    def handle(call: Any) -> bytes:
        call.read()
        return next(answers)

    server = serve(handle)
    client = make_client(access(server.url))
    assert upload(client).link == LINK
    assert failure(client).reason is Reason.IMGUR_REFUSED
    assert upload(client).link == LINK
    assert upload(client, bytes(1_000_000)).link == LINK
    assert len(server.calls) == 4
    assert len(server.connections) == 1


def test_a_connection_closed_while_idle_is_replaced(
    serve: Serve, make_client: MakeClient, say: Say
) -> None:
    closed = threading.Event()

    def handle(call: Any) -> None:
        call.read()
        call.sock.sendall(say())
        call.sock.shutdown(socket.SHUT_RDWR)
        closed.set()

    server = serve(handle)
    client = make_client(access(server.url))
    upload(client)
    assert closed.wait(60)
    assert upload(client).link == LINK
    assert len(server.connections) == 2


@pytest.mark.parametrize("reads", [False, True], ids=["in mid-body", "after the body"])
def test_a_reset_may_pass(serve: Serve, make_client: MakeClient, *, reads: bool) -> None:
    def handle(call: Any) -> None:
        if reads:
            call.read()
        call.reset()

    error = failure(make_client(access(serve(handle).url)), bytes(5_000_000))
    assert (error.reason, error.transient) == (Reason.IMGUR_UNREACHABLE, True)
    assert "lost" in error.message
    assert error.scope is RefusalScope.IMAGE


def test_a_connection_closed_without_an_answer_may_pass(
    serve: Serve, make_client: MakeClient
) -> None:
    def handle(call: Any) -> None:
        call.read()

    error = failure(make_client(access(serve(handle).url)))
    assert (error.reason, error.transient) == (Reason.IMGUR_UNREACHABLE, True)


def test_a_refused_connection_may_pass(make_client: MakeClient) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody else gets the port, and nobody listens
        error = failure(make_client(access(f"http://127.0.0.1:{closed.getsockname()[1]}")))
    assert (error.reason, error.transient) == (Reason.IMGUR_UNREACHABLE, True)
    assert "refused the connection" in error.message
    assert error.scope is RefusalScope.MAYBE_ALL


def test_a_name_that_is_not_found_may_pass(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_name(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    error = failure(make_client(access("http://api.imgur.test")))
    assert (error.reason, error.transient) == (Reason.IMGUR_UNREACHABLE, True)
    assert "name" in error.message
    assert error.scope is RefusalScope.MAYBE_ALL


def test_a_server_without_tls_may_pass(make_client: MakeClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_in_plain() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.recv(1000)
                sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer_in_plain)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        error = failure(make_client(access(url)))
        thread.join(60)
    assert (error.reason, error.transient) == (Reason.IMGUR_UNREACHABLE, True)
    assert "TLS" in error.message
    assert error.scope is RefusalScope.MAYBE_ALL


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
def test_a_certificate_of_nobody_is_not_trusted(make_client: MakeClient, tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    made = ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *made],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def shake_hands() -> None:
            sock, _ = listener.accept()
            with sock, contextlib.suppress(OSError), context.wrap_socket(sock, server_side=True):
                pass

        thread = threading.Thread(target=shake_hands)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        error = failure(make_client(access(url)))
        thread.join(60)
    assert (error.reason, error.transient) == (Reason.IMGUR_UNREACHABLE, True)
    assert "not trusted" in error.message
    assert error.scope is RefusalScope.MAYBE_ALL


@pytest.mark.parametrize("status", [200, 429])
def test_an_answer_cut_short_counts_by_its_status(
    serve: Serve, make_client: MakeClient, status: int
) -> None:
    def handle(call: Any) -> None:
        call.read()
        call.sock.sendall(b'HTTP/1.1 %d X\r\nContent-Length: 500\r\n\r\n{"data": {' % status)

    server = serve(handle)
    client = make_client(access(server.url))
    error = failure(client)
    if status == 429:
        assert isinstance(error, RateLimitedError)
    else:
        assert (error.reason, error.transient) == (Reason.IMGUR_BAD_ANSWER, True)
        assert "may have been stored" in error.message
    failure(client)
    assert len(server.connections) == 2


STORED = b'{"data": {"link": "https://i.imgur.com/abc.jpg"}, "success": true}'


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(b"200 OK", STORED + b"<html>\xff", id="rubbish behind it"),
        pytest.param(b"200", STORED + b"\n" + STORED.replace(b"abc", b"other"), id="two"),
        pytest.param(b"200 OK", b"\xef\xbb\xbf" + STORED, id="BOM"),
        pytest.param(b"502 Bad Gateway", STORED, id="under another status"),
    ],
)
def test_a_link_that_came_counts(
    serve: Serve, make_client: MakeClient, status: bytes, body: bytes
) -> None:
    def handle(call: Any) -> None:
        call.read()
        call.sock.sendall(b"HTTP/1.1 " + status + b"\r\nServer: x\r\n\r\n" + body)
        call.sock.shutdown(socket.SHUT_WR)

    server = serve(handle)
    assert upload(make_client(access(server.url))).link == LINK
    assert len(server.calls) == 1


def test_of_two_waits_the_longer_counts(serve: Serve, make_client: MakeClient) -> None:
    date = formatdate(time.time() + 7000, usegmt=True).encode()

    def handle(call: Any) -> None:
        call.read()
        fields = b"Retry-After: 30\r\nRetry-After: %s\r\nRetry-After: 5\r\n" % date
        call.sock.sendall(b"HTTP/1.1 429 X\r\nContent-Length: 0\r\n" + fields + b"\r\n")

    error = failure(make_client(access(serve(handle).url)))
    assert isinstance(error, RateLimitedError)
    assert 3600 < error.pause_seconds <= 7000


def test_an_oversized_answer_costs_its_connection_only(
    serve: Serve, make_client: MakeClient, say: Say
) -> None:
    answers = iter([say({"data": "x" * 5_000_000}), say()])

    def handle(call: Any) -> bytes:
        call.read()
        return next(answers)

    server = serve(handle)
    client = make_client(access(server.url))
    assert failure(client).reason is Reason.IMGUR_BAD_ANSWER
    assert upload(client).link == LINK
    assert len(server.connections) == 2


def test_a_refusal_before_the_body_is_read_is_understood(
    serve: Serve, make_client: MakeClient, say: Say
) -> None:
    def handle(call: Any) -> None:
        call.sock.sendall(say({"data": {"error": "Too big"}}, 413, {"Connection": "close"}))
        # A server that closes at once may take its own answer back (RFC 9112, section 9.6).
        call.sock.shutdown(socket.SHUT_WR)
        while call.sock.recv(65536):
            pass

    error = failure(make_client(access(serve(handle).url)), bytes(20_000_000))
    assert error.reason is Reason.IMGUR_REFUSED
    assert "Too big" in error.message


def test_a_redirect_is_not_followed(serve: Serve, make_client: MakeClient, say: Say) -> None:
    def handle(call: Any) -> bytes:
        call.read()
        return say({}, 302, {"Location": "/elsewhere"})

    server = serve(handle)
    error = failure(make_client(access(server.url)))
    assert (error.reason, error.transient) == (Reason.IMGUR_BAD_ANSWER, False)
    assert [call.path for call in server.calls] == ["/3/image"]


def test_20_mb_go_up_without_being_held(serve: Serve, make_client: MakeClient, say: Say) -> None:
    bodies: list[tuple[int, str]] = []

    def handle(call: Any) -> bytes:
        assert "transfer-encoding" not in call.headers
        bodies.append(call.read())
        return say()

    client = make_client(access(serve(handle).url))
    upload(client)  # what is set up once is not counted
    size = 20_000_000
    with tempfile.SpooledTemporaryFile(max_size=1_000_000) as file:
        for _ in range(20):
            file.write(bytes(size // 20))
        tracemalloc.start()
        try:
            client.upload(cast("BinaryIO", file), size, "image/png", "image.png")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 3_000_000
    assert size < bodies[-1][0] < size + 1000


def test_a_stale_token_costs_one_refresh_and_the_whole_image_goes_again(
    serve: Serve, make_client: MakeClient, say: Say
) -> None:
    bodies: list[tuple[int, str]] = []
    granted = iter(["t1", "t2", "t3"])

    def handle(call: Any) -> bytes:
        body = call.read()
        if call.path == "/oauth2/token":
            return say({"access_token": next(granted), "expires_in": 3600})
        bodies.append(body)
        if call.headers["authorization"] == "Bearer t1":
            return say({"data": {"error": "The access token provided is invalid."}}, 403)
        return say()

    server = serve(handle)
    account = access(server.url, client_secret="secret", refresh_token="refresh")
    client = make_client(account)
    assert upload(client, bytes(2_000_000)).link == LINK
    assert upload(client).link == LINK
    paths = [call.path for call in server.calls]
    assert paths == ["/oauth2/token", "/3/image", "/oauth2/token", "/3/image", "/3/image"]
    assert bodies[0][0] == bodies[1][0] > 2_000_000
    assert len(server.connections) == 1


def test_the_body_arrives_as_it_is(serve: Serve, make_client: MakeClient, say: Say) -> None:
    seen: list[tuple[str, str]] = []

    def handle(call: Any) -> bytes:
        boundary = call.headers["content-type"].partition("boundary=")[2]
        seen.append((boundary, call.read()[1]))
        return say()

    client = make_client(access(serve(handle).url, album="aBc"))
    for data in (IMAGE, bytes(range(256)) * 4000):
        upload(client, data)
        boundary, digest = seen[-1]
        expected = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="type"\r\n\r\nfile\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="album"\r\n\r\naBc\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="image"; '
            'filename="image.png"\r\nContent-Type: image/png\r\n\r\n'
        ).encode() + data
        expected += f"\r\n--{boundary}--\r\n".encode()
        assert digest == hashlib.sha256(expected).hexdigest()


def test_clients_of_a_real_manager_share_one_refresh(
    serve: Serve, make_client: MakeClient, say: Say
) -> None:
    def handle(call: Any) -> bytes:
        call.read()
        if call.path == "/oauth2/token":
            time.sleep(0.2)  # the others come while it is under way
            return say({"access_token": "t1", "expires_in": 3600})
        assert call.headers["authorization"] == "Bearer t1"
        return say()

    server = serve(handle)
    manager = StateManager(MailboxLimits())
    manager.start_process()
    with contextlib.ExitStack() as stack:
        stack.callback(manager.shutdown)
        tokens = manager.objects().token_store
        account = access(server.url, client_secret="secret", refresh_token="refresh")
        clients = [make_client(account, tokens) for _ in range(4)]
        links: list[str] = []
        threads = [
            threading.Thread(target=lambda client=client: links.append(upload(client).link))
            for client in clients
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert links == [LINK] * 4
    assert [call.path for call in server.calls].count("/oauth2/token") == 1
