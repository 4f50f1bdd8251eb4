"""A page in place of an image: its own image is fetched, one hop, by the same rules."""

import gzip
import os
import socket
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import brotli
import pytest
from backports import zstd

from tests.clock import Clock
from workers.contract.errors import DownloadError, Reason
from workers.worker.http.byte_budget import ByteBudget
from workers.worker.source import fetch
from workers.worker.source.fetch import Downloader
from workers.worker.source.page import MAX_PAGE_BYTES

JPEG = b"\xff\xd8\xff\xe0" + bytes(6000)
OG = '<meta property="og:image" content="{}">'

MakeDownloader = Callable[..., Downloader]


class Site:
    """Pages and images by path; what is sent beside them is counted.

    Args:
        serve: starts a server.
        answers: by path: the body, and header lines besides its length.
    """

    def __init__(self, serve: Callable[..., Any], **answers: tuple[bytes | str, str]) -> None:
        self.answers = {f"/{path}": answer for path, answer in answers.items()}
        self.sent = 0
        self._server = serve(self._answer)
        self.url: str = self._server.url
        self.paths: list[str] = self._server.paths

    def _answer(self, connection: socket.socket, path: str, _: threading.Event) -> bool:
        body, head = self.answers.get(path, (b"", ""))
        content = body.encode() if isinstance(body, str) else body
        status = "302 Found" if "Location:" in head else "200 OK" if body else "404 Not Found"
        length = f"Content-Length: {len(content)}\r\n"
        connection.sendall(f"HTTP/1.1 {status}\r\n{length}{head}\r\n".encode("latin-1"))
        for start in range(0, len(content), 65536):
            connection.sendall(content[start : start + 65536])
            self.sent += len(content[start : start + 65536])
        return True


HTML = "Content-Type: text/html; charset=utf-8\r\n"
IMAGE = (JPEG, "Content-Type: image/jpeg\r\n")


@pytest.fixture
def pages(make_downloader: MakeDownloader) -> Downloader:
    return make_downloader(resolve_pages=True, deadline_seconds=20.0)


def resolved(downloader: Downloader, url: str, **more: Any) -> str | None:
    with downloader.fetch(url, **more) as image:
        assert image.file.read() == JPEG
        return image.resolved_to


@pytest.mark.parametrize(
    ("html", "at"),
    [
        (OG.format("/image"), "/image"),
        (OG.format("image?x=1&amp;y=%2F"), "/image?x=1&y=%2F"),
        ("<base href='/a/b/'>" + OG.format("../c/image"), "/a/c/image"),
        ("<base href='http://[no'>" + OG.format("/image"), "/image"),
        (OG.format("data:image/png;base64,AAAA") + OG.format("/image"), "/image"),
        (OG.format("http://user:word@a.test/") + "<link rel=image_src href=image>", "/image"),
        ("<meta name=twitter:image content=image><link rel=image_src href=other>", "/image"),
        (OG.format("/b\u00fc cher.png"), "/b%C3%BC%20cher.png"),
        ("x" * 5000 + OG.format("/image"), "/image"),
    ],
)
def test_the_image_that_a_page_names_is_fetched(
    serve: Any, pages: Downloader, html: str, at: str
) -> None:
    site = Site(serve, page=(html, HTML))
    site.answers[at] = IMAGE

    assert resolved(pages, f"{site.url}/page") == site.url + at
    assert site.paths == ["/page", at]


@pytest.mark.parametrize(
    "head", ["", "Content-Type: text/plain\r\n", "Content-Type: application/xhtml+xml\r\n"]
)
def test_a_page_is_told_by_its_bytes_too(serve: Any, pages: Downloader, head: str) -> None:
    site = Site(serve, page=("<!DOCTYPE html>" + OG.format("/image"), head), image=IMAGE)
    assert resolved(pages, f"{site.url}/page") == f"{site.url}/image"


def test_an_image_under_the_name_of_a_page_is_an_image(serve: Any, pages: Downloader) -> None:
    site = Site(serve, image=(JPEG, HTML), small=(JPEG[:100], HTML))
    assert resolved(pages, f"{site.url}/image") is None
    with pages.fetch(f"{site.url}/small") as image:
        assert image.size == 100


def test_a_page_that_comes_compressed_is_read(serve: Any, pages: Downloader) -> None:
    content = gzip.compress(("x" * 5000 + OG.format("/image")).encode())
    site = Site(serve, page=(content, f"{HTML}Content-Encoding: gzip\r\n"), image=IMAGE)
    assert resolved(pages, f"{site.url}/page") == f"{site.url}/image"


def test_a_page_under_two_codings_is_read(serve: Any, pages: Downloader) -> None:
    content = gzip.compress(gzip.compress(OG.format("/image").encode()))
    site = Site(serve, page=(content, f"{HTML}Content-Encoding: gzip, gzip\r\n"), image=IMAGE)
    assert resolved(pages, f"{site.url}/page") == f"{site.url}/image"


@pytest.mark.parametrize(
    ("coding", "compress"),
    [("gzip", gzip.compress), ("br", brotli.compress), ("zstd", zstd.compress)],
)
@pytest.mark.parametrize("size", [0, 1_000_000])
def test_a_compressed_image_under_the_name_of_a_page_is_an_image(
    serve: Any, pages: Downloader, coding: str, compress: Callable[[bytes], bytes], size: int
) -> None:
    content = JPEG + os.urandom(size)
    site = Site(serve, image=(compress(content), f"{HTML}Content-Encoding: {coding}\r\n"))

    with pages.fetch(f"{site.url}/image") as image:
        assert image.file.read() == content
    assert site.paths == ["/image"]


def test_a_page_that_comes_compressed_is_told_by_its_bytes_too(
    serve: Any, pages: Downloader
) -> None:
    content = gzip.compress(("<!DOCTYPE html>" + OG.format("/image")).encode())
    site = Site(serve, page=(content, "Content-Encoding: gzip\r\n"), image=IMAGE)
    assert resolved(pages, f"{site.url}/page") == f"{site.url}/image"


def test_redirects_count_to_the_place_of_the_page(serve: Any, pages: Downloader) -> None:
    site = Site(serve, start=("", "Location: /a/page\r\n"), to=("", "Location: /last\r\n"))
    site.answers |= {"/a/page": (OG.format("../to"), HTML), "/last": IMAGE}

    assert resolved(pages, f"{site.url}/start") == f"{site.url}/to"
    assert site.paths == ["/start", "/a/page", "/to", "/last"]


def failure(downloader: Downloader, url: str, **more: Any) -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        downloader.fetch(url, **more)
    return caught.value


def test_only_one_page_is_followed(serve: Any, pages: Downloader) -> None:
    html = OG.format("/other")
    site = Site(serve, page=(html, HTML), other=("<!doctype html>" + html, HTML), image=IMAGE)

    error = failure(pages, f"{site.url}/page")

    assert (error.reason, error.resolved_to) == (Reason.NOT_AN_IMAGE, f"{site.url}/other")
    assert "a web page" in error.message
    assert site.paths == ["/page", "/other"]


def test_a_page_without_an_image_is_none(serve: Any, pages: Downloader) -> None:
    for html in ("<!doctype html><p>Hello", OG.format("ftp://a.test/a.png")):
        site = Site(serve, page=(html, HTML))
        error = failure(pages, f"{site.url}/page")
        assert (error.reason, error.transient) == (Reason.NOT_AN_IMAGE, False)
        assert "names no image" in error.message
        assert error.resolved_to is None


def test_where_it_was_not_asked_for_a_page_is_no_image(
    serve: Any, make_downloader: MakeDownloader, pages: Downloader
) -> None:
    site = Site(serve, page=("<!doctype html>" + OG.format("/image"), HTML), image=IMAGE)
    usual = make_downloader()

    assert failure(usual, f"{site.url}/page").reason is Reason.NOT_AN_IMAGE
    assert failure(pages, f"{site.url}/page", resolve_pages=False).reason is Reason.NOT_AN_IMAGE
    assert site.paths == ["/page"] * 2
    assert resolved(usual, f"{site.url}/page", resolve_pages=True) == f"{site.url}/image"


def test_the_rules_for_addresses_hold_for_what_a_page_names(
    serve: Any, make_downloader: MakeDownloader, dialled: list[str]
) -> None:
    downloader = make_downloader(resolve_pages=True, allowed_networks=("127.0.0.1/32",))
    site = Site(serve, page=(OG.format("http://127.0.0.2:80/latest/meta-data"), HTML))

    error = failure(downloader, f"{site.url}/page")

    assert error.reason is Reason.ADDRESS_NOT_ALLOWED
    assert error.resolved_to == "http://127.0.0.2:80/latest/meta-data"
    assert not [peer for peer in dialled if "127.0.0.2" in peer]


def test_what_was_meant_for_an_origin_goes_to_no_other(serve: Any, pages: Downloader) -> None:
    far = Site(serve, image=IMAGE)
    near = Site(serve, page=(OG.format(f"{far.url}/image"), HTML))
    headers = ((near.url, (("Authorization", "s3cret"),)),)

    assert resolved(pages, f"{near.url}/page", headers=headers) == f"{far.url}/image"

    assert any("s3cret" in head for head in near._server.heads)
    assert not any("s3cret" in head for head in far._server.heads)


def test_of_a_large_page_only_the_beginning_is_read(serve: Any, pages: Downloader) -> None:
    filling = "<p>and so on</p>\n" * 600_000  # 10 MB
    site = Site(serve, early=(OG.format("/image") + filling, HTML), image=IMAGE)
    site.answers["/late"] = ("<!doctype html>" + filling + OG.format("/image"), HTML)

    assert resolved(pages, f"{site.url}/early") == f"{site.url}/image"
    assert "names no image" in failure(pages, f"{site.url}/late").message

    # What the sockets hold besides is a few megabytes.
    assert site.sent < 2 * (MAX_PAGE_BYTES + 8_000_000) < 2 * len(filling)


def test_a_page_takes_of_the_memory_for_images_and_gives_it_back(
    serve: Any, transfers: Any, pages: Downloader
) -> None:
    budget = ByteBudget(100_000)
    downloader = Downloader(pages._policy, transfers, budget)
    site = Site(serve, image=IMAGE, page=(OG.format("/image") + "x" * 500_000, HTML))
    site.answers["/small"] = (OG.format("/image"), HTML)

    for path in ("page", "small", "page"):
        resolved(downloader, f"{site.url}/{path}")

    downloader.close()
    assert budget.take(100_000)


def test_the_deadline_is_one_for_page_and_image(
    serve: Any, make_downloader: MakeDownloader, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(fetch, "time", SimpleNamespace(monotonic=clock))

    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> bool:
        if path == "/page":
            clock.now += 95  # however long it really takes, 5 of 100 s are left for the image
            body = OG.format("/image").encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{HTML}\r\n"
            connection.sendall(head.encode() + body)
            return True
        stopping.wait()
        return False

    source = serve(answer)
    error = failure(make_downloader(resolve_pages=True), f"{source.url}/page")
    assert error.reason is Reason.DOWNLOAD_TIMEOUT
    assert error.resolved_to == f"{source.url}/image"
