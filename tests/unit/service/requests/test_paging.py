"""Lists page by page."""

from typing import Any

import pytest

from service.requests.paging import LAST_CURSOR, Page

URLS = [f"https://example.com/{number}.jpg" for number in range(5)]
LINKS = [f"https://i.imgur.com/{number}.jpg" for number in range(5)]


@pytest.fixture
def path(api: Any, backend: Any) -> str:
    """A job whose URLs are uploaded, failed, put off, in work and new."""
    path = f"/v1/images/upload/{api.job(*URLS)}"
    backend.upload(LINKS[0])
    backend.fail("empty", "Nothing came.")
    backend.put_off("source-error", "It answered 500.")
    backend.mailbox.claim("worker-1", 0)
    return path


def pages(api: Any, path: str, limit: int, entries: str) -> list[list[Any]]:
    found, cursor = [], 0
    while cursor is not None:
        answer = api.get(f"{path}?limit={limit}&cursor={cursor}").json
        found.append(answer[entries])
        cursor = answer["next"]
    return found


@pytest.mark.parametrize(("limit", "sizes"), [(1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (9, [5])])
def test_pages_of_results_make_up_the_whole(
    api: Any, path: str, limit: int, sizes: list[int]
) -> None:
    found = pages(api, path, limit, "results")
    assert [len(page) for page in found] == sizes
    whole = api.get(path).json
    assert [result for page in found for result in page] == whole["results"]
    assert [result["url"] for result in whole["results"]] == URLS


def test_a_page_counts_all_and_lists_nothing_that_is_not_all(api: Any, path: str) -> None:
    page = api.get(path + "?limit=1").json
    assert page["counts"] == {"pending": 3, "complete": 1, "failed": 1, "total": 5}
    assert page["counts"] == api.get(path).json["counts"]
    assert "uploaded" not in page
    assert page["status"] == "in-progress"


@pytest.mark.parametrize(("limit", "sizes"), [(1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (9, [5])])
def test_pages_of_links_make_up_the_whole(
    api: Any, backend: Any, limit: int, sizes: list[int]
) -> None:
    api.job(*URLS)
    backend.upload(*LINKS)
    found = pages(api, "/v1/images", limit, "uploaded")
    assert [len(page) for page in found] == sizes
    assert [link for page in found for link in page] == api.get("/v1/images").json["uploaded"]


def test_a_list_of_links_may_have_grown_behind_its_end(api: Any, backend: Any) -> None:
    api.job(*URLS)
    backend.upload(*LINKS[:2])
    assert api.get("/v1/images?limit=2").json == {"uploaded": LINKS[:2], "next": None}
    backend.upload(LINKS[2])
    assert api.get("/v1/images?limit=2").json == {"uploaded": LINKS[:2], "next": 2}
    assert api.get("/v1/images?limit=2&cursor=2").json == {"uploaded": [LINKS[2]], "next": None}


@pytest.mark.parametrize("cursor", [5, 6, LAST_CURSOR])
def test_behind_the_end_there_is_an_empty_page(api: Any, path: str, cursor: int) -> None:
    for where, entries in ((path, "results"), ("/v1/images", "uploaded")):
        answer = api.get(f"{where}?cursor={cursor}")
        assert answer.status == 200
        assert (answer.json[entries], answer.json["next"]) == ([], None)


def test_a_cursor_alone_asks_for_a_page_of_the_usual_size(api: Any) -> None:
    path = f"/v1/images/upload/{api.job(*(f'https://example.com/{n}.jpg' for n in range(1500)))}"
    page = api.get(path + "?cursor=0").json
    assert (len(page["results"]), page["next"]) == (1000, 1000)


BAD_LIMITS = ["", "0", "-1", "10001", "x", "1.5", "+1", " 1", "0x1", "1e3", "²", "1_0", "9" * 5000]
BAD_CURSORS = ["", "-1", "x", "1.0", str(LAST_CURSOR + 1), "٣", "null", "9" * 5000]


@pytest.mark.parametrize(
    ("params", "named"),
    [
        *(({"limit": text}, ["limit"]) for text in BAD_LIMITS),
        *(({"cursor": text}, ["cursor"]) for text in BAD_CURSORS),
        ({"limit": ["1", "2"]}, ["limit"]),
        ({"cursor": ["1", "1"]}, ["cursor"]),
        ({"limit": "0", "cursor": "0"}, ["limit"]),
        ({"limit": "x", "cursor": "y"}, ["limit", "cursor"]),
    ],
)
def test_what_is_no_page_is_refused_with_what_is_allowed(
    api: Any, backend: Any, path: str, params: dict[str, Any], named: list[str]
) -> None:
    calls = backend.calls
    for where in (path, "/v1/images"):
        answer = api.get(where, params=params, params_csv=False)
        assert answer.status == 400
        assert answer.json["code"] == "invalid-page"
        detail = answer.json["detail"]
        assert [name for name in ("limit", "cursor") if f"`{name}`" in detail] == named
        assert ("from 1 to 10000" in detail) is ("limit" in named)
        assert "etag" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
    assert backend.calls == calls, "and nobody was asked"


@pytest.mark.parametrize("query", ["limits=0", "Limit=0", "page=2", ""])
def test_other_parameters_mean_nothing(api: Any, path: str, query: str) -> None:
    assert api.get(f"{path}?{query}").json == api.get(path).json


def test_the_largest_page(api: Any, path: str) -> None:
    assert len(api.get(path + "?limit=10000").json["results"]) == 5
    assert Page(0, 10_000).next_of(10_001) == 10_000
