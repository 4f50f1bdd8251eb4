"""Pages for a browser, made of files of this package and nothing from elsewhere."""

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from service.rendering.documents import Document

if TYPE_CHECKING:
    from jinja2 import Environment

_FILES = Path(__file__).parent / "static" / "docs"
_HTML = "text/html; charset=utf-8"
_CODE = re.compile(r"`([^`]+)`")


def render_page(template: str, **values: object) -> Document:
    """A page.

    Args:
        template: the name of its file.
        values: what the template asks for; all text in them is escaped.
    """
    return Document(_environment().get_template(template).render(values).encode(), _HTML)


def stylesheet() -> Document:
    """How the pages look."""
    return Document((_FILES / "style.css").read_bytes(), "text/css; charset=utf-8")


@cache
def _environment() -> "Environment":
    # Here, as it takes 20 ms: a service starts without, and many a one never shows a page.
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
    """Text as HTML, with what stands in backticks as code."""
    # As str: markup escapes what is joined to it, the tags as well.
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped here
