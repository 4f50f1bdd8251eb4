"""The images that an HTML page names as its own.

Read by the tokenizer of the standard library. A page is anybody's text: nothing is built of it, so
that what is nested deeply costs no more than what is not, and it is fed in pieces until the time
for it is over. Why this parser and none of the others: docs/decisions/0023-pages-and-data-urls.md.
"""

import codecs
import re
import time
from collections.abc import Callable
from functools import partial
from html.parser import HTMLParser
from typing import Final

from workers.contract.wire_url import MAX_URL_LENGTH

PARSE_SECONDS: Final = 0.5
"""Of the processor. Pages take some milliseconds; some that are made for it take hours."""

_PIECE_CHARACTERS: Final = 8192
_DECLARED_WITHIN: Final = 1024  # bytes (HTML, 4.2.5.4)
_MOST_NAMED: Final = 16  # of each kind; the first one that can be used is taken

# As pages write them: in `property` (RDFa) or `name`. https://ogp.me, Cards of X.
_KINDS: Final = {
    "og:image": 0,
    "og:image:url": 0,
    "og:image:secure_url": 0,
    "twitter:image": 1,
    "twitter:image:src": 1,
}
_IMAGE_SRC: Final = 2

_find_own_charset = re.compile(
    rb"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([\w:.-]{1,40})", re.IGNORECASE
).search
_find_charset = re.compile(
    r";\s*charset\s*=\s*[\"']?([\w:.-]{1,40})", re.IGNORECASE | re.ASCII
).search
# In an attribute no reference ends at an equals sign: `?w=1&region=us` (HTML, 13.2.5.73). Python's
# parser reads `&reg` there.
_escape_parameters = partial(re.compile(r"&(?=[A-Za-z0-9]+=)").sub, "&amp;")
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# The encodings of the Encoding Standard that Python has, by Python's names. Others are not tried:
# some of Python's are no encodings of text, and some take the square of its length.
_ENCODINGS: Final = frozenset(
    {
        *("utf-8", "utf-16-le", "utf-16-be", "gb18030", "big5", "euc_jp", "iso2022_jp"),
        *("shift_jis", "euc_kr", "koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "cp866"),
        *("cp874", "tis-620", *(f"cp125{number}" for number in range(9))),
        *(f"iso8859-{number}" for number in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)),
    }
)
_READ_AS: Final = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "utf-16": "utf-16-le",
}
"""What browsers read under names that Python takes at their word."""


def page_images(
    content: bytes, content_type: str = "", cpu_clock: Callable[[], float] = time.thread_time
) -> tuple[list[str], str]:
    """The images that a page names, the best first, and the base that it gives for its URLs.

    Args:
        content: the page, or its beginning.
        content_type: the header field that it came with.
        cpu_clock: seconds of the processor that this thread has taken.

    Returns:
        References as they stand in og:image, then twitter:image, then link rel=image_src; each of
        them in the order of the page. The base is empty where the page has none.
    """
    text = _escape_parameters(_decode(content, content_type))
    reader = _Reader()
    until = cpu_clock() + PARSE_SECONDS
    for start in range(0, len(text), _PIECE_CHARACTERS):
        try:
            reader.feed(text[start : start + _PIECE_CHARACTERS])
        except (AssertionError, ValueError):
            # Of the parser, where a `<![` is followed by what it does not know, or an `&#` by more
            # digits than Python reads as a number.
            break
        if reader.is_enough or cpu_clock() >= until:
            break
    return [reference for kind in reader.named for reference in kind], reader.base


class _Reader(HTMLParser):
    """Notes the images of a page.

    Attributes:
        named: references by kind, the best kind first.
        base: of the page's references.
        is_enough: whether the head is over, and something was found.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.named: tuple[list[str], list[str], list[str]] = ([], [], [])
        self.base = ""
        self._is_in_body = False

    @property
    def is_enough(self) -> bool:
        return self._is_in_body and any(self.named)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        match tag:
            case "meta" | "link" | "base":
                # Of attributes with the same name the first counts (HTML, 13.2.5.33).
                self._note(tag, {name: value or "" for name, value in reversed(attrs)})
            case "body":
                self._is_in_body = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "head":
            self._is_in_body = True

    def _note(self, tag: str, given: dict[str, str]) -> None:
        if tag == "base":
            self.base = self.base or _url_of(given.get("href", ""))
            return
        if tag == "link":
            is_image = "image_src" in given.get("rel", "").lower().split()
            kind, reference = _IMAGE_SRC if is_image else None, _url_of(given.get("href", ""))
        else:
            names = (given.get("property", ""), given.get("name", ""))
            kinds = (_KINDS.get(name.strip().lower()) for name in names)
            kind = next((found for found in kinds if found is not None), None)
            reference = _url_of(given.get("content", ""))
        if kind is not None and reference and len(self.named[kind]) < _MOST_NAMED:
            self.named[kind].append(reference)


def _url_of(value: str) -> str:
    # What is longer can be no URL. It may have a megabyte, as data: has, and urlsplit would keep
    # the last 128 of them.
    reference = value.strip()
    return reference if len(reference) <= MAX_URL_LENGTH else ""


def _decode(content: bytes, content_type: str) -> str:
    """By its byte order mark, its header, or its own word (HTML, 13.2.3.2); else as UTF-8, or as
    what browsers read in the West.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    declared = _find_charset(content_type)
    if declared is not None and (known := _encoding(declared[1])):
        return content.decode(known, "replace")
    own = _find_own_charset(content[:_DECLARED_WITHIN])
    if own is not None and (known := _encoding(own[1].decode("latin-1"))):
        # Whoever could read this word reads ASCII.
        return content.decode("utf-8" if known.startswith("utf-16") else known, "replace")
    try:
        # It may be cut in a character.
        return codecs.getincrementaldecoder("utf-8")().decode(content)
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _encoding(label: str) -> str | None:
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return None
    name = _READ_AS.get(name, name)
    return name if name in _ENCODINGS else None
