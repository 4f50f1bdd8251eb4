"""Reads lists of URLs, and finds the entries that cannot be URLs of images."""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_LONGEST_URL = 8192
"""Characters, the service's own limit; a data URL may be longer."""

_SURROUNDING = "".join(map(chr, range(ord(" ") + 1)))
_NOT_IN_HOST = re.compile(r"[\s\x00-\x1f\x7f-\x9f\\%/?#\ufffd]")
_HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")
# The second branch takes what has none: the search would begin again at each of its slashes.
_CREDENTIALS = re.compile(r":/++(?:([^?#]*@)|[^?#]*)")
_UTF_16 = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE  # as PowerShell writes redirected output
_TABLES = ".csv", ".tsv"
_DELIMITERS = "\x1f,;\t"  # the first one where the head has none: a URL may have commas
_TEXT_SHOWN = 200  # characters
_split_lines = re.compile(r"\r\n?|\n").split
_is_data_url = re.compile(r"[\x00-\x20]*data:", re.IGNORECASE | re.ASCII).match
_match_http = re.compile(r"https?:/{1,3}([^/?#]*)", re.IGNORECASE | re.ASCII).match


class UrlListError(Exception):
    """A list cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    value: str  # as written; the JSON of an entry that is no string
    place: str  # for people: `list.txt:3`
    is_text: bool = True  # False for JSON that is no string


@dataclass(frozen=True, slots=True)
class SetAside:
    """An entry that is not sent, and the reason."""

    entry: Entry
    why: str

    @property
    def shown(self) -> str:
        """The entry, shortened and without a password."""
        if _is_data_url(self.entry.value):
            return self.entry.value[:_TEXT_SHOWN].partition(",")[0] + ",…"
        text = _CREDENTIALS.sub(lambda found: "://…@" if found[1] else found[0], self.entry.value)
        return text if len(text) <= _TEXT_SHOWN else text[:_TEXT_SHOWN] + "…"


def read_list(content: bytes, name: str) -> Iterator[Entry]:
    """Yield the entries of a list: one URL a line, a JSON array, `{"urls": […]}`, or a table.

    A table is a file named .csv or .tsv with a head above its columns; all URLs in it count, as of
    a line with tabs. Blank lines and lines that begin with # are skipped. The name of the file is
    for places and messages.

    Raises:
        UrlListError: neither UTF-8 nor UTF-16, or JSON of another shape.
    """
    is_table = name.lower().endswith(_TABLES)
    # Excel writes other columns in the system's own charset; of a URL it would be half a character.
    errors = "surrogateescape" if is_table else "strict"
    try:
        if content.startswith(_UTF_16):
            text = content.decode("utf-16")
        else:
            text = content.decode("utf-8-sig", errors)
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise UrlListError(f"{name}:{number}: not {error.encoding.upper()}") from error
    # No URL begins so.
    if text.lstrip().startswith(("[", "{")):
        yield from _read_json(text, name)
        return
    if is_table and _is_head(head := _split_lines(text, 1)[0]):
        yield from _read_table(text, max(_DELIMITERS, key=head.count), name)
        return
    for number, line in enumerate(_split_lines(text), 1):
        value = line.strip().removeprefix("\ufeff")  # of the second of two files in one pipe
        if value and not value.startswith("#"):
            # Tabs stand between cells of a spreadsheet, but in a data URL.
            urls = [] if _is_data_url(value) else _urls_among(value.split("\t"))
            yield from (Entry(url, f"{name}:{number}") for url in urls or [value])


def sort_out(entries: Iterable[Entry]) -> tuple[list[Entry], list[SetAside]]:
    """Return the entries to send, and those set aside, each in their order."""
    good: list[Entry] = []
    aside: list[SetAside] = []
    for entry in entries:
        why = _fault_of(entry)
        if why is None:
            good.append(entry)
        else:
            aside.append(SetAside(entry, why))
    return good, aside


def _read_json(text: str, name: str) -> Iterator[Entry]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise UrlListError(f"{name}:{error.lineno}: not JSON: {error.msg}") from error
    except (RecursionError, ValueError) as error:
        raise UrlListError(f"{name}: JSON that cannot be read") from error
    if isinstance(found, dict):
        further = [key for key in found if key != "urls"]
        if further:
            raise UrlListError(f"{name}: only 'urls' is read, and there is {further[0]!r} as well")
        found = found.get("urls")
    if not isinstance(found, list):
        raise UrlListError(f"{name}: expected a JSON array of URLs, or {{'urls': […]}}")
    for number, value in enumerate(found, 1):
        place = f"{name}: entry {number}"
        if isinstance(value, str):
            yield Entry(value, place)
        else:
            yield Entry(json.dumps(value), place, is_text=False)


def _is_head(line: str) -> bool:
    is_entry = line.startswith("#") or _match_http(line.strip()) or _is_data_url(line)
    return bool(line.strip()) and not is_entry


def _urls_among(cells: Iterable[str]) -> list[str]:
    return [cell for cell in map(str.strip, cells) if _match_http(cell) or _is_data_url(cell)]


def _read_table(text: str, delimiter: str, name: str) -> Iterator[Entry]:
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # a data URL may be long
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    head = 2 if text[:4].lower() == "sep=" else 1  # Excel's own line, `sep=;`
    try:
        for row in rows:
            place = f"{name}:{rows.line_num}"
            urls, row_text = _urls_among(row), delimiter.join(row).strip()
            if not urls and any(map(str.strip, row)) and (rows.line_num > head or "/" in row_text):
                urls = [row_text]  # to be set aside, unlike a head
            yield from (Entry(url, place) for url in urls)
    except csv.Error as error:
        raise UrlListError(f"{name}:{rows.line_num}: not a table: {error}") from error


def _fault_of(entry: Entry) -> str | None:
    if not entry.is_text:
        return "not a text"
    if _is_data_url(entry.value):
        return None if "," in entry.value else "a data URL without a comma before its data"
    url = entry.value.strip(_SURROUNDING)
    found = _match_http(url)
    if found is None:
        return "not an http or https URL, nor a data URL"
    if len(entry.value) > _LONGEST_URL:
        return f"longer than {_LONGEST_URL} characters"
    if _HALF_CHARACTER.search(url):
        return "holds half a character"
    return _host_fault_of(found[1])


def _host_fault_of(authority: str) -> str | None:
    host = unquote(authority)
    if _NOT_IN_HOST.search(host):
        return "has a space, a control character, a backslash, a % or the like in its host"
    try:
        parts = urlsplit(f"//{authority}")
        _port = parts.port
    except ValueError:
        return "has no valid host or port"
    if not parts.hostname:
        return "has no host"
    return "holds a user name or password" if "@" in host else None
