"""The page for people: what is served of it, how, and to whom."""

import gzip
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from falcon import testing

from service.app import create_app
from service.pages.page_files import FOR_EVER, POLICY
from service.settings.environment import load_settings

FILES = Path(__file__).parents[4] / "service" / "pages" / "static" / "page"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
ANOTHER = re.compile(
    r"https?://(?!example\.com/|www\.w3\.org/|i\.imgur\.com/|$)[a-z0-9]", re.IGNORECASE
)


class References(HTMLParser):
    """All paths that a page names, and whatever is inline in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.paths: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.paths += [named[key] or "" for key in ("src", "href") if key in named]
        self.inline += [key for key in named if key.startswith("on") or key == "style"]
        if tag == "style" or (tag == "script" and "src" not in named):
            self.inline.append(tag)


@pytest.fixture
def front(api: Any) -> Any:
    return api.get("/", headers=BROWSER)


def paths_of(front: Any) -> list[str]:
    return [path for path in References(front.result.text).paths if path.startswith("/page/")]


def test_a_browser_gets_the_page(front: Any) -> None:
    assert front.status == 200
    assert front.headers["content-type"] == "text/html; charset=utf-8"
    assert front.headers["content-security-policy"] == POLICY
    assert front.headers["cache-control"] == "private, no-cache"
    assert {part.strip() for part in front.headers["vary"].split(",")} == {
        "Accept",
        "Accept-Encoding",
    }


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/*, text/plain"])
def test_a_program_gets_the_index(api: Any, accept: str | None) -> None:
    answer = api.get("/", headers={"Accept": accept} if accept else {})
    assert answer.json["service"] == "imgup"
    assert answer.json["maxUrlsPerJob"] == 100_000
    assert "Accept" in answer.headers["vary"]
    assert "sandboxUrl" not in answer.json


def test_the_page_learns_where_the_sandbox_is(backend: Any) -> None:
    app = create_app(backend, load_settings({"MAX_URLS_PER_JOB": "7"}), "http://127.0.0.1:8001")
    index = testing.TestClient(app).simulate_get("/").json
    assert index["sandboxUrl"] == "http://127.0.0.1:8001"
    assert index["maxUrlsPerJob"] == 7


def test_every_file_is_served_and_named(api: Any, front: Any) -> None:
    paths = paths_of(front)
    assert {path.rpartition("/")[2] for path in paths} == {
        file.name for file in FILES.iterdir() if file.name != "index.html"
    }
    for path in set(paths):
        answer = api.get(path)
        assert answer.status == 200
        assert answer.result.content == (FILES / path.rpartition("/")[2]).read_bytes()
        assert answer.headers["cache-control"] == FOR_EVER
        assert answer.headers["content-security-policy"] == POLICY


def test_nothing_is_inline(front: Any) -> None:
    assert References(front.result.text).inline == []


def test_nothing_comes_from_elsewhere() -> None:
    for file in FILES.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not ANOTHER.findall(text), file.name


def test_text_is_never_read_as_markup() -> None:
    """What a URL or a name holds cannot become an element."""
    ways = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function")
    for file in FILES.glob("*.js"):
        assert not ways.findall(file.read_text()), file.name


def test_the_key_is_kept_for_the_tab_only() -> None:
    text = "".join(file.read_text() for file in FILES.glob("*.js"))
    assert "sessionStorage.setItem" in text
    assert not re.search(r"localStorage|indexedDB|document\.cookie", text)


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip, deflate, br", True),
        ("br;q=1.0, GZIP;q=0.5", True),
        ("gzip;q=1", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br", False),
        ("identity", False),
    ],
)
def test_compression_is_for_who_takes_it(api: Any, accepted: str, *, compressed: bool) -> None:
    plain = api.get("/", headers=BROWSER)
    answer = api.get("/", headers=BROWSER | {"Accept-Encoding": accepted})
    assert (answer.headers.get("content-encoding") == "gzip") is compressed
    content = answer.result.content
    assert (gzip.decompress(content) if compressed else content) == plain.result.content
    assert (answer.headers["etag"] != plain.headers["etag"]) is compressed


def test_who_has_it_is_told_so(api: Any, front: Any) -> None:
    known = {"If-None-Match": front.headers["etag"]}
    answer = api.get("/", headers=BROWSER | known)
    assert answer.status == 304
    assert answer.result.content == b""
    # The tag is of the plain form; the compressed one is other bytes.
    assert api.get("/", headers=BROWSER | known | {"Accept-Encoding": "gzip"}).status == 200


@pytest.mark.parametrize(
    "name", ["index.html", "other.js", "..%2findex.html", "%2e%2e", "..%2f..%2fapp.py", "app.js%00"]
)
def test_other_names_lead_nowhere(api: Any, front: Any, name: str) -> None:
    folder = paths_of(front)[0].rpartition("/")[0]
    answer = api.get(f"{folder}/{name}")
    assert answer.status == 404
    assert answer.json["code"] == "not-found"


def test_another_version_is_not_there(api: Any) -> None:
    assert api.get("/page/000000000000/app.js").status == 404


def test_the_page_needs_no_key(make_api: Callable[..., Any]) -> None:
    api = make_api(API_KEYS="alice:key-1")
    front = api.get("/", headers=BROWSER)
    assert front.status == 200
    assert api.get(paths_of(front)[0]).status == 200
    assert api.get("/v1/jobs").status == 401


def test_all_of_it_is_small(api: Any, front: Any) -> None:
    sizes = [
        len(api.get(path, headers={"Accept-Encoding": "gzip"}).result.content)
        for path in set(paths_of(front))
    ]
    assert sum(sizes) + len(front.result.content) < 100_000
