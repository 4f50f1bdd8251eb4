"""HTML pages from this package's templates."""

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
    """Render a template by its file name; text in values is escaped."""
    return Document(_environment().get_template(template).render(values).encode(), _HTML)


def stylesheet() -> Document:
    """The stylesheet of the pages."""
    return Document((_FILES / "style.css").read_bytes(), "text/css; charset=utf-8")


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
