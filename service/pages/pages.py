"""HTML pages from this package's templates: the API's description, and one for each problem."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

from service.problems.catalog import CATALOG
from service.rendering.rendered import Document

if TYPE_CHECKING:
    from jinja2 import Environment

_STATIC = Path(__file__).parent / "static"
_HTML = "text/html; charset=utf-8"
_METHODS: Final = ("get", "post", "put", "delete")
_CODE = re.compile(r"`([^`]+)`")


def docs_page(document: Mapping[str, Any]) -> Document:
    """Render the page from a result of `describe`."""
    operations = list(_operations(document))
    everywhere = _common([operation["responses"] for operation in operations])
    return render_page(
        "docs.html",
        document=document,
        operations=operations,
        everywhere=everywhere,
        problems=CATALOG.values(),
    )


@cache
def problem_page(code: str) -> Document:
    """The explanation of a problem's code."""
    problem = CATALOG[code]
    return render_page("problem.html", problem=problem, phrase=HTTPStatus(problem["status"]).phrase)


@cache
def stylesheet() -> Document:
    """The stylesheet of the pages: that of the page at /, and what they have besides."""
    styles = (_STATIC / folder / "style.css" for folder in ("page", "docs"))
    return Document(b"".join(map(Path.read_bytes, styles)), "text/css; charset=utf-8")


def render_page(template: str, **values: object) -> Document:
    """Render a template by its file name; text in values is escaped."""
    return Document(_environment().get_template(template).render(values).encode(), _HTML)


@cache
def _environment() -> "Environment":
    # Imported here, as it takes 20 ms at the start and many services never show a page.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    found = Environment(
        loader=PackageLoader("service.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"json": json.dumps, "prose": _prose}
    return found


def _prose(text: str) -> Markup:
    """Render text as HTML, with text in backticks as code."""
    # As str: Markup would escape the tags too.
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped here


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method not in item:
                continue
            operation = item[method]
            yield operation | {
                "path": path,
                "method": method,
                "is_open": "security" in document and operation.get("security") == [],
                "parameters": [*item.get("parameters", ()), *operation.get("parameters", ())],
            }


def _common(responses: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the responses common to all routes."""
    first = responses[0].items()
    return dict(pair for pair in first if all(pair in others.items() for others in responses))
