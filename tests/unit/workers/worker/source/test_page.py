"""A page that comes in place of an image."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from workers.contract.download_policy import DownloadPolicy
from workers.worker.http.byte_budget import ByteBudget
from workers.worker.http.head import Head
from workers.worker.source import page
from workers.worker.source.body import ImageBody
from workers.worker.source.page import Page, PageBody

HTML = b"<!doctype html><meta property=og:image content=a.png>"
TOGETHER_SECONDS = 0.2


def received(budget: ByteBudget) -> PageBody:
    body = PageBody(partial(ImageBody, DownloadPolicy(), budget, None), budget, Head())
    body.write(HTML)
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
        assert list(lanes.map(PageBody.finish, bodies)) == [Page()] * 3
