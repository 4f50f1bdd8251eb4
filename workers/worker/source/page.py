"""Taking in what may be an image, or the page around one."""

import io
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from urllib3.exceptions import HTTPError

from workers.contract import image_type
from workers.contract.errors import DownloadError, Reason
from workers.contract.image_type import HEAD_BYTES, describe, recognize
from workers.worker.http.byte_budget import ByteBudget
from workers.worker.http.content_coding import DECODED_PIECE_BYTES, codings_of, open_decoded
from workers.worker.http.head import Head
from workers.worker.source.body import Download, ImageBody
from workers.worker.source.page_images import page_images
from workers.worker.source.redirect import resolve
from workers.worker.source.spool import Spool

MAX_PAGE_BYTES: Final = 1024 * 1024
"""Of a page, that are read. Facebook's crawler reads as much of one, so what pages say of
themselves stands there (https://developers.facebook.com/docs/sharing/webmasters/web-crawlers)."""

_CODED_BYTES: Final = 192 * 1024
"""Needed of coded content for its first bytes: zstd yields nothing before the end of a block of up
to 128 KB (RFC 8878, section 3.1.1.2.4)."""

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
            return resolve(reference, base)
    raise DownloadError(
        Reason.NOT_AN_IMAGE,
        "The source answered with a web page that names no image (og:image, twitter:image, or"
        " link rel=image_src).",
    )


class PageBody:
    """Takes in an image, as `ImageBody` does, or the beginning of a page.

    Its first bytes tell which, without their content coding; if they are neither, its type does.
    """

    def __init__(self, open_image: Callable[[], ImageBody], budget: ByteBudget, head: Head) -> None:
        self._open_image = open_image
        self._budget = budget
        self._codings = codings_of(head.fields.get("Content-Encoding", ""))
        self._type = head.fields.get("Content-Type", "")
        self._beginning = bytearray()
        self._needed = _CODED_BYTES if self._codings else HEAD_BYTES
        self._image: ImageBody | None = None
        self._page: Spool | None = None

    def write(self, piece: bytes) -> bool:
        """Take a piece; False when no more of a page is wanted.

        Raises:
            DownloadError: this will be no image that could be uploaded, and it is no page.
        """
        if self._image is not None:
            return self._image.write(piece)
        if self._page is not None:
            return self._add(self._page, piece)
        self._beginning += piece
        return len(self._beginning) < self._needed or self._choose()

    def finish(self) -> Download | Page:
        """The image or the page, once its last byte has come.

        Raises:
            DownloadError: it is neither a page nor an image that could be uploaded.
        """
        if self._image is None and self._page is None:
            self._choose()
        if self._image is not None:
            return self._image.finish()
        with _parsing:
            content = b"" if self._page is None else self._page.rewind().read()
            found = Page(*page_images(self._decoded(content, MAX_PAGE_BYTES), self._type))
        self.discard()
        return found

    def discard(self) -> None:
        """See `Body`."""
        if self._image is not None:
            self._image.discard()
        if self._page is not None:
            self._page.discard()

    def _choose(self) -> bool:
        beginning, self._beginning = bytes(self._beginning), bytearray()
        if self._is_page(self._decoded(beginning, HEAD_BYTES)):
            self._page = Spool(MAX_PAGE_BYTES, self._budget)
            return self._add(self._page, beginning)
        self._image = self._open_image()
        return self._image.write(beginning)

    def _is_page(self, head: bytes) -> bool:
        # A page may hold an SVG near its beginning.
        if recognize(head) not in {None, image_type.SVG}:
            return False
        is_html = self._type.partition(";")[0].strip().lower() in _HTML
        return bool(head) and (is_html or describe(head) == "a web page")

    def _add(self, page: Spool, piece: bytes) -> bool:
        page.write(piece[: MAX_PAGE_BYTES - page.size])
        return page.size < MAX_PAGE_BYTES

    def _decoded(self, content: bytes, max_bytes: int) -> bytes:
        """The beginning of what came, without its content coding."""
        decoded = bytearray()
        # What came before damage, or the end of what was read, counts.
        with suppress(HTTPError):
            coded = open_decoded(io.BytesIO(content), self._codings, MAX_PAGE_BYTES)
            while len(decoded) < max_bytes and (piece := coded.read(DECODED_PIECE_BYTES)):
                decoded += piece
        return bytes(decoded or content)[:max_bytes]  # else the label is false
