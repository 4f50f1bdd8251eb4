"""Whether Imgur has the image: odd answers, and connections that end too early."""

import io
import threading
from collections.abc import Callable
from typing import Any

import pytest

from workers.contract.errors import ImgurError, RateLimitedError, Reason
from workers.contract.imgur_access import ImgurAccess
from workers.worker.imgur.client import ImgurClient

Serve = Callable[[Callable[[Any], bytes | None]], Any]
MakeClient = Callable[..., ImgurClient]
Say = Callable[..., bytes]

LINK = "https://i.imgur.com/abc.jpg"
STORED = b'{"data": {"link": "https://i.imgur.com/abc.jpg"}, "success": true}'
PATIENCE_SECONDS = 60.0


def upload(client: ImgurClient, size: int = 10) -> str:
    return client.upload(io.BytesIO(bytes(size)), size, "image/png", "image.png").link


def failure(client: ImgurClient, size: int = 10) -> ImgurError:
    with pytest.raises(ImgurError) as caught:
        upload(client, size)
    return caught.value


def access(url: str, upload_seconds: float = PATIENCE_SECONDS) -> ImgurAccess:
    return ImgurAccess(url, "the-client-id", upload_seconds=upload_seconds)


@pytest.mark.parametrize("is_silent", [False, True], ids=["close", "silence"])
def test_a_link_counts_though_the_answer_is_shorter_than_declared(
    serve: Serve, make_client: MakeClient, *, is_silent: bool
) -> None:
    over = threading.Event()

    def handle(call: Any) -> None:
        call.read()
        call.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + STORED)
        if is_silent:
            over.wait(PATIENCE_SECONDS)

    server = serve(handle)
    seconds = 2.0 if is_silent else PATIENCE_SECONDS
    try:
        assert upload(make_client(access(server.url, seconds))) == LINK
    finally:
        over.set()
    assert len(server.calls) == 1


def test_a_refusal_counts_though_its_body_never_comes(
    serve: Serve, make_client: MakeClient
) -> None:
    over = threading.Event()

    def handle(call: Any) -> None:
        call.read()
        call.sock.sendall(b"HTTP/1.1 429 No\r\nRetry-After: 7\r\nContent-Length: 500\r\n\r\n<html>")
        over.wait(PATIENCE_SECONDS)

    server = serve(handle)
    try:
        error = failure(make_client(access(server.url, 2.0)))
    finally:
        over.set()
    assert isinstance(error, RateLimitedError)
    assert error.pause_seconds == 7.0
    assert not error.maybe_stored


def test_an_answer_of_150_fields_is_read(serve: Serve, make_client: MakeClient, say: Say) -> None:
    fields = {f"X-Field-{number}": "value" for number in range(150)}

    def handle(call: Any) -> bytes:
        call.read()
        return say(headers=fields)

    server = serve(handle)
    assert upload(make_client(access(server.url))) == LINK
    assert len(server.calls) == 1


def test_a_head_that_cannot_be_read_after_the_image_left_is_final(
    serve: Serve, make_client: MakeClient
) -> None:
    def handle(call: Any) -> bytes:
        call.read()
        head = b"HTTP/1.1 200 OK\r\n<br />\r\nContent-Length: %d\r\n\r\n" % len(STORED)
        return head + STORED

    server = serve(handle)
    error = failure(make_client(access(server.url)))
    assert (error.reason, error.transient) == (Reason.IMGUR_BAD_ANSWER, False)
    assert error.maybe_stored
    assert len(server.calls) == 1


@pytest.mark.parametrize("resets", [False, True], ids=["FIN", "RST"])
def test_an_upload_that_was_cut_in_mid_body_is_not_stored(
    serve: Serve, make_client: MakeClient, *, resets: bool
) -> None:
    def handle(call: Any) -> None:
        call.sock.recv(100_000)
        if resets:
            call.reset()

    server = serve(handle)
    error = failure(make_client(access(server.url)), 20_000_000)
    assert (error.reason, error.transient) == (Reason.IMGUR_UNREACHABLE, True)
    assert not error.maybe_stored
    assert len(server.calls) == 1


@pytest.mark.parametrize("size", [10, 2_000_000])
def test_an_upload_never_waits_for_100_continue(
    serve: Serve, make_client: MakeClient, say: Say, size: int
) -> None:
    def handle(call: Any) -> bytes:
        call.read()
        return say()

    server = serve(handle)
    upload(make_client(access(server.url)), size)
    assert "expect" not in server.calls[0].headers
