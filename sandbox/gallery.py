"""The gallery of all images and faults, as JSON and as a page; and the pages of albums."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.albums import Album
from sandbox.faults import FAULTS
from sandbox.images import ACCEPTED_NAMES, REFUSED_NAMES
from sandbox.imgur_answers import KINDS
from sandbox.uploads import Upload

if TYPE_CHECKING:
    from jinja2 import Template

_PAGE = Path(__file__).with_suffix(".html").read_text("utf-8")
_STYLE = _PAGE.partition("<style>")[2].partition("</style>")[0]
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_ALBUM = (
    "<!doctype html>\n<title>{{ title }}</title>\n<h1>{{ title }}</h1>\n<p>{{ description }}</p>\n"
    '{% for link in links %}<p><img src="{{ link }}" alt=""></p>\n{% endfor %}'
)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; base-uri 'none'; "
    f"style-src 'sha256-{_STYLE_HASH}'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_SOURCE_FAULTS = [(fault.example, fault.effect) for fault in FAULTS]
_UPLOAD_FAULTS = [
    (
        f"/images/imgur-fault/{name}{'~1' if kind.passes else ''}.png",
        f"its upload: {kind.effect}{'; the next one succeeds' if kind.passes else ''}",
    )
    for name, kind in KINDS.items()
]


def listing(base: str) -> dict[str, Any]:
    """Return all images and faults as absolute URLs."""
    faults = [*_SOURCE_FAULTS, *_UPLOAD_FAULTS]
    return {
        "images": [f"{base}/images/{name}" for name in ACCEPTED_NAMES],
        "refused": [f"{base}/images/{name}" for name in REFUSED_NAMES],
        "numbered": f"{base}/images/numbered/17.png",
        "faults": [{"url": base + path, "effect": effect} for path, effect in faults],
    }


def page(base: str) -> web.Response:
    """Return the page; `base` is the address that the reader used."""
    accepted, refused = (
        [(f"/images/{name}", "") for name in names] for names in (ACCEPTED_NAMES, REFUSED_NAMES)
    )
    faults = {"source_faults": _SOURCE_FAULTS, "upload_faults": _UPLOAD_FAULTS}
    return _response(
        _template(_PAGE).render(base=base, accepted=accepted, refused=refused, **faults)
    )


def album_page(album: Album, uploads: list[Upload], base: str) -> web.Response:
    title = album.fields["title"] or "An album of the sandbox"
    links = [upload.link(base) for upload in uploads]
    text = _template(_ALBUM).render(
        title=title, description=album.fields["description"] or "", links=links
    )
    return _response(text)


@cache
def _template(source: str) -> "Template":
    # Imported here, as it takes 20 ms at the start and few look at the pages.
    from jinja2 import Template  # noqa: PLC0415

    made: Template = Template(source, autoescape=True)
    return made


def _response(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html", headers=_HEADERS)
