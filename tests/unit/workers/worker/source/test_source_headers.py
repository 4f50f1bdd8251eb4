"""What a client wants sent along goes to the origin it named, and nowhere else."""

import itertools

import pytest
import requests_mock

from workers.contract.errors import DownloadError
from workers.worker.source.fetch import Downloader
from workers.worker.source.source_headers import SourceHeaders, origin_of

JPEG = b"\xff\xd8\xff\xe0" + bytes(100)
A, B = "https://a.test", "https://b.test"
HEADERS = ((A, (("X-Key", "for-a"), ("user-agent", "mine"))), (B, (("X-Key", "for-b"),)))


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://A.test/x?y#z", A),
        ("https://a.test:443", A),
        ("https://a.test.:443/", A),
        ("https://a.test:/", A),
        (" https://\uff41.test\u3002/ ", A),
        ("https://BÜCHER.test/", "https://xn--bcher-kva.test"),
        ("https://xn--bcher-kva.test/", "https://xn--bcher-kva.test"),
        ("http://a.test:443/", "http://a.test:443"),
        ("HTTP://a.test:80/", "http://a.test"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("http://[0:0::1]:80/", "http://[::1]"),
    ],
)
def test_the_origin_of_a_url(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize("url", ["ftp://a.test/", "https:///", "a.test", "https://a:99999/"])
def test_some_urls_have_none(url: str) -> None:
    with pytest.raises(DownloadError):
        origin_of(url)


@pytest.mark.parametrize(
    ("hops", "sent"),
    [
        ([f"{A}/1", f"{A}/2"], ["for-a", "for-a"]),
        ([f"{A}/1", f"{B}/2"], ["for-a", None]),
        ([f"{A}/1", f"{B}/2", f"{A}/3"], ["for-a", None, None]),
        ([f"{A}/1", "http://a.test/2"], ["for-a", None]),
        ([f"{A}/1", "https://a.test:8443/2"], ["for-a", None]),
        (["https://c.test/", f"{A}/"], [None, None]),
        ([f"{B}/1"], ["for-b"]),
    ],
    ids=[
        "same origin",
        "another, with headers of its own",
        "there and back",
        "another scheme",
        "another port",
        "from one without any",
        "the other one",
    ],
)
def test_a_redirect_takes_nothing_along(
    downloader: Downloader,
    source: requests_mock.Adapter,
    hops: list[str],
    sent: list[str | None],
) -> None:
    for url, location in itertools.pairwise(hops):
        source.register_uri("GET", url, status_code=302, headers={"Location": location})
    source.register_uri("GET", hops[-1], content=JPEG)

    downloader.fetch(hops[0], HEADERS).file.close()

    assert [request.headers.get("X-Key") for request in source.request_history] == sent


def test_they_take_the_place_of_the_usual_ones_and_do_not_stay(
    downloader: Downloader, source: requests_mock.Adapter
) -> None:
    source.register_uri("GET", f"{A}/1", content=JPEG)

    downloader.fetch(f"{A}/1", HEADERS).file.close()
    downloader.fetch(f"{A}/1").file.close()

    first, second = (request.headers for request in source.request_history)
    assert first["User-Agent"] == "mine"
    assert first["Accept-Encoding"] == second["Accept-Encoding"] == "identity"
    assert second["User-Agent"] == "imgup"
    assert "X-Key" not in second


def test_without_any_the_url_is_not_looked_at() -> None:
    assert SourceHeaders((), "no url").at("no url either") == ()
