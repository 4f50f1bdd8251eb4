"""Limits of a whole download, and what is left of one that met them.

Sources that misbehave have their home in tests/hostile.
"""

import socket
import tempfile
import threading
from collections.abc import Callable
from typing import Any

import pytest

from workers.contract.errors import DownloadError, Reason
from workers.worker.source.fetch import Downloader

OK = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
JPEG = b"\xff\xd8\xff\xe0" + bytes(6000)

Serve = Callable[..., Any]
MakeDownloader = Callable[..., Downloader]


def test_no_temporary_file_is_left_open(
    serve: Serve, make_downloader: MakeDownloader, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[Any] = []
    make_file = tempfile.TemporaryFile

    def record() -> Any:
        files.append(make_file())
        return files[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", record)
    limits = {"max_image_bytes": 200_000, "memory_bytes": 1000}

    def sends_twice(connection: socket.socket, path: str, stopping: threading.Event) -> None:
        # To the reader, the end of a connection that was cut looks like the end of such a body.
        # The second piece makes sure that it is the deadline, not a single read, that ends it.
        connection.sendall(OK + b"\r\n" + JPEG)
        stopping.wait(0.3)
        connection.sendall(b"x")
        stopping.wait()

    def floods(connection: socket.socket, path: str, stopping: threading.Event) -> None:
        connection.sendall(OK + b"\r\n" + JPEG)
        while not stopping.is_set():
            connection.sendall(bytes(65536))

    def ends_early(connection: socket.socket, path: str, stopping: threading.Event) -> None:
        connection.sendall(OK + b"Content-Length: 9000\r\n\r\n" + JPEG)

    for answer in (sends_twice, floods, ends_early):
        if answer is sends_twice:
            downloader = make_downloader(**limits, deadline_seconds=3.0)
        else:
            downloader = make_downloader(**limits)
        with pytest.raises(DownloadError):
            downloader.fetch(serve(answer).url)

    assert [file.closed for file in files] == [True, True, True]


def test_the_deadline_covers_all_hops(serve: Serve, make_downloader: MakeDownloader) -> None:
    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> bool:
        stopping.wait(0.3)
        connection.sendall(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /a\r\n\r\n")
        return True

    source = serve(answer)

    with pytest.raises(DownloadError) as caught:
        make_downloader(max_redirects=1000, deadline_seconds=0.8).fetch(f"{source.url}/a")

    # A deadline for each hop would end at the limit of redirects.
    assert caught.value.reason is Reason.DOWNLOAD_TIMEOUT
