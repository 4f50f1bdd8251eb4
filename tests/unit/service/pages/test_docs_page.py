"""The page is all there is: it says everything, loads nothing from elsewhere and runs nothing."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import falcon
import pytest
from falcon import testing

from service.openapi.document import describe
from service.pages.pages import docs_page, render_page
from service.rendering.rendered import Document
from service.settings.environment import load_settings

FILES = Path(__file__).parents[4] / "service" / "pages" / "static" / "docs"
POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


class Page(HTMLParser):
    """What a browser would make of it, as far as it matters here."""

    VOID = frozenset({"meta", "link", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]


@pytest.fixture
def page_text() -> Callable[[Document], str]:
    def text_of(document: Document) -> str:
        req, resp = testing.create_req(), falcon.Response()
        document.send(req, resp)
        assert resp.data is not None
        return resp.data.decode()

    return text_of


@pytest.fixture
def page(api: Any) -> Page:
    answer = api.get("/docs")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.result.text)


def test_every_route_and_shape_of_the_description_is_there(api: Any, page: Page) -> None:
    document = api.get("/openapi.json").json
    for path, item in document["paths"].items():
        assert path in page.text
        operations = [item[method] for method in item if method != "parameters"]
        for operation in operations:
            assert operation["summary"].replace("`", "") in page.text
            assert operation["operationId"] in page.values("id")
            names = [parameter["name"] for parameter in operation.get("parameters", ())]
            assert not [name for name in names if name not in page.text]
    for name in document["components"]["schemas"]:
        assert f"shape-{name}" in page.values("id")


def test_links_within_it_lead_somewhere(page: Page) -> None:
    targets = [link[1:] for link in page.values("href") if link.startswith("#")]
    assert targets
    assert set(targets) <= set(page.values("id"))


def test_links_to_elsewhere_are_of_this_service(api: Any, page: Page) -> None:
    links = {link for link in page.values("href") if not link.startswith("#")}
    assert {"/openapi.json", "/docs/style.css", "/problems/queue-full"} <= links
    for link in links:
        assert api.get(link).status == 200


def test_nothing_runs_and_nothing_is_loaded(api: Any, page: Page) -> None:
    assert api.get("/docs").headers["content-security-policy"] == POLICY
    assert not page.tags & {"script", "img", "iframe", "form", "style", "object", "base"}
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]
    assert not page.values("src")
    assert b"url(" not in api.get("/docs/style.css").result.content


def test_what_is_said_elsewhere_is_not_taken_for_markup(page: Page) -> None:
    assert "{jobId}" in page.text
    assert re.search(r"names all that is wrong with a body", page.text)


def test_no_text_is_taken_for_markup(page_text: Any) -> None:
    evil = "<b a='x'>`<i>`</b>&amp;"
    document = describe(load_settings({"IMGUR_CLIENT_ID": "id"}))
    document["info"]["summary"] = evil
    document["paths"] = {evil: {"get": document["paths"]["/v1/jobs"]["get"] | {"summary": evil}}}
    document["components"]["schemas"] |= {
        evil: {"description": evil, "properties": {evil: {"enum": [evil]}}, "examples": [evil]}
    }
    page = Page(page_text(docs_page(document)))
    assert not page.tags & {"b", "i"}
    assert page.text.count(json.dumps(evil)) == 2  # of the enumeration and the example
    assert page.text.count(evil.replace("`", "")) == 4  # one summary, two of the route, the shape
    explanation = {"code": evil, "status": 409, "when": evil, "remedy": evil}
    page = Page(page_text(render_page("problem.html", problem=explanation, phrase=evil)))
    assert not page.tags & {"b", "i"}


def test_the_api_is_described_once_and_not_before_somebody_asks(
    make_api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = []
    monkeypatch.setattr(
        "service.app.describe",
        lambda settings: described.append(settings) or describe(settings),
    )
    api = make_api()
    assert described == []
    for path in ("/openapi.json", "/docs", "/openapi.json", "/docs"):
        assert api.get(path).status == 200
    assert len(described) == 1


@pytest.mark.parametrize(
    "path", ["/docs", "/docs/style.css", "/openapi.json", "/problems/draining"]
)
def test_who_has_it_is_told_so(api: Any, path: str) -> None:
    first = api.get(path)
    again = api.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.result.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == first.headers["cache-control"]


@pytest.mark.parametrize("path", ["/docs", "/docs/style.css", "/openapi.json", "/problems/x"])
def test_a_browser_needs_no_key(make_api: Any, path: str) -> None:
    api = make_api(API_KEYS="alice:key-1")
    assert api.get(path).status in {200, 404}
    assert api.get("/docs/other").status == 401


def test_with_keys_it_says_so(make_api: Any) -> None:
    page = Page(make_api(API_KEYS="alice:key-1").get("/docs").result.text)
    assert "Send a key as" in page.text
    assert "No key is asked for." in page.text


def test_it_stays_small(api: Any) -> None:
    files = sum(file.stat().st_size for file in FILES.iterdir())
    assert files < 10_000
    assert len(api.get("/docs").result.content) < 120_000
