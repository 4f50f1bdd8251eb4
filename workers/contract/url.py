"""Validation of URLs, and their masked form for logs."""

import re
from collections.abc import Sequence

from workers.contract.data_url import SCHEME as DATA_SCHEME, is_shown_form
from workers.contract.wire_url import MAX_URL_LENGTH, ORIGIN, PLAIN

_PLAIN = f"{PLAIN}#".encode()
_is_plain_origin = re.compile(ORIGIN, re.ASCII | re.IGNORECASE).fullmatch
_BEHIND_SCHEME = len("https://")
_LOOKED_AT = 256  # URLs at a time: 2 MB at most

_SHOWN_LENGTH = 300
_is_shown_host = re.compile(r"(?:[^\s:@\\\[\]]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?").fullmatch
_find_slashes = re.compile(r":/{1,3}").search
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def are_plain(urls: Sequence[str]) -> bool:
    """Return True if `wire_url` accepts all of these; a fast check for many URLs.

    It checks the characters of a group of URLs at once, and each distinct origin once. False only
    means that `wire_url` must check each.
    """
    # In groups: a check of all would block other threads and take memory for a copy.
    parts = (urls[at : at + _LOOKED_AT] for at in range(0, len(urls), _LOOKED_AT))
    return all(map(_are_plain, parts))


def _are_plain(urls: Sequence[str]) -> bool:
    if max(map(len, urls)) > MAX_URL_LENGTH:  # first: a data URL may have megabytes
        return False
    text = "\n".join(urls)
    breaks = len(urls) - 1
    if not text.isascii() or text.encode().translate(None, _PLAIN) != b"\n" * breaks:
        return False
    (first,) = _origins(urls[:1])
    # Most jobs have one: to count it takes a tenth of the time.
    is_only = text.count(f"\n{first}/") == breaks
    return all(map(_is_plain_origin, [first] if is_only else _origins(urls)))


def _origins(urls: Sequence[str]) -> set[str]:
    # Without a slash after the host, find returns -1: modulo, the whole text.
    return {url[: url.find("/", _BEHIND_SCHEME) % (len(url) + 1)] for url in urls}


def mask_url(url: str) -> str:
    """Return a URL for a log line: without credentials, query values and fragment.

    Names of query parameters stay, as they help to tell URLs apart; a value may be a signature
    that grants access. Takes any text, never raises.
    """
    if url.startswith(DATA_SCHEME) and is_shown_form(url):
        return url
    base, _, query = url.partition("#")[0].partition("?")
    slashes = _find_slashes(base)
    if slashes is not None:
        scheme = base[: slashes.start()]
        authority, slash, path = base[slashes.end() :].partition("/")
        authority = authority.rpartition("@")[2]
        if not _is_shown_host(authority):
            # The end of the credentials is ambiguous, so nothing after them is shown.
            return _shorten(f"{scheme.rpartition('@')[2]}://…")
        shown = f"{scheme}{slashes[0]}{authority}{slash}{path}"
    else:
        shown = base.rpartition("@")[2]
    if query:
        shown += "?" + "&".join(_mask_parameter(parameter) for parameter in query.split("&"))
    return _shorten(shown)


def _mask_parameter(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    return f"{name}=…" if equals else "…"


def _shorten(text: str) -> str:
    text = _UNPRINTABLE.sub("�", text[:_SHOWN_LENGTH])
    return text if len(text) < _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 1] + "…"
