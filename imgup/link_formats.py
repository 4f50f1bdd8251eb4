"""Links in the forms that documents and forums take."""

import csv
import html
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

from imgup.visible import visible

if TYPE_CHECKING:
    from imgup.models import Result

FORMATS = ("links", "markdown", "bbcode", "html", "csv")

# All that a URI may hold (RFC 3986), but for brackets and quotes, which close a markup's own.
_KEPT_IN_MARKUP = ":/?#@!$&*+,;=%-._~"
_CSV_HEAD = ("url", "state", "link", "reason", "message", "altered", "converted")
# A spreadsheet takes a cell that begins so for a formula (CWE-1236).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render_links(results: "Iterable[Result]", form: str) -> Iterator[str]:
    """One line for each image that is uploaded; of `csv`, for each at all, below a head.

    Args:
        results: in the order wanted.
        form: one of `FORMATS`.
    """
    if form == "csv":
        yield _csv_line(_CSV_HEAD)
        for result in results:
            cells = (result.url, result.state, result.link, result.reason, result.message)
            altered = result.altered and f"{result.altered.type} {result.altered.bytes}"
            made = result.converted
            converted = made and (
                f"{made.source} {made.bytes_before} -> "
                f"{made.to} {made.bytes_after} {made.width}x{made.height}"
            )
            yield _csv_line(tuple(cell or "" for cell in (*cells, altered, converted)))
        return
    for result in results:
        if result.link is not None:
            yield _marked_up(result.link, form)


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
