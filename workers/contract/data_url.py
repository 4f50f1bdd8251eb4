"""A data URL → the bytes in it, and the text that stands for it everywhere else.

Read as browsers read it: the data: URL processor of WHATWG Fetch
(https://fetch.spec.whatwg.org/#data-url-processor) and the forgiving-base64 decode of WHATWG Infra
(https://infra.spec.whatwg.org/#forgiving-base64-decode). What is read may be megabytes, so each
step goes over it in pieces: other threads get the interpreter in between.
"""

import binascii
import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

from workers.contract.errors import DownloadError, Reason

SCHEME: Final = "data:"

_PIECE_BYTES: Final = 192 * 1024  # a multiple of 4: base64 is cut between its groups
_SCHEME_LOOKED_AT: Final = 64  # characters; more white space before a URL is no accident
_SHOWN_BASE64: Final = 16  # characters, of the first 12 bytes
_SHOWN_DIGEST: Final = 16  # hex digits
_LONGEST_TYPE: Final = 64  # characters

_SURROUNDING = bytes(range(ord(" ") + 1))
_LINE_BREAKS = b"\t\n\r"
_WHITE_SPACE = b"\t\n\x0c\r "
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_ESCAPE_TAIL: Final = 2  # hex digits behind a percent sign

_STRAY_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_is_base64_mark = re.compile(rb";\x20*base64", re.IGNORECASE).fullmatch
# WHATWG MIME Sniffing, section 4.4: type and subtype are HTTP tokens.
_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_match_essence = re.compile(rb"(%b/%b)[\t\n\r ]*(?:;|\Z)" % (_TOKEN, _TOKEN)).match


is_shown_form: Final = re.compile(
    r"data:[^\s…]{1,80};base64,[A-Za-z0-9+/=]{1,16}… \([0-9,]+ bytes?, SHA-256 [0-9a-f]{16}\)",
    re.ASCII,
).fullmatch
"""Of a text: whether it is `DataUrl.shown` of some data URL."""


@dataclass(frozen=True, slots=True)
class DataUrl:
    """What a data URL holds.

    Attributes:
        shown: stands for it in answers, events, logs and lists: type, beginning, size and digest.
            Of two data URLs with the same type and bytes it is the same text, of others it is not.
            It is no data URL that could be read.
        content: the bytes.
    """

    shown: str
    content: bytes = field(repr=False)


def is_data_url(url: str) -> bool:
    """Whether a text is to be read as a data URL; also whether it is one that is shown."""
    if url.startswith(SCHEME):
        return True
    beginning = url[:_SCHEME_LOOKED_AT].encode(errors="replace").lstrip(_SURROUNDING)
    return beginning.translate(None, _LINE_BREAKS).lower().startswith(SCHEME.encode())


def read_data_url(url: str, max_bytes: int) -> DataUrl:
    """Read a data URL.

    Args:
        url: as submitted; `is_data_url` is true of it.
        max_bytes: that an image may have.

    Raises:
        DownloadError: there are no bytes in it that could be an image; a sentence says why.
    """
    try:
        text = _without(_LINE_BREAKS, url.encode()).strip(_SURROUNDING)
    except UnicodeEncodeError:
        raise _invalid("it holds half a character (a lone surrogate)") from None
    # What is behind the first # is a fragment, as in any URL.
    declared, comma, body = text.partition(b"#")[0][len(SCHEME) :].partition(b",")
    if not comma:
        raise _invalid("there is no comma before its data")
    media_type = declared.strip(_WHITE_SPACE)
    content = _percent_decode(body)
    mark = media_type.rfind(b";")  # a search by the expression takes a second for 15 MB of them
    if _is_base64_mark(media_type[mark:]):
        media_type = media_type[:mark].rstrip(b" ")
        content = _forgiving_base64(content)
    if not content:
        raise DownloadError(Reason.EMPTY, "The data URL holds no bytes.")
    if len(content) > max_bytes:
        raise DownloadError(Reason.TOO_LARGE, f"The image is larger than {max_bytes:,} bytes.")
    return DataUrl(_shown(_essence(media_type), content), content)


def beginning_of(url: str) -> str:
    """The type that a data URL declares, for a message about one that cannot be read; its data may
    be anything, so it is left out.
    """
    declared, _, _ = url[:_LONGEST_TYPE].lstrip().partition(",")
    return f"{declared},…"


def _shown(essence: str, content: bytes) -> str:
    head = binascii.b2a_base64(content[: _SHOWN_BASE64 // 4 * 3], newline=False).decode()
    digest = hashlib.sha256(content).hexdigest()[:_SHOWN_DIGEST]
    size = f"{len(content):,} byte" + ("" if len(content) == 1 else "s")
    return f"{SCHEME}{essence};base64,{head}… ({size}, SHA-256 {digest})"


def _essence(media_type: bytes) -> str:
    found = _match_essence(media_type[: 2 * _LONGEST_TYPE])  # it may have megabytes
    if found is None or len(found[1]) > _LONGEST_TYPE:
        return "text/plain"
    return found[1].decode().lower()


def _percent_decode(body: bytes) -> bytes:
    if b"%" not in body:
        return body
    decoded = []
    start = 0
    while start < len(body):
        end = start + _PIECE_BYTES
        # Not within an escape.
        cut = body.rfind(b"%", end - _ESCAPE_TAIL, end)
        end = cut if start < cut and end < len(body) else end
        decoded.append(_unescape(body[start:end]))
        start = end
    return b"".join(decoded)


def _unescape(piece: bytes) -> bytes:
    # By the decoder of Python's literals, which reads \x41 for %41: a loop takes seconds for 15 MB.
    literal = _STRAY_PERCENT.sub(b"%25", piece).replace(b"\\", rb"\\").replace(b"%", rb"\x")
    return literal.decode("unicode_escape").encode("latin-1")


def _forgiving_base64(text: bytes) -> bytes:
    packed = _without(_WHITE_SPACE, text)
    end = len(packed)
    if end % 4 == 0:
        end -= len(packed[-2:]) - len(packed[-2:].rstrip(b"="))
    decoded = []
    for start in range(0, end, _PIECE_BYTES):
        piece = packed[start : min(end, start + _PIECE_BYTES)]
        other = piece.translate(None, _BASE64)
        if other.lstrip(b"=").startswith("…".encode()):
            raise _invalid(
                "this is the short form in which such a URL is shown, and its data is not in it"
            )
        if end % 4 == 1:
            raise _invalid("its base64 is cut short")
        if other:
            raise _invalid("its base64 holds a character that base64 does not have")
        decoded.append(binascii.a2b_base64(piece + b"=" * (-len(piece) % 4)))
    return b"".join(decoded)


def _without(unwanted: bytes, text: bytes) -> bytes:
    pieces = (text[at : at + _PIECE_BYTES] for at in range(0, len(text), _PIECE_BYTES))
    return b"".join(piece.translate(None, unwanted) for piece in pieces)


def _invalid(why: str) -> DownloadError:
    return DownloadError(Reason.URL_INVALID, f"The data URL cannot be read: {why}.")
