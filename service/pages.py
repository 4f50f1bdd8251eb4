"""Pages for a browser, made of files of this package and nothing from elsewhere."""

import hashlib
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Final

import falcon

from service.rendered import identify, is_known

POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""No script at all, neither inline nor from a file; what is there is there without one."""

_FILES = Path(__file__).parent / "static" / "docs"
_CODE = re.compile(r"`([^`]+)`")


class Document:
    """Something that stays the same until the service is started anew.

    Args:
        content: its bytes.
        media_type: what they are.
    """

    def __init__(self, content: bytes, media_type: str) -> None:
        self._content = content
        self._media_type = media_type
        self._tag = hashlib.sha256(content).hexdigest()[:32]

    def send(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Let this be the answer; 304 for who has it already."""
        resp.set_header("Content-Security-Policy", POLICY)
        if is_known(req, resp, self._tag):
            return
        identify(resp, self._tag)
        resp.content_type = self._media_type
        resp.data = self._content


def page(title: str, body: str) -> Document:
    """A page.

    Args:
        title: as text.
        body: as HTML.
    """
    template = Template((_FILES / "page.html").read_text(encoding="utf-8"))
    return Document(
        template.substitute(title=escape(title), body=body).encode(), "text/html; charset=utf-8"
    )


def stylesheet() -> Document:
    """How the pages look."""
    return Document((_FILES / "style.css").read_bytes(), "text/css; charset=utf-8")


def prose(text: str) -> str:
    """Text as HTML, with what stands in backticks as code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table.

    Args:
        head: its columns, as text.
        rows: cells, as HTML.
    """
    columns = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>" for cells in rows
    )
    return f'<div class="table"><table><tr>{columns}</tr>{body}</table></div>'
