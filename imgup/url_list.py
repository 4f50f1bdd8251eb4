"""Lists of URLs as people have them, and which entries are plainly no URLs of images."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

_LONGEST_URL = 8192
"""Characters, as the service has it; a data URL may be longer."""

_SURROUNDING = "".join(map(chr, range(ord(" ") + 1)))
_NOT_IN_HOST = re.compile(r"[\s\x00-\x1f\x7f-\x9f\\%]")
_HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")
_CREDENTIALS = re.compile(r"://[^?#]*@")
_TEXT_SHOWN = 200  # characters
_is_data_url = re.compile(r"[\x00-\x20]*data:", re.IGNORECASE | re.ASCII).match
_match_http = re.compile(r"https?://([^/?#]*)", re.IGNORECASE | re.ASCII).match


class UrlListError(Exception):
    """A list cannot be read at all; the text says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a list.

    Attributes:
        value: what stands there; of JSON that is no text, its JSON.
        place: where it stands, for people: `list.txt:3`.
        is_text: whether it is a text, as every URL must be.
    """

    value: str
    place: str
    is_text: bool = True


@dataclass(frozen=True, slots=True)
class SetAside:
    """An entry that is not sent, and why."""

    entry: Entry
    why: str

    @property
    def shown(self) -> str:
        """What stands there, without a password, and shortened."""
        if _is_data_url(self.entry.value):
            return self.entry.value[:_TEXT_SHOWN].partition(",")[0] + ",…"
        text = _CREDENTIALS.sub("://…@", self.entry.value)
        return text if len(text) <= _TEXT_SHOWN else text[:_TEXT_SHOWN] + "…"


def read_list(content: bytes, name: str) -> Iterator[Entry]:
    """The entries of a list: one URL a line, or a JSON array, or `{"urls": […]}`.

    Blank lines and those that begin with # are left out.

    Args:
        content: of a file or stream.
        name: of it, for places and messages.

    Raises:
        UrlListError: it is not UTF-8, or begins as JSON and is none of such a shape.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise UrlListError(f"{name}:{number}: not UTF-8") from error
    # No URL begins so.
    if text.lstrip().startswith(("[", "{")):
        yield from _read_json(text, name)
        return
    for number, line in enumerate(text.split("\n"), 1):
        value = line.strip()
        if value and not value.startswith("#"):
            yield Entry(value, f"{name}:{number}")


def sort_out(entries: Iterable[Entry]) -> tuple[list[Entry], list[SetAside]]:
    """The entries to send, and those set aside, each in their order."""
    good: list[Entry] = []
    aside: list[SetAside] = []
    for entry in entries:
        why = _what_is_wrong(entry)
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


def _what_is_wrong(entry: Entry) -> str | None:
    if not entry.is_text:
        return "not a text"
    if _is_data_url(entry.value):
        return None if "," in entry.value else "a data URL without a comma before its data"
    return _what_is_wrong_with_link(entry)


def _what_is_wrong_with_link(entry: Entry) -> str | None:
    url = entry.value.strip(_SURROUNDING)
    found = _match_http(url)
    if found is None:
        return "not an http or https URL, nor a data URL"
    if len(entry.value) > _LONGEST_URL:
        return f"longer than {_LONGEST_URL} characters"
    if _HALF_CHARACTER.search(url):
        return "holds half a character"
    if _NOT_IN_HOST.search(found[1]):
        return "has a space, a control character, a backslash or a % in its host"
    return _what_is_wrong_with_host(url)


def _what_is_wrong_with_host(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        return "has no valid host or port"
    if not parts.hostname:
        return "has no host"
    return "holds a user name or password" if "@" in parts.netloc else None
