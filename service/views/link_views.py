"""Responses that list links; cached until a link is removed."""

import hashlib
import secrets
from collections.abc import Sequence

from service.rendering.rendered import Rendered, render
from service.requests.paging import Page
from service.views.view_cache import ViewCache
from workers import WebJobTable

_LINKS_A_CALL = 10_000  # small enough not to delay other calls of the backend
_PIECE_BYTES = 256 * 1024
_VIEW_BYTES = 500  # of an empty view
_TAG_BYTES = 12


class LinkView:
    """The links of one owner as JSON. Not thread-safe.

    In pieces that versions share: a copy of a million links for each new one would take 50 ms.
    """

    def __init__(self) -> None:
        self.begin(removed=0)

    def begin(self, *, removed: int) -> None:
        """Start with the first link; `removed` is the number of removed ones."""
        # Random, as numbers would be equal for other owners and after a restart.
        self._name = secrets.token_hex(_TAG_BYTES // 2)
        self._pieces: list[bytes] = []
        self.removed = removed
        self.count = 0
        """The number of links, removed ones included."""

    @property
    def size(self) -> int:
        """Estimated memory in bytes."""
        return _VIEW_BYTES + sum(map(len, self._pieces))

    @property
    def tag(self) -> str:
        return f"{self._name}-{self.count:x}"

    def append(self, links: Sequence[str]) -> None:
        """Render further links."""
        text = render([link for link in links if link])[1:-1]
        self.count += len(links)
        if not text:
            return
        if self._pieces:
            text = b"," + text
        if self._pieces and len(self._pieces[-1]) < _PIECE_BYTES:
            self._pieces[-1] += text
        else:
            self._pieces.append(text)

    def whole(self, end: bytes) -> tuple[bytes, ...]:
        """Return all links, an `ImageLinks`."""
        return (b'{"uploaded":[', *self._pieces, b"]" + end)


class LinkViews:
    """Responses that list links. Thread-safe.

    `max_bytes` is the memory limit of cached views; a million links take 40 MB.
    """

    def __init__(self, job_table: WebJobTable, *, sandbox: bool, max_bytes: int) -> None:
        self._job_table = job_table
        self._end = b',"sandbox":true}' if sandbox else b"}"
        self._views: ViewCache[str, LinkView] = ViewCache(LinkView, max_bytes)

    def show(self, owner: str) -> Rendered:
        """Return all links of an owner, in order of completion."""
        # Before the wait for this owner's view: it raises if the backend does not respond.
        removed = self._job_table.links_removed(owner)
        with self._views.view(owner) as view:
            if view.removed != removed:
                view.begin(removed=removed)
            while links := self._job_table.links(view.count, _LINKS_A_CALL, owner):
                view.append(links)
            return Rendered(view.tag, view.whole(self._end))

    def show_page(self, owner: str, page: Page) -> Rendered:
        """Return a page of links, an `ImageLinksPage`."""
        links = self._job_table.links(page.cursor, page.limit + 1, owner)
        following = page.next_of(page.cursor + len(links))
        shown = render([link for link in links[: page.limit] if link])
        body = b'{"uploaded":%b,"next":%b%b' % (shown, render(following), self._end)
        return Rendered(hashlib.sha256(body).hexdigest()[: _TAG_BYTES * 2], (body,))
