"""A page that comes in place of an image."""

import gzip
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from workers.contract.download_policy import DownloadPolicy
from workers.contract.errors import DownloadError
from workers.worker.http.byte_budget import ByteBudget
from workers.worker.source import page
from workers.worker.source.body import ImageBody
from workers.worker.source.page import MAX_PAGE_BYTES, Page, image_of

HTML = b"<!doctype html><meta property=og:image content=a.png>"
TOGETHER_SECONDS = 0.2


def received(budget: ByteBudget, content: bytes = HTML, coding: str = "") -> ImageBody:
    body = ImageBody(DownloadPolicy(), budget, None, coding, page_type="text/html")
    for start in range(0, len(content), 100_000):
        if not body.write(content[start : start + 100_000]):
            break
    return body


def test_a_page_holds_its_bytes_until_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = ByteBudget(len(HTML))
    left: list[bool] = []

    def parse(content: bytes, _: str) -> tuple[list[str], str]:
        left.append(budget.take(1))
        return [content.decode()], ""

    monkeypatch.setattr(page, "page_images", parse)
    assert received(budget).finish() == Page([HTML.decode()])
    assert left == [False]
    assert budget.take(len(HTML))


def test_a_page_that_memory_has_no_room_for_is_read_all_the_same() -> None:
    assert received(ByteBudget(0)).finish() == Page(["a.png"])


def test_pages_of_a_worker_are_parsed_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their parts take many times their size, which no budget counts."""
    others = threading.Barrier(2)

    def parse(_content: bytes, _type: str) -> tuple[list[str], str]:
        with pytest.raises(threading.BrokenBarrierError):
            others.wait(TOGETHER_SECONDS)
        others.reset()
        return [], ""

    monkeypatch.setattr(page, "page_images", parse)
    bodies = [received(ByteBudget(1000)) for _ in range(3)]
    with ThreadPoolExecutor(3) as lanes:
        assert list(lanes.map(ImageBody.finish, bodies)) == [Page()] * 3


RANDOM = os.urandom(2 * MAX_PAGE_BYTES)
LONG = HTML + RANDOM.hex().encode()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda coded: coded, id="more than is read"),
        pytest.param(lambda coded: coded[:-8] + bytes(8), id="damaged behind that"),
        pytest.param(lambda coded: coded[:2000], id="cut short"),
        pytest.param(lambda coded: coded[:2000] + bytes(2000), id="damaged"),
        pytest.param(lambda _: LONG, id="a false label"),
    ],
)
def test_of_a_page_under_a_coding_what_can_be_read_counts(change: Callable[[bytes], bytes]) -> None:
    budget = ByteBudget(100_000_000)
    found = received(budget, change(gzip.compress(LONG, 1)), "gzip").finish()
    assert found == Page(["a.png"])
    assert budget.take(100_000_000)


def test_an_image_under_a_coding_counts_as_a_whole_only() -> None:
    body = received(ByteBudget(0), gzip.compress(b"\xff\xd8\xff" + RANDOM)[:-1000], "gzip")
    with pytest.raises(DownloadError, match="not all of it"):
        body.finish()


def test_the_size_of_an_image_counts_as_soon_as_it_is_one() -> None:
    policy = DownloadPolicy(max_image_bytes=50_000)
    for content in (RANDOM, b"\xff\xd8\xff" + RANDOM, gzip.compress(RANDOM)):
        body = ImageBody(policy, ByteBudget(0), None, "gzip", page_type="text/html")
        with pytest.raises(DownloadError, match="larger than 50,000"):
            body.write(content)
    body = ImageBody(policy, ByteBudget(0), None, page_type="text/html")
    with pytest.raises(DownloadError, match="larger than 50,000"):
        body.write(b"\xff\xd8\xff" + RANDOM[:60_000])
    body = ImageBody(policy, ByteBudget(0), 60_000, page_type="text/html")
    with pytest.raises(DownloadError, match="larger than 50,000"):
        body.write(b"\xff\xd8\xff" + RANDOM[:10_000])


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        ("=w600-h315-p-k", "=w16383-h16383"),
        ("=w600-h315-p", "=w16383-h16383"),
        # What shows the whole image is asked for as it is.
        ("=w1200", "=w1200"),
        ("", ""),
    ],
)
def test_of_google_photos_the_whole_image_is_asked_for(named: str, asked: str) -> None:
    image = "https://lh3.googleusercontent.com/pw/AP1Gcz_-a"
    at = "https://photos.google.com/share/a"

    assert image_of(Page([image + named]), at) == image + asked


def test_of_other_hosts_the_image_is_the_one_that_is_named() -> None:
    image = "https://lh3.googleusercontent.com.example/pw/a=w600-h315-p-k"

    assert image_of(Page([image]), "https://photos.google.com/share/a") == image
