"""The query parameters of a page: `?limit=&cursor=&timeline=`."""

import re
from dataclasses import dataclass
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
    cursor: int  # index of the first entry, from 0
    limit: int  # maximum number of entries

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
    if "limit" not in req.params and "cursor" not in req.params:
        return None
    errors: list[str] = []
    limit = read_number(req, errors, "limit", 1, MAX_ENTRIES)
    cursor = read_number(req, errors, "cursor", 0, LAST_CURSOR)
    if errors:
        raise Problem("invalid-page", " ".join(errors))
    return Page(cursor or 0, limit or DEFAULT_ENTRIES)


def wants_timelines(req: falcon.Request) -> bool:
    """Return whether a request asks for timelines.

    Raises:
        Problem: 400, the parameter is invalid.
    """
    asked = req.params.get("timeline", "0")
    if asked not in ("0", "1"):
        raise Problem("invalid-timeline", "`timeline` must be 0 or 1, and only once.")
    return asked == "1"


def read_number(
    req: falcon.Request, errors: list[str], name: str, least: int, most: int
) -> int | None:
    """Return an integer parameter within a range; None if it is absent, or invalid with an error.

    A repeated parameter is an error, as it is ambiguous.
    """
    text = req.params.get(name)
    if text is None:
        return None
    if isinstance(text, str) and _NUMBER.fullmatch(text) and least <= int(text) <= most:
        return int(text)
    hint = ": what `next` says on the page before" if name == "cursor" else ""
    errors.append(f"`{name}` must be one whole number from {least} to {most}{hint}.")
    return None
