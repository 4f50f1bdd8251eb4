"""An owner's links, kept for as long as the service runs, in as little memory as they take."""

from collections.abc import Iterable, Iterator
from typing import Final

_PAGE: Final = 1000
_SEPARATOR = "\n"  # in no link: `public_link` of the Imgur client lets `!` to `~` through
_EMPTY_PAGE: Final = _SEPARATOR * (_PAGE - 1)
_PAGE_BYTES = 120  # besides its text
_LINK_BYTES = 80  # of a string of its own, besides its text


class LinkList:
    """A list of links that only grows: where one was removed, its place stays, empty, so that every
    other link keeps its index and cursors stay true.

    A string of its own costs a link of 40 characters more than 100 bytes, and lies scattered among
    short-lived objects, whose memory it keeps from being given back. Full pages are one string.
    """

    def __init__(self) -> None:
        self._pages: list[str] = []
        self._last: list[str] = []
        self._last_bytes = 0
        self._pages_bytes = 0
        self._forgotten = 0  # pages, from the first one on
        self.removed = 0
        """How many were removed; the same number twice means that none was in between."""

    def __len__(self) -> int:
        return len(self._pages) * _PAGE + len(self._last)

    @property
    def size(self) -> int:
        """Bytes of memory, by an estimate."""
        return self._pages_bytes + self._last_bytes

    def __iter__(self) -> Iterator[str]:
        for page in self._pages:
            yield from page.split(_SEPARATOR)
        yield from self._last

    def append(self, link: str) -> None:
        self._last.append(link)
        self._last_bytes += _LINK_BYTES + len(link)
        if len(self._last) == _PAGE:
            self._pages.append("")
            self._set_page(len(self._pages) - 1, _SEPARATOR.join(self._last))
            self._last = []
            self._last_bytes = 0

    def extend(self, links: Iterable[str]) -> None:
        for link in links:
            self.append(link)

    def remove(self, link: str) -> bool:
        """Empty the place of a link; False if it is not in the list."""
        if link in self._last:
            self._last[self._last.index(link)] = ""
            self._last_bytes -= len(link)
            self.removed += 1
            return True
        # The newest first: what is removed was mostly uploaded a moment ago.
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
        """Empty the places of the oldest full page; False if there is none."""
        if self._forgotten == len(self._pages):
            return False
        links = self._pages[self._forgotten].split(_SEPARATOR)
        self.removed += sum(map(bool, links))
        self._set_page(self._forgotten, _EMPTY_PAGE)
        self._forgotten += 1
        return True

    def _set_page(self, number: int, page: str) -> None:
        # One string for all empty pages.
        new = _EMPTY_PAGE if page == _EMPTY_PAGE else page
        self._pages_bytes += _bytes_of(new) - _bytes_of(self._pages[number])
        self._pages[number] = new

    def slice(self, start: int, limit: int) -> tuple[str, ...]:
        """At most so many links from the one with this index on; empty where one was removed."""
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


def _bytes_of(page: str) -> int:
    return 0 if page is _EMPTY_PAGE or not page else _PAGE_BYTES + len(page)
