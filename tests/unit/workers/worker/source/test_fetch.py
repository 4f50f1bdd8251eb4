import gzip
import os
import pickle
import struct
import threading
import zlib
from collections.abc import Sequence
from contextlib import closing
from typing import Any, BinaryIO

import brotli
import pytest
import requests_mock
from backports import zstd

from tests.mocked_source import MockedSource
from workers.contract.download_policy import DownloadPolicy, ImgurLimits
from workers.contract.errors import DownloadError, Reason
from workers.worker.http.content_coding import open_decoded
from workers.worker.http.loop import TransferLoop
from workers.worker.source import body
from workers.worker.source.fetch import Downloader

URL = "https://images.example/a.jpg"
JPEG = b"\xff\xd8\xff\xe0" + bytes(100)


def error_of(downloader: Downloader, url: str = URL) -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        downloader.fetch(url)
    return caught.value


def test_fetches_and_recognizes(downloader: Downloader, source: requests_mock.Adapter) -> None:
    source.register_uri("GET", URL, content=JPEG, headers={"Content-Type": "text/plain"})

    with downloader.fetch(URL) as image:
        assert image.file.read() == JPEG
        assert image.size == len(JPEG)
        assert image.image_type.name == "JPEG"
    assert image.file.closed


def test_what_is_asked(downloader: Downloader, source: requests_mock.Adapter) -> None:
    source.register_uri("GET", URL, content=JPEG)

    downloader.fetch(URL + "#fragment").file.close()

    headers = source.last_request.headers
    assert headers["Accept-Encoding"] == "identity"
    assert "image/jpeg" in headers["Accept"]
    assert headers["User-Agent"] == "imgup"
    assert not {"Cookie", "Authorization", "Referer"} & set(headers)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (204, Reason.SOURCE_STATUS),
        (300, Reason.SOURCE_STATUS),
        (304, Reason.SOURCE_STATUS),
        (403, Reason.SOURCE_REFUSED),
        (404, Reason.SOURCE_NOT_FOUND),
        (429, Reason.SOURCE_RATE_LIMITED),
        (500, Reason.SOURCE_ERROR),
    ],
)
def test_status(
    downloader: Downloader, source: requests_mock.Adapter, status: int, reason: Reason
) -> None:
    headers = {"Location": "https://images.example/other.jpg"}
    source.register_uri("GET", URL, status_code=status, content=JPEG, headers=headers)

    assert error_of(downloader).reason is reason
    assert source.call_count == 1


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after(downloader: Downloader, source: requests_mock.Adapter, status: int) -> None:
    source.register_uri("GET", URL, status_code=status, headers={"Retry-After": "17"})

    error = error_of(downloader)

    assert error.transient
    assert error.retry_after == 17


CODED = {
    "gzip": gzip.compress(JPEG),
    "x-gzip": gzip.compress(JPEG),
    "GZIP": gzip.compress(JPEG),
    "deflate": zlib.compress(JPEG),
    "br": brotli.compress(JPEG),
    "zstd": zstd.compress(JPEG),
    "gzip, br": brotli.compress(gzip.compress(JPEG)),
    "identity, gzip": gzip.compress(JPEG),
}


@pytest.mark.parametrize(("coding", "content"), CODED.items(), ids=CODED.keys())
def test_coded_answer_is_decoded(
    downloader: Downloader, source: requests_mock.Adapter, coding: str, content: bytes
) -> None:
    source.register_uri("GET", URL, content=content, headers={"Content-Encoding": coding})

    with downloader.fetch(URL) as image:
        assert (image.file.read(), image.size) == (JPEG, len(JPEG))


@pytest.mark.parametrize(
    "coding", ["aws-chunked", "utf-8", "none", "binary", "", "image/jpeg", "gzip", "br", "compress"]
)
def test_label_that_is_false_is_passed_over(
    downloader: Downloader, source: requests_mock.Adapter, coding: str
) -> None:
    source.register_uri("GET", URL, content=JPEG, headers={"Content-Encoding": coding})

    with downloader.fetch(URL) as image:
        assert image.file.read() == JPEG


@pytest.mark.parametrize(
    ("coding", "content", "reason"),
    [
        ("gzip", b"nonsense", Reason.SOURCE_BAD_ANSWER),
        ("br", b"nonsense", Reason.SOURCE_BAD_ANSWER),
        ("gzip", gzip.compress(b"<!doctype html>"), Reason.NOT_AN_IMAGE),
        ("gzip", gzip.compress(b""), Reason.EMPTY),
        ("gzip", b"", Reason.EMPTY),
        ("gzip", gzip.compress(JPEG + bytes(2_000_000)), Reason.TOO_LARGE),
        ("zstd", zstd.compress(JPEG + bytes(2_000_000)), Reason.TOO_LARGE),
        ("compress", b"nonsense", Reason.ENCODING_UNSUPPORTED),
    ],
    ids=lambda value: "content" if isinstance(value, bytes) else str(value),
)
def test_coded_answer_that_is_no_image(
    downloader: Downloader,
    source: requests_mock.Adapter,
    coding: str,
    content: bytes,
    reason: Reason,
) -> None:
    source.register_uri("GET", URL, content=content, headers={"Content-Encoding": coding})

    assert error_of(downloader).reason is reason


@pytest.mark.parametrize("coding", ["gzip", "br, x-gzip", "br"])
def test_coded_answer_that_was_cut_is_no_image(
    downloader: Downloader, source: requests_mock.Adapter, coding: str
) -> None:
    image = JPEG + os.urandom(2000)
    content = brotli.compress(image) if "br" in coding else image
    content = gzip.compress(content) if "gzip" in coding else content
    source.register_uri("GET", URL, content=content[:1500], headers={"Content-Encoding": coding})

    error = error_of(downloader)

    assert (error.reason, error.transient) == (Reason.SOURCE_CUT_SHORT, True)


def test_codings_with_large_windows_are_decoded_in_one_thread(
    downloader: Downloader, source: requests_mock.Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A response of 3 KB in zstd makes a decoder take 100 MB, which no budget counts."""
    threads: dict[str, str] = {}

    def open_noted(file: BinaryIO, codings: Sequence[str], max_bytes: int) -> BinaryIO:
        threads[", ".join(codings)] = threading.current_thread().name
        return open_decoded(file, codings, max_bytes)

    monkeypatch.setattr(body, "open_decoded", open_noted)
    for coding in ("gzip", "zstd", "br", "gzip, br"):
        source.register_uri("GET", URL, content=CODED[coding], headers={"Content-Encoding": coding})
        downloader.fetch(URL).file.close()

    assert threads.pop("gzip") == threading.current_thread().name
    assert threads == dict.fromkeys(("zstd", "br", "gzip, br"), "decoding_0")


def test_identity_coding(downloader: Downloader, source: requests_mock.Adapter) -> None:
    source.register_uri("GET", URL, content=JPEG, headers={"Content-Encoding": " Identity "})

    downloader.fetch(URL).file.close()


def test_what_is_too_large_in_any_case_is_not_looked_through(
    transfers: TransferLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(*_: object) -> bool:
        raise AssertionError

    monkeypatch.setattr(body, "is_animated", look)
    policy = DownloadPolicy(imgur=ImgurLimits(still_bytes=2000, animation_bytes=1000))
    with closing(Downloader(policy, transfers)) as downloader:
        with downloader.take([b"GIF89a" + bytes(3000)], converts=True) as image:
            assert not image.fits
        with pytest.raises(AssertionError):
            downloader.take([b"GIF89a" + bytes(1500)], converts=True)


@pytest.mark.parametrize(
    ("content", "reason", "words"),
    [
        (b"", Reason.EMPTY, "empty"),
        (b"<!doctype html>", Reason.NOT_AN_IMAGE, "a web page, not an image"),
        (b"nonsense", Reason.NOT_AN_IMAGE, "not an image"),
        (b"RIFF\0\0\0\0WEBPVP8 ", Reason.TYPE_NOT_ACCEPTED, "WebP"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1miaf", Reason.TYPE_NOT_ACCEPTED, "AVIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Reason.TYPE_NOT_ACCEPTED, "HEIC"),
        (JPEG + bytes(10_000), Reason.TOO_LARGE, "10,000 bytes"),
    ],
    ids=["empty", "html", "nonsense", "webp", "avif", "heic", "too large"],
)
def test_content(
    downloader: Downloader,
    source: requests_mock.Adapter,
    content: bytes,
    reason: Reason,
    words: str,
) -> None:
    source.register_uri("GET", URL, content=content, headers={"Content-Type": "image/jpeg"})

    error = error_of(downloader)

    assert error.reason is reason
    assert not error.transient
    assert words in error.message


@pytest.mark.parametrize("memory_bytes", [1_000_000, 50], ids=["in memory", "in a file"])
@pytest.mark.parametrize(("height", "is_taken"), [(500, True), (501, False)])
def test_pixels(memory_bytes: int, height: int, transfers: TransferLoop, *, is_taken: bool) -> None:
    gif = b"GIF89a" + struct.pack("<2H", 1000, height) + bytes(100)
    policy = DownloadPolicy(max_pixels=500_000, memory_bytes=memory_bytes)
    with closing(Downloader(policy, transfers)) as downloader:
        source = MockedSource(downloader)
        source.register_uri("GET", URL, content=gif)

        if is_taken:
            with downloader.fetch(URL) as image:
                assert image.file.read() == gif
        else:
            error = error_of(downloader)
            assert error.reason is Reason.TOO_LARGE
            assert "1,000 by 501 pixels" in error.message


GIF = b"GIF89a\x02\x00\x02\x00\x00\x00\x00"
FRAME = b",\x00\x00\x00\x00\x02\x00\x02\x00\x00\x02\x01,\x00"
WEBP = b"RIFF\0\0\0\0WEBPVP8 "


@pytest.mark.parametrize(
    ("content", "limits", "refusal"),
    [
        (GIF + FRAME * 2 + bytes(60), ImgurLimits(1000, 50), "animations of up to 50 bytes"),
        (GIF + FRAME * 2, ImgurLimits(1000, 50), None),
        (GIF + FRAME + bytes(60), ImgurLimits(1000, 50), None),
        (GIF + FRAME + bytes(60), ImgurLimits(50, 1000), "still images of up to 50 bytes"),
        (JPEG, ImgurLimits(50, 60), "images of up to 60 bytes"),
        (JPEG, ImgurLimits(types=("png", "gif")), "does not accept JPEG images"),
        (WEBP, ImgurLimits(types=("webp",)), None),
    ],
)
def test_what_imgur_takes(
    content: bytes, limits: ImgurLimits, refusal: str | None, transfers: TransferLoop
) -> None:
    with closing(Downloader(DownloadPolicy(imgur=limits), transfers)) as downloader:
        source = MockedSource(downloader)
        source.register_uri("GET", URL, content=content)

        if refusal is None:
            with downloader.fetch(URL) as image:
                assert image.file.read() == content
        else:
            assert refusal in error_of(downloader).message


def test_image_of_just_the_limit(downloader: Downloader, source: requests_mock.Adapter) -> None:
    source.register_uri("GET", URL, content=JPEG.ljust(10_000, b"\0"))

    with downloader.fetch(URL) as image:
        assert image.size == 10_000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://other.example/b.jpg", "https://other.example/b.jpg"),
        ("http://images.example/b.jpg", "http://images.example/b.jpg"),
        ("//other.example/b.jpg", "https://other.example/b.jpg"),
        ("/b.jpg?x=1#y", "https://images.example/b.jpg?x=1"),
        ("b.jpg", "https://images.example/b.jpg"),
        (" /b c.jpg ", "https://images.example/b%20c.jpg"),
        ("/bücher.jpg".encode().decode("latin-1"), "https://images.example/b%C3%BCcher.jpg"),
    ],
)
def test_redirect(
    downloader: Downloader,
    source: requests_mock.Adapter,
    status: int,
    location: str,
    target: str,
) -> None:
    source.register_uri("GET", URL, status_code=status, headers={"Location": location})
    source.register_uri("GET", target, content=JPEG)

    downloader.fetch(URL).file.close()

    assert source.call_count == 2


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("file:///etc/passwd", Reason.URL_SCHEME),
        ("ftp://images.example/a.jpg", Reason.URL_SCHEME),
        ("javascript:alert(1)", Reason.URL_SCHEME),
        ("https://user:secret@images.example/a.jpg", Reason.URL_CREDENTIALS),
        ("https://images.example:0/a.jpg", Reason.URL_INVALID),
        ("/" + "a" * 9000, Reason.URL_TOO_LONG),
        ("https://[::1/a.jpg", Reason.SOURCE_BAD_ANSWER),
        ("", Reason.SOURCE_BAD_ANSWER),
    ],
    ids=["file", "ftp", "script", "credentials", "port", "long", "broken", "none"],
)
def test_redirect_to_what_cannot_be_used(
    downloader: Downloader, source: requests_mock.Adapter, location: str, reason: Reason
) -> None:
    source.register_uri("GET", URL, status_code=302, headers={"Location": location})

    error = error_of(downloader)

    assert error.reason is reason
    assert not error.transient
    assert "redirects" in error.message
    assert "secret" not in error.message
    assert source.call_count == 1


def test_cookies_do_not_travel(downloader: Downloader, source: requests_mock.Adapter) -> None:
    headers = {"Location": "/b.jpg", "Set-Cookie": "session=1; Path=/"}
    source.register_uri("GET", URL, status_code=302, headers=headers)
    source.register_uri("GET", "https://images.example/b.jpg", content=JPEG, headers=headers)

    for _ in range(2):
        downloader.fetch(URL).file.close()

    assert not any("Cookie" in request.headers for request in source.request_history)


@pytest.mark.parametrize(("hops", "fails"), [(10, False), (11, True)])
def test_hop_limit(
    downloader: Downloader, source: requests_mock.Adapter, hops: int, *, fails: bool
) -> None:
    for hop in range(hops):
        source.register_uri(
            "GET",
            f"https://images.example/{hop}",
            status_code=302,
            headers={"Location": f"/{hop + 1}"},
        )
    source.register_uri("GET", f"https://images.example/{hops}", content=JPEG)

    if fails:
        error = error_of(downloader, "https://images.example/0")
        assert error.reason is Reason.TOO_MANY_REDIRECTS
    else:
        downloader.fetch("https://images.example/0").file.close()


def test_a_bad_url_is_not_asked_for(downloader: Downloader, source: requests_mock.Adapter) -> None:
    assert error_of(downloader, "ftp://images.example/a.jpg").reason is Reason.URL_SCHEME
    assert source.call_count == 0


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "0177.0.0.1",
        "0x7f000001",
        "2130706433",
        "127.1",
        "169.254.169.254",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
        "[2606:4700::5efe:7f00:1]",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_guard_stands_before_every_connection(
    downloader: Downloader, dialled: list[str], scheme: str, host: str
) -> None:
    assert error_of(downloader, f"{scheme}://{host}/a.jpg").reason is Reason.ADDRESS_NOT_ALLOWED
    assert dialled == []


def test_proxies_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, downloader: Downloader, dialled: list[str]
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert error_of(downloader, "http://10.0.0.1/").reason is Reason.ADDRESS_NOT_ALLOWED
    assert dialled == []


def test_the_policy_travels_between_processes() -> None:
    policy = DownloadPolicy(allowed_networks=("10.0.0.0/8",), allowed_origins=(("::1", 1),))

    copy: Any = pickle.loads(pickle.dumps(policy))

    assert copy == policy
