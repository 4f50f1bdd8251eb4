"""Clients that have an answer at hand ask whether it is still true (RFC 9110, section 13.1.2)."""

from typing import Any

import pytest

URLS = [f"https://example.com/{number}.jpg" for number in range(3)]
QUERIES = ["", "?limit=2", "?limit=1&cursor=1"]


@pytest.fixture(params=["status", "links"])
def path(request: pytest.FixtureRequest, api: Any, backend: Any) -> str:
    """A list that the next upload changes."""
    job_id = api.job(*URLS)
    backend.upload("https://i.imgur.com/0.jpg")
    return f"/v1/images/upload/{job_id}" if request.param == "status" else "/v1/images"


def ask(api: Any, path: str, *tags: str, method: str = "GET") -> Any:
    return api.send(method, path, headers={"If-None-Match": ", ".join(tags)})


@pytest.mark.parametrize("query", QUERIES)
def test_the_same_state_has_the_same_tag_and_bytes(api: Any, path: str, query: str) -> None:
    first, second = (api.get(path + query) for _ in range(2))
    assert first.headers["etag"] == second.headers["etag"]
    assert first.headers["etag"].startswith('"'), "strong"
    assert first.result.content == second.result.content


@pytest.mark.parametrize("query", QUERIES)
def test_another_state_has_another_tag(api: Any, backend: Any, path: str, query: str) -> None:
    before = api.get(path + query)
    backend.upload("https://i.imgur.com/1.jpg")
    after = ask(api, path + query, before.headers["etag"])
    assert after.status == 200
    assert after.headers["etag"] != before.headers["etag"]
    assert after.json != before.json


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("query", "form"),
    [
        *((query, "{}") for query in QUERIES),
        pytest.param("", "W/{}", id="marked as weak"),
        pytest.param("", '"other", {}', id="in a list"),
        pytest.param("", '"other",W/{} ,"third"', id="in a list, weak"),
        pytest.param("", '"with, comma", {}', id="behind a comma that separates nothing"),
        pytest.param("", "*", id="any"),
        pytest.param("", " * ", id="any, with white space"),
    ],
)
def test_what_the_client_has_is_not_sent(
    api: Any, path: str, query: str, method: str, form: str
) -> None:
    tag = api.get(path + query).headers["etag"]
    answer = ask(api, path + query, form.format(tag), method=method)
    assert answer.status == 304
    assert answer.result.content == b""
    assert answer.headers["etag"] == tag
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "content-type" not in answer.headers


@pytest.mark.parametrize(
    "form",
    [
        pytest.param('"other"', id="another"),
        pytest.param('"{}x"', id="a longer one"),
        pytest.param('""', id="an empty one"),
        pytest.param('"*"', id="an asterisk that is a tag"),
        pytest.param("w{}", id="not marked as weak"),
        pytest.param('"', id="half a tag"),
        pytest.param(",", id="a comma"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_the_client_does_not_have_is_sent(api: Any, path: str, form: str) -> None:
    tag = api.get(path).headers["etag"].strip('"')
    answer = ask(api, path, form.format(tag))
    assert answer.status == 200
    assert answer.headers["etag"] == f'"{tag}"'
    assert answer.json


@pytest.mark.parametrize("query", QUERIES)
def test_head_says_what_get_would(api: Any, path: str, query: str) -> None:
    named = {"X-Request-ID": "the-same"}
    shown = api.get(path + query, headers=named)
    head = api.send("HEAD", path + query, headers=named)
    assert head.status == shown.status
    assert head.headers == shown.headers
    assert head.result.content == b""


def test_nothing_but_the_version_is_asked_for_to_say_so(api: Any, backend: Any) -> None:
    path = f"/v1/images/upload/{api.job(*URLS)}"
    tag = api.get(path).headers["etag"]
    asked: list[Any] = []
    changes = backend.table.changes
    backend.table.changes = lambda wanted: asked.append(wanted) or changes(wanted)
    assert ask(api, path, tag).status == 304
    assert [(wanted.known, wanted.limit) for wanted in asked] == [(None, 0)]


@pytest.mark.parametrize("tags", ["*", '"x"'])
def test_an_unknown_job_is_404_whatever_the_client_has(api: Any, tags: str) -> None:
    answer = ask(api, "/v1/images/upload/55355b7c-9b86-4a1a-b32e-6cdd6db07183", tags)
    assert answer.status == 404
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


def test_tags_of_other_owners_differ(make_api: Any, backend: Any) -> None:
    api = make_api(API_KEYS="ann:key-1,bob:key-2")
    tags = {
        api.get("/v1/images", headers={"X-API-Key": key}).headers["etag"]
        for key in ("key-1", "key-2")
    }
    assert len(tags) == 2, "or one would be told that it has what it may not see"


def test_tags_of_links_do_not_outlive_the_process(make_api: Any, backend: Any) -> None:
    tags = {make_api(backend).get("/v1/images").headers["etag"] for _ in range(2)}
    assert len(tags) == 2, "numbers of links are the same again after a restart"
