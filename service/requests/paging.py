"""The query parameters of a page: `?limit=&cursor=`."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import falcon

from service.problems.problems import Problem

MAX_ENTRIES: Final = 10_000
DEFAULT_ENTRIES: Final = 1000
MAX_JOBS: Final = 1000
DEFAULT_JOBS: Final = 100
LAST_CURSOR: Final = 2**53 - 1
"""The largest integer that all JSON parsers read exactly (RFC 8259, section 6)."""

_NUMBER = re.compile(r"[0-9]{1,16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list.

    Attributes:
        cursor: index of the first entry, from 0.
        limit: maximum number of entries.
    """

    cursor: int
    limit: int

    @property
    def end(self) -> int:
        """The index after the last entry."""
        return self.cursor + self.limit

    def next_of(self, total: int) -> int | None:
        """Return the cursor of the next page; None at the end of a list of `total` entries."""
        return self.end if self.end < total else None


FIRST_PAGE: Final = Page(0, DEFAULT_ENTRIES)


def read_page(req: falcon.Request) -> Page | None:
    """Return the requested page; None for the whole list.

    Raises:
        Problem: 400, with all errors of the parameters.
    """
    limit, cursor = req.params.get("limit"), req.params.get("cursor")
    if limit is None and cursor is None:
        return None
    entries = DEFAULT_ENTRIES if limit is None else read_number(limit, 1, MAX_ENTRIES)
    first = 0 if cursor is None else read_number(cursor, 0, LAST_CURSOR)
    if entries is None or first is None:
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid-page", " ".join(_wrong(entries, first)))
    return Page(first, entries)


def read_number(text: str | list[str], least: int, most: int) -> int | None:
    """Return an integer parameter within a range, or None.

    A repeated parameter arrives as a list, and is an error as it is ambiguous.
    """
    if isinstance(text, str) and _NUMBER.fullmatch(text) and least <= int(text) <= most:
        return int(text)
    return None


def _wrong(limit: int | None, cursor: int | None) -> list[str]:
    wrong = []
    if limit is None:
        wrong.append(f"`limit` must be one whole number from 1 to {MAX_ENTRIES}.")
    if cursor is None:
        wrong.append(
            f"`cursor` must be one whole number from 0 to {LAST_CURSOR}: what `next` says on the "
            "page before."
        )
    return wrong
