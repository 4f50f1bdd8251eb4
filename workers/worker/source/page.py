"""A page that comes in place of an image."""

import re
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from workers.contract import image_type
from workers.contract.errors import DownloadError, Reason
from workers.contract.image_type import describe, recognize
from workers.worker.source.page_images import page_images
from workers.worker.source.redirect import resolve

MAX_PAGE_BYTES: Final = 1024 * 1024
"""Of a page, that are read. Facebook's crawler reads as much of one, so what pages say of
themselves stands there (https://developers.facebook.com/docs/sharing/webmasters/web-crawlers)."""

# Pages of Google Photos name a part of 600 by 315 pixels: `=w600-h315-p-k`, where p crops and k
# stops motion (https://developers.google.com/people/image-sizing).
_match_part = re.compile(
    r"(https://lh\d\.googleusercontent\.com/[^=]+)=w\d+-h\d+-p(?:-.*)?"
).fullmatch
_WHOLE: Final = "=w16383-h16383"  # the largest size; what is smaller is not enlarged

_HTML: Final = ("text/html", "application/xhtml+xml")
_parsing: Final = threading.Lock()
"""One page at a time in a worker: its parts take up to 30 times as much memory as itself, which no
budget counts. The parser is Python, so pages side by side would take turns as well."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page that came in place of an image, by what `page_images` found in it."""

    images: list[str] = field(default_factory=list)  # references to images, the best first
    base: str = ""  # that it gives for them; empty if it gives none


def image_of(page: Page, at: str) -> str:
    """The URL of the image that a page at a URL names: the first that can be asked for.

    Raises:
        DownloadError: it names none.
    """
    base = at
    with suppress(ValueError, DownloadError):
        base = resolve(page.base, at) if page.base else at
    for reference in page.images:
        with suppress(ValueError, DownloadError):
            found = resolve(reference, base)
            part = _match_part(found)
            return found if part is None else part[1] + _WHOLE
    raise DownloadError(
        Reason.NOT_AN_IMAGE,
        "The source answered with a web page that names no image (og:image, twitter:image, or"
        " link rel=image_src).",
    )


def is_page(head: bytes, content_type: str) -> bool:
    """Tell a page by its first bytes; if they are neither a page's nor an image's, by its type."""
    # A page may hold an SVG near its beginning.
    if recognize(head) not in {None, image_type.SVG}:
        return False
    is_html = content_type.partition(";")[0].strip().lower() in _HTML
    return bool(head) and (is_html or describe(head) == "a web page")


def read_page(file: BinaryIO, content_type: str) -> Page:
    """Read the beginning of a page."""
    with _parsing:
        return Page(*page_images(file.read(MAX_PAGE_BYTES), content_type))
