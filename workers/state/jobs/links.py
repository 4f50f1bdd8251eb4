"""The links of all images, by owner and in order of completion, with a memory limit."""

from collections.abc import ItemsView, Iterable
from typing import Final

_PAGE: Final = 1000
_SEPARATOR = "\n"  # in no link: `public_link` of the Imgur client allows only `!` to `~`
_EMPTY_PAGE: Final = _SEPARATOR * (_PAGE - 1)
_PAGE_BYTES = 120  # without its text
_LINK_BYTES = 80  # of a string, without its text
_KEPT_WHEN_FULL = 7 / 8  # a margin: removals invalidate the web side's lists, so they are rare


class LinkList:
    """An append-only list: a removed link becomes an empty string, so that all other links keep
    their index and cursors stay valid.

    As a string each, links of 40 characters take more than 100 bytes, and are scattered among
    short-lived objects, whose memory cannot be freed then. So a full page is one string.
    """

    def __init__(self) -> None:
        self._pages: list[str] = []
        self._last: list[str] = []
        self._forgotten = 0  # emptied pages, from the first
        self.size = 0
        """Estimated memory in bytes."""
        self.removed = 0
        """Number of removed links; unchanged means that none was removed in between."""

    def __len__(self) -> int:
        return len(self._pages) * _PAGE + len(self._last)

    def append(self, link: str) -> None:
        self._last.append(link)
        self.size += _LINK_BYTES + len(link)
        if len(self._last) == _PAGE:
            self.size -= _LINK_BYTES * _PAGE + sum(map(len, self._last))
            self._pages.append("")
            self._set_page(len(self._pages) - 1, _SEPARATOR.join(self._last))
            self._last = []

    def extend(self, links: Iterable[str]) -> None:
        for link in links:
            self.append(link)

    def remove(self, link: str) -> bool:
        """Replace a link with an empty string; False if it is not in the list."""
        if link in self._last:
            self._last[self._last.index(link)] = ""
            self.size -= len(link)
            self.removed += 1
            return True
        # The newest first: most removed images are recent.
        for number in range(len(self._pages) - 1, -1, -1):
            if link in self._pages[number]:
                links = self._pages[number].split(_SEPARATOR)
                if link in links:
                    links[links.index(link)] = ""
                    self._set_page(number, _SEPARATOR.join(links))
                    self.removed += 1
                    return True
        return False

    def forget_oldest(self) -> bool:
        """Empty the oldest full page; False if there is none."""
        if self._forgotten == len(self._pages):
            return False
        links = self._pages[self._forgotten].split(_SEPARATOR)
        self.removed += sum(map(bool, links))
        self._set_page(self._forgotten, _EMPTY_PAGE)
        self._forgotten += 1
        return True

    def _set_page(self, number: int, page: str) -> None:
        # All empty pages share one string.
        new = _EMPTY_PAGE if page == _EMPTY_PAGE else page
        self.size += _bytes_of(new) - _bytes_of(self._pages[number])
        self._pages[number] = new

    def slice(self, start: int, limit: int) -> tuple[str, ...]:
        """Return up to `limit` links from an index on; a removed one is empty."""
        stop = min(len(self), start + limit)
        found: list[str] = []
        while start < stop:
            number, offset = divmod(start, _PAGE)
            page = (
                self._pages[number].split(_SEPARATOR) if number < len(self._pages) else self._last
            )
            taken = page[offset : offset + stop - start]
            found += taken
            start += len(taken)
        return tuple(found)


class KeptLinks:
    """Links by owner; they outlive their jobs. Beyond the limit, the oldest links of the owner
    with the most are emptied; indexes stay. Not thread-safe.

    Attributes:
        size: estimated memory in bytes.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.size = 0
        self._lists: dict[str, LinkList] = {}

    def of(self, owner: str) -> LinkList:
        """Return an owner's links, for reading."""
        return self._lists.get(owner) or LinkList()

    def items(self) -> ItemsView[str, LinkList]:
        """Return all links by owner, for reading."""
        return self._lists.items()

    def add(self, owner: str, links: Iterable[str]) -> None:
        found = self._lists.get(owner)
        if found is None:
            found = self._lists[owner] = LinkList()
        self.size -= found.size
        found.extend(links)
        self.size += found.size
        if self.size > self._max_bytes:
            self._shrink(int(self._max_bytes * _KEPT_WHEN_FULL))

    def remove(self, owner: str, link: str) -> None:
        found = self.of(owner)
        self.size -= found.size
        found.remove(link)
        self.size += found.size

    def _shrink(self, max_bytes: int) -> None:
        while self.size > max_bytes:
            largest = max(self._lists.values(), key=lambda links: links.size)
            before = largest.size
            if not largest.forget_oldest():
                return
            self.size += largest.size - before


def _bytes_of(page: str) -> int:
    return 0 if page is _EMPTY_PAGE or not page else _PAGE_BYTES + len(page)
