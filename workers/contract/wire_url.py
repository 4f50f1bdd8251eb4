"""Converts a submitted URL to the ASCII URL that is requested, or refuses it.

Clients submit URLs that work in a browser, and signed ones. So hosts are parsed as in browsers (URL
Standard, https://url.spec.whatwg.org/), and the rest is changed only where it cannot be sent:
escapes, a stray %, dots, doubled slashes and a bare ? stay.

Where parsers disagree about the host, the URL is refused: a check of one reading would not hold
for a request with the other.
"""

import re
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import quote, unquote

from idna import IDNAError, uts46_remap

from workers.contract.errors import DownloadError, Reason

MAX_URL_LENGTH: Final = 8192
"""Characters, as submitted and as sent. Servers commonly refuse request lines beyond 8 KB
(RFC 9112, section 3, asks for 8000 bytes at least)."""

_MAX_NAME_LENGTH: Final = 253  # characters of a host name (RFC 1035, section 2.3.4)
_MAX_LABEL_LENGTH: Final = 63

_HOST: Final = r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?"
_PORT: Final = (
    r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}"
    r"|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
)
ORIGIN: Final = rf"https?://{_HOST}(?::{_PORT})?"
"""The common form of scheme, host and port, in lower case."""

PLAIN: Final = "".join(
    char for char in map(chr, range(ord("!"), ord("~") + 1)) if char not in '"#<>\\'
)
"""Characters that stay unchanged in path and query.

Browsers and curl differ in what they encode. Browsers encode controls, space, ", <, > and non-ASCII
characters in paths and queries alike, and strict servers refuse them. # and \\ have a meaning.
"""

_is_wire_url = re.compile(rf"{ORIGIN}(?:[/?][{re.escape(PLAIN)}]*)?", re.ASCII).fullmatch
_match_sent_origin = re.compile(r"https?://[^/?]*").match
_is_host = re.compile(_HOST, re.ASCII).fullmatch
_match_port = re.compile(rf"0*({_PORT})", re.ASCII).fullmatch
_match_beginning = re.compile(
    r"([a-z][a-z0-9+.-]{0,19}):(?:/{1,3}([^/?#]*))?", re.ASCII | re.IGNORECASE
).match
"""With one to three slashes, as browsers and curl take them."""

SURROUNDING: Final = "".join(map(chr, range(ord(" ") + 1)))
"""Controls and spaces, which browsers strip from both ends of a URL."""

LINE_BREAKS: Final = dict.fromkeys(map(ord, "\t\n\r"))
"""For `str.translate`: line breaks of mail programs and editors, which browsers remove."""


def wire_url(url: str) -> str:
    """Return the URL for the HTTP library, without a fragment.

    Checks only the form; the guard checks the addresses of the host.

    Raises:
        DownloadError: the URL can never be downloaded; the sentence says what to change.
    """
    if len(url) > MAX_URL_LENGTH:
        raise _too_long(f"The URL has {len(url)} characters")
    if _is_wire_url(url):
        return url
    text = url.strip(SURROUNDING)
    if not text:
        raise _invalid("The URL is empty.")
    scheme, authority, rest = _split(text)
    wire = f"{scheme}://{_read_authority(authority)}{_encode(rest.partition('#')[0])}"
    if len(wire) > MAX_URL_LENGTH:
        raise _too_long(f"Percent-encoded, the URL has {len(wire)} characters")
    return wire


def origin_and_target(wire: str) -> tuple[str, str]:
    """Return scheme, host and port; and path and query for the request line.

    Args:
        wire: result of `wire_url`.
    """
    origin = _match_sent_origin(wire)[0]  # type: ignore[index] # it is a wire URL
    target = wire[len(origin) :]
    return origin, target if target.startswith("/") else f"/{target}"


def _split(text: str) -> tuple[str, str, str]:
    """Scheme, authority, and what follows them."""
    found = _match_beginning(text)
    scheme = "" if found is None else found[1].lower()
    if not text[0].isprintable():  # a byte order mark or another kind of space, pasted with it
        raise DownloadError(
            Reason.URL_SCHEME,
            f"The URL begins with an invisible character (U+{ord(text[0]):04X}); remove it.",
        )
    if found is None or (found[2] is None and scheme not in ("http", "https")):
        raise DownloadError(
            Reason.URL_SCHEME, "The URL must be absolute and begin with http:// or https://."
        )
    if scheme not in ("http", "https"):
        raise DownloadError(
            Reason.URL_SCHEME, f"Only http and https URLs can be downloaded, not {scheme}."
        )
    if found[2] is None:
        raise _invalid(f"The URL has no host: {scheme}:// must come before it.")
    return scheme, found[2], text[found.end() :]


def _read_authority(authority: str) -> str:
    # At a backslash browsers end the host; others parse it as part of host or user name.
    if "\\" in authority:
        raise _invalid("The URL's host is followed by a backslash; write a slash.")
    if "@" in authority:
        raise DownloadError(
            Reason.URL_CREDENTIALS,
            "The URL holds a user name or password; only images that need none can be fetched.",
        )
    colon = authority.find(":", authority.rfind("]") + 1)
    if colon < 0:
        return _read_host(authority)
    return _read_host(authority[:colon]) + _read_port(authority[colon + 1 :])


def _read_port(port: str) -> str:
    if not port:
        return ""  # "http://host:/" means the default port to every client
    found = _match_port(port)
    # Port 0 is refused: libraries treat it as missing and use the default.
    if found is None:
        raise _invalid("The URL's port must be a number from 1 to 65535.")
    return f":{found[1]}"


# A job has few hosts, and a non-ASCII one takes a hundred times as long as another.
@lru_cache(maxsize=1024)
def _read_host(host: str) -> str:
    if not host:
        raise _invalid("The URL has no host.")
    if host.startswith("["):
        return _read_address(host)
    try:
        host = unquote(host, errors="strict")
    except UnicodeDecodeError:
        raise _bad_name() from None
    name = host.lower() if host.isascii() else _to_ascii(host)
    if not _is_host(name):
        raise _bad_name()
    return name


def _read_address(host: str) -> str:
    try:
        address = IPv6Address(host[1:-1])
    except ValueError:
        address = None
    # A zone (fe80::1%eth0) is valid on the sender's own machine only.
    if address is None or address.scope_id is not None or not host.endswith("]"):
        raise _invalid("The URL's host is not a valid address.")
    return f"[{address.compressed}]"


def _to_ascii(name: str) -> str:
    """Encode as browsers do (UTS 46, non-transitional): it allows emoji, unlike IDNA 2008."""
    # Check the length first: encoding takes quadratic time.
    if len(name) > _MAX_NAME_LENGTH:
        raise _bad_name()
    try:
        mapped = uts46_remap(name, std3_rules=False)
    except IDNAError:
        raise _bad_name() from None
    return ".".join(map(_label_to_ascii, mapped.split(".")))


def _label_to_ascii(label: str) -> str:
    if label.isascii():
        return label
    if len(label) > _MAX_LABEL_LENGTH or label.startswith("xn--"):
        raise _bad_name()
    return "xn--" + label.encode("punycode").decode("ascii")


def _encode(rest: str) -> str:
    path, mark, query = rest.translate(LINE_BREAKS).partition("?")
    rest = path.replace("\\", "/") + mark + query
    try:
        return quote(rest, safe=PLAIN + "\\")
    except UnicodeEncodeError:
        raise _invalid("The URL holds half a character (a lone surrogate).") from None


def _bad_name() -> DownloadError:
    return _invalid(
        "The URL's host is not a valid name: a name has letters, digits, hyphens and underscores,"
        " at most 63 of them between dots."
    )


def _invalid(message: str) -> DownloadError:
    return DownloadError(Reason.URL_INVALID, message)


def _too_long(beginning: str) -> DownloadError:
    return DownloadError(Reason.URL_TOO_LONG, f"{beginning}; {MAX_URL_LENGTH} are allowed.")
