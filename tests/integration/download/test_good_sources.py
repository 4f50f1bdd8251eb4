"""Sources that behave, in all the ways HTTP lets them."""

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workers.contract.errors import DownloadError
from workers.worker.source.fetch import Downloader

JPEG = b"\xff\xd8\xff\xe0" + os.urandom(50_000)
OK = b"HTTP/1.1 200 OK\r\n"

Serve = Callable[..., Any]
MakeDownloader = Callable[..., Downloader]
Answer = Callable[[socket.socket, str, threading.Event], bool]


def sends(data: bytes, *, keep: bool) -> Answer:
    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> bool:
        connection.sendall(data)
        return keep

    return answer


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def sized(body: bytes) -> bytes:
    return OK + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


FRAMINGS = {
    "sized": (sized(JPEG), True),
    "chunked": (OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(JPEG, 1000), True),
    "chunked in small pieces": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(JPEG, 7),
        True,
    ),
    "until the connection closes": (OK + b"\r\n" + JPEG, False),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\n" + JPEG, False),
    "after 100 Continue": (b"HTTP/1.1 100 Continue\r\n\r\n" + sized(JPEG), True),
}


@pytest.mark.parametrize("memory_bytes", [1_000_000, 1000], ids=["in memory", "in a file"])
@pytest.mark.parametrize(("data", "keep"), FRAMINGS.values(), ids=FRAMINGS.keys())
def test_framing(
    serve: Serve, make_downloader: MakeDownloader, data: bytes, memory_bytes: int, *, keep: bool
) -> None:
    source = serve(sends(data, keep=keep))
    downloader = make_downloader(memory_bytes=memory_bytes)

    for _ in range(3):
        with downloader.fetch(f"{source.url}/a.jpg") as image:
            assert image.size == len(JPEG)
            assert image.file.tell() == 0
            assert image.file.read() == JPEG

    assert source.connections == (1 if keep else 3)


@pytest.mark.parametrize(
    ("head", "is_whole"),
    [
        (OK + b"\r\n", True),
        (b"HTTP/1.0 200 OK\r\n\r\n", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n", False),
        (OK + b"Content-Length: 50005\r\n\r\n", False),
    ],
)
def test_a_connection_that_ends_without_the_alert_of_tls(
    serve: Serve,
    make_downloader: MakeDownloader,
    certificate: Path,
    tls: ssl.SSLContext,
    head: bytes,
    *,
    is_whole: bool,
) -> None:
    source = serve(sends(head + JPEG, keep=False), tls)
    downloader = make_downloader(authorities=str(certificate))

    expected = contextlib.nullcontext() if is_whole else pytest.raises(DownloadError, match="compl")
    with expected, downloader.fetch(f"{source.url}/a.jpg") as image:
        assert image.file.read() == JPEG


def test_same_length_given_twice(serve: Serve, make_downloader: MakeDownloader) -> None:
    length = b"Content-Length: %d\r\n" % len(JPEG)

    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> bool:
        connection.sendall(OK + length + length + b"\r\n" + JPEG)
        return not stopping.wait()

    source = serve(answer)

    with make_downloader().fetch(f"{source.url}/a.jpg") as image:
        assert image.file.read() == JPEG


def test_answers_in_small_pieces(serve: Serve, make_downloader: MakeDownloader) -> None:
    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> bool:
        data = sized(JPEG[:5000])
        for at in range(0, len(data), 50):
            connection.sendall(data[at : at + 50])
        return True

    source = serve(answer)

    with make_downloader().fetch(f"{source.url}/a.jpg") as image:
        assert image.file.read() == JPEG[:5000]


@pytest.mark.parametrize(
    ("status", "fails"), [(b"302 Found", False), (b"404 Not Found", True), (b"503 Busy", True)]
)
def test_connection_is_kept_after_a_short_useless_body(
    serve: Serve, make_downloader: MakeDownloader, status: bytes, *, fails: bool
) -> None:
    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> bool:
        if path == "/a":
            body = b"<html>moved</html>"
            head = b"HTTP/1.1 %s\r\nLocation: /b\r\nContent-Length: %d\r\n\r\n"
            connection.sendall(head % (status, len(body)) + body)
        else:
            connection.sendall(sized(JPEG))
        return True

    source = serve(answer)
    downloader = make_downloader()

    for _ in range(2):
        with pytest.raises(DownloadError) if fails else contextlib.nullcontext():
            downloader.fetch(f"{source.url}/a").file.close()
        downloader.fetch(f"{source.url}/b").file.close()

    assert source.connections == 1


def test_connection_closed_under_the_next_request(
    serve: Serve, make_downloader: MakeDownloader
) -> None:
    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> bool:
        if path == "/second.jpg" and source.connections == 1:
            return False
        connection.sendall(sized(JPEG))
        return True

    source = serve(answer)
    downloader = make_downloader()

    for path in ("/first.jpg", "/second.jpg"):
        downloader.fetch(source.url + path).file.close()

    assert source.paths == ["/first.jpg", "/second.jpg", "/second.jpg"]
    assert source.connections == 2


def test_connection_closed_meanwhile_is_opened_again(
    serve: Serve, make_downloader: MakeDownloader
) -> None:
    source = serve(sends(sized(JPEG), keep=False))
    downloader = make_downloader()

    for expected in (1, 2, 3):
        downloader.fetch(f"{source.url}/a.jpg").file.close()
        assert source.connections == expected


def test_tls(serve: Serve, make_downloader: MakeDownloader, tls: Any, certificate: Path) -> None:
    source = serve(sends(sized(JPEG), keep=True), tls=tls)
    downloader = make_downloader(authorities=str(certificate))

    for _ in range(2):
        with downloader.fetch(f"{source.url}/a.jpg") as image:
            assert image.file.read() == JPEG

    assert source.connections == 1


def test_what_goes_over_the_wire(serve: Serve, make_downloader: MakeDownloader) -> None:
    source = serve(sends(sized(JPEG), keep=True))

    url = f"{source.url}/a%20b/ü.jpg?q=1#secret"
    make_downloader().fetch(url).file.close()

    request_line, *headers = source.heads[0].strip().split("\r\n")
    assert request_line == "GET /a%20b/%C3%BC.jpg?q=1 HTTP/1.1"
    assert {header.partition(":")[0] for header in headers} == {
        "Host",
        "User-Agent",
        "Accept",
        "Accept-Encoding",
    }
