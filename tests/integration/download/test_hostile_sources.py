"""Sources that misbehave: each must end in its reason, in time, and with little read."""

import gzip
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from workers.download import Downloader
from workers.errors import DownloadError, Reason

OK = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
JPEG = b"\xff\xd8\xff\xe0" + bytes(6000)
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"

Serve = Callable[..., Any]
MakeDownloader = Callable[..., Downloader]
Answer = Callable[[socket.socket, str, threading.Event], None]


def sends(data: bytes) -> Answer:
    """Send `data` and close."""

    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> None:
        connection.sendall(data)

    return answer


def stalls_after(data: bytes) -> Answer:
    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> None:
        connection.sendall(data)
        stopping.wait()

    return answer


def floods_after(head: bytes, piece: bytes) -> Answer:
    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> None:
        connection.sendall(head)
        while not stopping.is_set():
            connection.sendall(piece)

    return answer


def drips_after(head: bytes, piece: bytes) -> Answer:
    """Send a little every now and then, so that no read ever waits long."""

    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> None:
        connection.sendall(head)
        while not stopping.wait(0.05):
            connection.sendall(piece)

    return answer


def resets_after(data: bytes) -> Answer:
    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> None:
        connection.sendall(data)
        # Closing with no linger time sends RST in place of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return answer


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def sized(body: bytes, length: int | None = None) -> bytes:
    return OK + b"Content-Length: %d\r\n\r\n" % (len(body) if length is None else length) + body


CASES: dict[str, tuple[Answer, Reason, bool]] = {
    # never-ending
    "silent": (stalls_after(b""), Reason.DOWNLOAD_TIMEOUT, True),
    "stalls in the head": (stalls_after(OK), Reason.DOWNLOAD_TIMEOUT, True),
    "stalls in the body": (stalls_after(sized(JPEG, 9000)), Reason.DOWNLOAD_TIMEOUT, True),
    "drips the head": (drips_after(OK, b"X-Drip: 1\r\n"), Reason.DOWNLOAD_TIMEOUT, True),
    "drips one header line": (drips_after(OK + b"X-Drip: ", b"1"), Reason.DOWNLOAD_TIMEOUT, True),
    "drips 100 Continue": (
        drips_after(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        Reason.DOWNLOAD_TIMEOUT,
        True,
    ),
    "drips the first bytes": (
        drips_after(sized(b"", 9000), b"\xff"),
        Reason.DOWNLOAD_TIMEOUT,
        True,
    ),
    "drips the body": (drips_after(sized(JPEG, 99_000), b"x"), Reason.DOWNLOAD_TIMEOUT, True),
    "drips a body of no size": (
        drips_after(OK + b"\r\n" + JPEG, b"x"),
        Reason.DOWNLOAD_TIMEOUT,
        True,
    ),
    "drips chunks": (
        drips_after(OK + CHUNKED + chunk(JPEG), chunk(b"x")),
        Reason.DOWNLOAD_TIMEOUT,
        True,
    ),
    "drips a chunk's size": (
        drips_after(OK + CHUNKED + chunk(JPEG), b"0"),
        Reason.DOWNLOAD_TIMEOUT,
        True,
    ),
    "drips the body of a 404": (
        drips_after(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9000\r\n\r\n", b"x"),
        Reason.DOWNLOAD_TIMEOUT,
        True,
    ),
    # too much
    "declares too much": (stalls_after(sized(JPEG, 200_001)), Reason.TOO_LARGE, False),
    "declares far too much": (stalls_after(sized(JPEG, 10**20)), Reason.TOO_LARGE, False),
    "endless": (floods_after(OK + b"\r\n" + JPEG, bytes(65536)), Reason.TOO_LARGE, False),
    "endless chunks": (
        floods_after(OK + CHUNKED + chunk(JPEG), chunk(bytes(65536))),
        Reason.TOO_LARGE,
        False,
    ),
    "one endless chunk": (
        floods_after(OK + CHUNKED + b"7fffffffffff\r\n" + JPEG, bytes(65536)),
        Reason.TOO_LARGE,
        False,
    ),
    "endless page": (
        floods_after(OK + b"\r\n<!doctype html>", b"<p>more</p>" * 1000),
        Reason.NOT_AN_IMAGE,
        False,
    ),
    "endless 500": (
        floods_after(b"HTTP/1.1 500 Oops\r\n\r\n", bytes(65536)),
        Reason.SOURCE_ERROR,
        True,
    ),
    "too many headers": (
        floods_after(OK, b"X-More: 1\r\n" * 100),
        Reason.SOURCE_BAD_ANSWER,
        False,
    ),
    "too long a header": (
        floods_after(OK + b"X-Long: ", b"x" * 65536),
        Reason.SOURCE_BAD_ANSWER,
        False,
    ),
    # too little
    "closes at once": (sends(b""), Reason.SOURCE_CUT_SHORT, True),
    "ends early": (sends(sized(JPEG, 9000)), Reason.SOURCE_CUT_SHORT, True),
    "ends after the head": (sends(sized(b"", 9000)), Reason.SOURCE_CUT_SHORT, True),
    "ends within the first bytes": (sends(sized(JPEG[:10], 9000)), Reason.SOURCE_CUT_SHORT, True),
    "large one ends early": (sends(sized(JPEG, 150_000)), Reason.SOURCE_CUT_SHORT, True),
    "ends within a chunk": (
        sends(OK + CHUNKED + chunk(JPEG) + b"ff\r\nxx"),
        Reason.SOURCE_CUT_SHORT,
        True,
    ),
    "ends without the last chunk": (
        sends(OK + CHUNKED + chunk(JPEG)),
        Reason.SOURCE_CUT_SHORT,
        True,
    ),
    "resets at once": (resets_after(b""), Reason.SOURCE_CUT_SHORT, True),
    "resets in the body": (resets_after(sized(JPEG, 9000)), Reason.SOURCE_CUT_SHORT, True),
    "empty": (sends(sized(b"")), Reason.EMPTY, False),
    "empty chunked": (sends(OK + CHUNKED + b"0\r\n\r\n"), Reason.EMPTY, False),
    "empty of no size": (sends(OK + b"\r\n"), Reason.EMPTY, False),
    # not what was asked for
    "page called an image": (sends(sized(b"<html><p>Sorry</p>")), Reason.NOT_AN_IMAGE, False),
    "gzip": (
        sends(
            OK
            + b"Content-Encoding: gzip\r\nContent-Length: 9000\r\n\r\n"
            + gzip.compress(bytes(100_000))
        ),
        Reason.ENCODING_UNSUPPORTED,
        False,
    ),
    "not HTTP": (sends(b"SSH-2.0-OpenSSH_9.6\r\n"), Reason.SOURCE_BAD_ANSWER, False),
    "two lengths": (
        sends(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + JPEG),
        Reason.SOURCE_BAD_ANSWER,
        False,
    ),
}


@pytest.mark.parametrize(("answer", "reason", "transient"), CASES.values(), ids=CASES.keys())
def test_source_that(
    serve: Serve,
    make_downloader: MakeDownloader,
    answer: Answer,
    reason: Reason,
    *,
    transient: bool,
) -> None:
    source = serve(answer)
    downloader = make_downloader(max_image_bytes=200_000, memory_bytes=100_000)
    start = time.monotonic()

    with pytest.raises(DownloadError) as caught:
        downloader.fetch(f"{source.url}/a.jpg")

    assert caught.value.reason is reason
    assert caught.value.transient is transient
    assert caught.value.message.endswith(".")
    assert time.monotonic() - start < 5


def test_the_lane_works_on_after_every_one_of_them(
    serve: Serve, make_downloader: MakeDownloader
) -> None:
    answers = {f"/{number}": case[0] for number, case in enumerate(CASES.values())}

    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> bool | None:
        if path == "/good":
            connection.sendall(sized(JPEG))
            return True
        answers[path](connection, path, stopping)
        return None

    source = serve(answer)
    downloader = make_downloader(max_image_bytes=200_000, deadline_seconds=0.2)

    for path in answers:
        with pytest.raises(DownloadError):
            downloader.fetch(source.url + path)
        with downloader.fetch(source.url + "/good") as image:
            assert image.file.read() == JPEG


def test_no_temporary_file_is_left_open(
    serve: Serve, make_downloader: MakeDownloader, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[Any] = []
    make_file = tempfile.TemporaryFile

    def record() -> Any:
        files.append(make_file())
        return files[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", record)
    downloader = make_downloader(max_image_bytes=200_000, memory_bytes=1000)

    def sends_twice(connection: socket.socket, path: str, stopping: threading.Event) -> None:
        # To the reader, the end of a connection that was cut looks like the end of such a body.
        # The second piece makes sure that it is the deadline, not a single read, that ends it.
        connection.sendall(OK + b"\r\n" + JPEG)
        stopping.wait(0.3)
        connection.sendall(b"x")
        stopping.wait()

    answers = [
        sends_twice,
        floods_after(OK + b"\r\n" + JPEG, bytes(65536)),
        sends(sized(JPEG, 9000)),
    ]

    for answer in answers:
        with pytest.raises(DownloadError):
            downloader.fetch(serve(answer).url)

    assert [file.closed for file in files] == [True, True, True]


@pytest.mark.parametrize("host", ["127.0.0.2", "0x7f.2", "2130706434"])
def test_redirect_to_an_address_inside(
    serve: Serve, make_downloader: MakeDownloader, dialled: list[str], host: str
) -> None:
    location = f"Location: http://{host}:80/secret.jpg\r\n".encode()
    source = serve(sends(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n" + location + b"\r\n"))
    downloader = make_downloader(allowed_networks=(), allowed_origins=(("127.0.0.1", source.port),))

    with pytest.raises(DownloadError) as caught:
        downloader.fetch(f"{source.url}/a.jpg")

    assert caught.value.reason is Reason.ADDRESS_NOT_ALLOWED
    assert dialled == ["127.0.0.1"]


def test_redirect_loop(serve: Serve, make_downloader: MakeDownloader) -> None:
    source = serve(sends(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /a\r\n\r\n"))

    with pytest.raises(DownloadError) as caught:
        make_downloader().fetch(f"{source.url}/a")

    assert caught.value.reason is Reason.TOO_MANY_REDIRECTS
    assert source.paths == ["/a"] * 6


def test_the_deadline_covers_all_hops(serve: Serve, make_downloader: MakeDownloader) -> None:
    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> bool:
        stopping.wait(0.3)
        connection.sendall(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /a\r\n\r\n")
        return True

    source = serve(answer)

    with pytest.raises(DownloadError) as caught:
        make_downloader(max_redirects=1000).fetch(f"{source.url}/a")

    assert caught.value.reason is Reason.DOWNLOAD_TIMEOUT
    assert len(source.paths) <= 4


@pytest.mark.parametrize("status", [b"302 Found", b"307 Temporary Redirect"])
@pytest.mark.parametrize("framing", [b"", CHUNKED[:-2], b"Content-Length: 99999999\r\n"])
def test_the_body_of_a_redirect_is_not_read(
    serve: Serve, make_downloader: MakeDownloader, status: bytes, framing: bytes
) -> None:
    sent = 0

    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> None:
        nonlocal sent
        if path == "/target.jpg":
            connection.sendall(sized(JPEG))
            return
        head = b"HTTP/1.1 " + status + b"\r\nLocation: /target.jpg\r\n" + framing + b"\r\n"
        connection.sendall(head)
        while not stopping.is_set():
            connection.sendall(chunk(bytes(65536)))
            sent += 65536

    source = serve(answer)

    with make_downloader().fetch(f"{source.url}/a") as image:
        assert image.file.read() == JPEG
    assert sent < 20_000_000  # what fits into the buffers of the connection


# --- TLS ------------------------------------------------------------------------------------


def test_certificate_that_nobody_vouches_for(
    serve: Serve, make_downloader: MakeDownloader, tls: Any
) -> None:
    source = serve(sends(sized(JPEG)), tls=tls)

    with pytest.raises(DownloadError) as caught:
        make_downloader().fetch(f"{source.url}/a.jpg")

    assert caught.value.reason is Reason.TLS_FAILED
    assert not caught.value.transient
    assert "self-signed certificate" in caught.value.message
    assert source.paths == []


def test_certificate_for_another_host(
    serve: Serve, make_downloader: MakeDownloader, tls: Any, certificate: Any
) -> None:
    source = serve(sends(sized(JPEG)), tls=tls, address="127.0.0.2")
    downloader = make_downloader()
    downloader._session.verify = str(certificate)

    with pytest.raises(DownloadError) as caught:
        downloader.fetch(f"{source.url}/a.jpg")

    assert caught.value.reason is Reason.TLS_FAILED
    assert "IP address mismatch" in caught.value.message


def test_plain_http_where_tls_was_expected(serve: Serve, make_downloader: MakeDownloader) -> None:
    def greet(connection: socket.socket, stopping: threading.Event) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        stopping.wait()

    source = serve(None, greet=greet)

    with pytest.raises(DownloadError) as caught:
        make_downloader().fetch(f"{source.url}/a.jpg")

    assert caught.value.reason is Reason.TLS_FAILED


@pytest.mark.parametrize("piece", [b"", b"\x16"], ids=["silent", "drip"])
def test_handshake_that_never_ends(
    serve: Serve, make_downloader: MakeDownloader, piece: bytes
) -> None:
    def greet(connection: socket.socket, stopping: threading.Event) -> None:
        connection.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16 KB follows, it says
        while not stopping.wait(0.05):
            connection.sendall(piece)

    source = serve(None, greet=greet)

    with pytest.raises(DownloadError) as caught:
        make_downloader().fetch(f"{source.url}/a.jpg")

    assert caught.value.reason is Reason.DOWNLOAD_TIMEOUT
    assert caught.value.transient


def test_handshake_that_breaks_off(serve: Serve, make_downloader: MakeDownloader) -> None:
    def greet(connection: socket.socket, stopping: threading.Event) -> None:
        connection.recv(1000)

    source = serve(None, greet=greet)

    with pytest.raises(DownloadError) as caught:
        make_downloader().fetch(f"{source.url}/a.jpg")

    assert caught.value.reason is Reason.SOURCE_CUT_SHORT
    assert caught.value.transient
