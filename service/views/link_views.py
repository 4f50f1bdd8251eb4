"""Responses that list links; cached until a link is removed."""

import hashlib
import secrets
from collections.abc import Callable, Sequence

from service.rendering.rendered import Rendered, render
from service.requests.paging import Page
from service.views.view_cache import ViewCache
from workers import WebJobTable

_LINKS_A_CALL = 10_000  # small enough not to delay other calls of the backend
_VIEW_BYTES = 500  # of an empty view
_TAG_BYTES = 12


class LinkView:
    """The links of one owner as JSON, an `ImageLinks`. Not thread-safe.

    Attributes:
        removed: number of links that were removed when the view began.
    """

    def __init__(self, end: bytes) -> None:
        self._end = b"]" + end
        self.begin(removed=0)

    def begin(self, *, removed: int) -> None:
        """Start without links."""
        # Random, as numbers would be equal for other owners and after a restart.
        self._name = secrets.token_hex(_TAG_BYTES // 2)
        self._count = 0  # of links, removed ones included
        self.removed = removed
        self.body = b'{"uploaded":[' + self._end

    @property
    def size(self) -> int:
        """Estimated memory in bytes."""
        return _VIEW_BYTES + len(self.body)

    @property
    def tag(self) -> str:
        """The ETag."""
        return f"{self._name}-{self._count:x}"

    def extend(self, read: Callable[[int], Sequence[str]]) -> None:
        """Append all links that `read` returns for an index, until it returns none."""
        count, texts = self._count, []
        while links := read(count):
            count += len(links)
            if shown := [link for link in links if link]:
                texts.append(render(shown)[1:-1])
        if texts:
            before = memoryview(self.body)[: -len(self._end)]  # without a copy, as it may be large
            comma = b"," if before[-1] == ord('"') else b""
            self.body = b"".join((before, comma, b",".join(texts), self._end))
        self._count = count


class LinkViews:
    """Responses that list links. Thread-safe.

    `max_bytes` is the memory limit of cached views; a million links take 40 MB.
    """

    def __init__(self, job_table: WebJobTable, *, sandbox: bool, max_bytes: int) -> None:
        self._job_table = job_table
        self._end = b',"sandbox":true}' if sandbox else b"}"
        self._views: ViewCache[str, LinkView] = ViewCache(lambda: LinkView(self._end), max_bytes)

    def show(self, owner: str) -> Rendered:
        """Return all links of an owner, in order of completion."""
        # Before the wait for this owner's view: it raises if the backend does not respond.
        removed = self._job_table.links_removed(owner)
        with self._views.view(owner) as view:
            if view.removed != removed:
                view.begin(removed=removed)
            view.extend(lambda first: self._job_table.links(first, _LINKS_A_CALL, owner))
            return Rendered(view.tag, view.body)

    def show_page(self, owner: str, page: Page) -> Rendered:
        """Return a page of links, an `ImageLinksPage`."""
        links = self._job_table.links(page.cursor, page.limit + 1, owner)
        following = page.next_of(page.cursor + len(links))
        shown = render([link for link in links[: page.limit] if link])
        body = b'{"uploaded":%b,"next":%b%b' % (shown, render(following), self._end)
        return Rendered(hashlib.sha256(body).hexdigest()[: _TAG_BYTES * 2], body)
