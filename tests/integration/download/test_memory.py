"""What images take of the memory, and give back."""

import io
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workers.contract.errors import DownloadError
from workers.worker.http.byte_budget import ByteBudget
from workers.worker.source.body import Download
from workers.worker.source.fetch import Downloader

JPEG = b"\xff\xd8\xff\xe0" + os.urandom(50_000)
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(JPEG)
UNSIZED = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

Serve = Callable[..., Any]
MakeDownloader = Callable[..., Downloader]


def sends(data: bytes) -> Callable[[socket.socket, str, threading.Event], bool]:
    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> bool:
        connection.sendall(data)
        return False

    return answer


def is_in_memory(image: Download) -> bool:
    return isinstance(image.file, io.BytesIO)


def can_take(budget: ByteBudget, count: int) -> bool:
    taken = budget.take(count)
    if taken:
        budget.release(count)
    return taken


@pytest.mark.parametrize("head", [SIZED, UNSIZED], ids=["of known size", "of unknown size"])
def test_images_that_memory_has_no_room_for_lie_in_files(
    serve: Serve, make_downloader: MakeDownloader, head: bytes
) -> None:
    source = serve(sends(head + JPEG))
    room = len(JPEG) + 1000
    downloader = make_downloader(held_bytes=room)

    with downloader.fetch(source.url) as first, downloader.fetch(source.url) as second:
        assert is_in_memory(first)
        assert not is_in_memory(second)
        assert first.file.read() == second.file.read() == JPEG
        assert not can_take(downloader._budget, 1001)
    assert can_take(downloader._budget, room)
    with downloader.fetch(source.url) as third:
        assert is_in_memory(third)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(SIZED + JPEG[:-1], id="cut short"),
        pytest.param(UNSIZED + JPEG + bytes(60_000), id="too large"),
    ],
)
def test_an_image_that_fails_gives_its_memory_back(
    serve: Serve, make_downloader: MakeDownloader, data: bytes
) -> None:
    source = serve(sends(data))
    downloader = make_downloader(held_bytes=200_000, max_image_bytes=100_000)

    with pytest.raises(DownloadError):
        downloader.fetch(source.url)

    assert can_take(downloader._budget, 200_000)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("memory_bytes", [1_000_000, 10_000_000], ids=["in files", "in memory"])
@pytest.mark.unmeasured
def test_150_large_downloads_leave_the_memory_flat(
    serve: Serve, make_downloader: MakeDownloader, memory_bytes: int
) -> None:
    image = JPEG + bytes(2_000_000 - len(JPEG))
    data = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(image) + image

    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> bool:
        connection.sendall(data)
        return True

    source = serve(answer)
    downloader = make_downloader(memory_bytes=memory_bytes)

    def download(count: int) -> int:
        for number in range(count):
            with downloader.fetch(f"{source.url}/{number}.jpg") as image:
                assert image.size == 2_000_000
        return resident_bytes()

    before = download(20)  # what is set up once is not counted
    assert download(130) - before < 25_000_000
