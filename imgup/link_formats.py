"""Formats links for documents, forums and spreadsheets, and text of others for terminals."""

import csv
import html
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from imgup.models import Result

FORMATS = ("links", "markdown", "bbcode", "html", "csv")

# The characters of a URI (RFC 3986) except brackets and quotes, which would end the markup.
_KEPT_IN_MARKUP = ":/?#@!$&*+,;=%-._~"
_CSV_HEAD = ("url", "state", "link", "reason", "message", "altered", "converted", "resolvedTo")
# A spreadsheet evaluates a cell with such a first character as a formula (CWE-1236).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render_links(results: "Iterable[Result]", form: str) -> Iterator[str]:
    """Yield a line for each uploaded image in one of `FORMATS`; `csv` has all URLs and a head."""
    if form == "csv":
        yield _csv_line(_CSV_HEAD)
        for result in results:
            altered = result.altered and f"{result.altered.type} {result.altered.bytes}"
            made = result.converted
            converted = made and (
                f"{made.source} {made.bytes_before} -> "
                f"{made.to} {made.bytes_after} {made.width}x{made.height}"
            )
            cells = (result.url, result.state, result.link, result.reason, result.message)
            more = (altered, converted, result.resolved_to)
            yield _csv_line(tuple(cell or "" for cell in (*cells, *more)))
        return
    for result in results:
        if result.link is not None:
            yield _marked_up(result.link, form)


def visible(text: str) -> str:
    """Return a text with its unprintable characters as escapes.

    Control characters would act on the terminal, and direction marks would change what is read.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _marked_up(link: str, form: str) -> str:
    match form:
        case "markdown":
            return f"![]({quote(link, safe=_KEPT_IN_MARKUP)})"
        case "bbcode":
            return f"[img]{quote(link, safe=_KEPT_IN_MARKUP)}[/img]"
        case "html":
            return f'<img src="{html.escape(visible(link))}" alt="">'
        case _:
            return visible(link)


def _csv_line(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    safe = [("'" if cell.startswith(_FORMULA) else "") + visible(cell) for cell in cells]
    csv.writer(line, lineterminator="").writerow(safe)
    return line.getvalue()
