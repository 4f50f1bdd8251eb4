"""Whatever the other side does or does not do: an upload ends in time."""

import contextlib
import io
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from workers.contract.errors import ImgurError, Reason
from workers.contract.imgur_access import ImgurAccess
from workers.contract.messages.outcomes import Uploaded
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


def test_a_host_that_does_not_pick_up_has_its_own_limit(make_client: MakeClient) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        # With its queue full, Linux leaves further connections unanswered.
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        client = make_client(access(url, connect_seconds=0.2, upload_seconds=60.0))
        error = failure(client)
    assert (error.reason, error.transient) == (Reason.IMGUR_TIMEOUT, True)


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"", id="head"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-A: ", id="header line"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n", id="body"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="body without length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n90000\r\n", id="chunk"),
    ],
)
def test_a_dripping_answer_ends_at_the_deadline(
    serve: Serve, make_client: MakeClient, start: bytes
) -> None:
    def handle(call: Any) -> None:
        call.read()
        call.sock.sendall(start or b"H")
        drip = iter(b"TTP/1.1 200 OK\r\n") if not start else iter(())
        while True:  # until the client hangs up
            call.sock.sendall(bytes([next(drip, 0x20)]))
            time.sleep(0.02)

    client = make_client(access(serve(handle).url, upload_seconds=0.4))
    error = failure(client)
    assert (error.reason, error.transient) == (Reason.IMGUR_TIMEOUT, True)


@pytest.mark.parametrize("size", [len(IMAGE), 20_000_000], ids=["no answer", "body not taken"])
def test_a_silent_server_ends_at_the_deadline(
    serve: Serve, make_client: MakeClient, size: int
) -> None:
    done = threading.Event()

    def handle(_call: Any) -> None:
        done.wait(100)

    client = make_client(access(serve(handle).url, upload_seconds=0.4))
    error = failure(client, bytes(size))
    done.set()
    assert (error.reason, error.transient) == (Reason.IMGUR_TIMEOUT, True)


def test_the_client_works_again_after_a_timeout(
    serve: Serve, make_client: MakeClient, say: Say
) -> None:
    done = threading.Event()

    def handle(call: Any) -> bytes:
        call.read()
        if not done.is_set():
            done.wait(100)
        return say()

    server = serve(handle)
    client = make_client(access(server.url, upload_seconds=0.4))
    assert failure(client).reason is Reason.IMGUR_TIMEOUT
    done.set()
    client._calls.access = access(server.url)  # the next one may take as long as it likes
    assert upload(client).link == LINK


def test_a_slow_uplink_has_longer_than_a_connection(
    serve: Serve, make_client: MakeClient, say: Say
) -> None:
    def handle(call: Any) -> bytes:
        if len(server.calls) > 1:
            time.sleep(0.6)  # the client fills the buffers and has to wait in mid-send
        call.read()
        return say()

    server = serve(handle)
    upload(make_client(access(server.url)))  # connects, for however long that takes
    limits = {"connect_seconds": 0.1, "upload_seconds": 100.0}
    client = make_client(access(server.url, **limits))
    assert upload(client, bytes(20_000_000)).link == LINK
    assert len(server.connections) == 1
