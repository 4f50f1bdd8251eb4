"""Which URLs are taken, and how they are shown in logs."""

import re
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from requests import PreparedRequest
from requests.exceptions import InvalidURL

from workers.errors import DownloadError, Reason

MAX_URL_LENGTH = 8192
"""Characters. Servers commonly refuse request lines beyond 8 KB (RFC 9112, section 3, asks for
8000 bytes at least)."""

_HOST = r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?"
_PORT = (
    r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}"
    r"|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
)
_ORIGIN = rf"https?://{_HOST}(?::{_PORT})?"
# The common form, decided in one match; whatever differs from it is looked at piece by piece.
_is_plain = re.compile(rf"{_ORIGIN}(?:[/?#][!-\[\]-~]*)?", re.ASCII).fullmatch
_is_plain_origin = re.compile(_ORIGIN, re.ASCII).fullmatch
_PLAIN = bytes(byte for byte in range(ord("!"), ord("~") + 1) if byte != ord("\\"))
_BEHIND_SCHEME = len("https://")
_is_host = re.compile(_HOST, re.ASCII).fullmatch
_find_forbidden = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff\\]").search
_match_scheme = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,19}):", re.ASCII).match

_SHOWN_LENGTH = 300
_is_shown_host = re.compile(r"(?:[^\s:@\\\[\]]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?").fullmatch
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def check_url(url: str) -> None:
    """Refuse a URL that no attempt could ever download.

    Only its form is judged; where the host leads to is the guard's business. A fragment is
    allowed, and not sent.

    Raises:
        DownloadError: with a sentence that says what to change.
    """
    if len(url) <= MAX_URL_LENGTH and _is_plain(url):
        return
    _check_in_detail(url)


def are_plain(urls: Collection[str]) -> bool:
    """Whether `check_url` takes all of these, as far as that can be told at a look.

    For a job of many URLs a fraction of the time that looking at each takes: their characters are
    looked at all together, and each origin once. False says nothing.
    """
    text = "\n".join(urls)
    if not text.isascii() or text.count("\n") != len(urls) - 1:
        return False
    if text.encode().translate(None, _PLAIN + b"\n") or max(map(len, urls)) > MAX_URL_LENGTH:
        return False
    # Without a slash behind the host, find gives -1: modulo, the whole text.
    origins = {url[: url.find("/", _BEHIND_SCHEME) % (len(url) + 1)] for url in urls}
    return all(map(_is_plain_origin, origins))


def mask_url(url: str) -> str:
    """The URL for a log line: without credentials, query values and fragment.

    Names of query parameters stay, since they help to tell URLs apart; a value may be a signature
    that opens the image to anybody. Takes any text, and never raises.
    """
    base, _, query = url.partition("#")[0].partition("?")
    scheme, separator, rest = base.partition("://")
    if separator:
        authority, slash, path = rest.partition("/")
        authority = authority.rpartition("@")[2]
        if not _is_shown_host(authority):
            # Where the credentials end cannot be told, so nothing after them is shown.
            return _shorten(f"{scheme.rpartition('@')[2]}://…")
        shown = f"{scheme}://{authority}{slash}{path}"
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


def _check_in_detail(url: str) -> None:
    if not url:
        raise _refusal(Reason.URL_INVALID, "The URL is empty.")
    if len(url) > MAX_URL_LENGTH:
        raise _refusal(
            Reason.URL_TOO_LONG,
            f"The URL has {len(url)} characters; {MAX_URL_LENGTH} are allowed.",
        )
    if _find_forbidden(url):
        # Parsers disagree about these characters (CWE-20), and none belongs into a URL.
        raise _refusal(
            Reason.URL_INVALID,
            "The URL holds a space, a control character or a backslash; percent-encode it"
            " (a space is %20).",
        )
    _check_scheme(url)
    _check_authority(url)


def _check_scheme(url: str) -> None:
    scheme = _match_scheme(url)
    if scheme is None or "://" not in url:
        if scheme is not None and scheme[1].lower() in ("http", "https"):
            raise _refusal(
                Reason.URL_INVALID, f"The URL has no host: {scheme[1]}:// must come before it."
            )
        raise _refusal(
            Reason.URL_SCHEME, "The URL must be absolute and begin with http:// or https://."
        )
    if scheme[1].lower() not in ("http", "https"):
        raise _refusal(
            Reason.URL_SCHEME,
            f"Only http and https URLs can be downloaded, not {scheme[1].lower()}.",
        )


def _check_authority(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _refusal(Reason.URL_INVALID, "The URL's host is not a valid address.") from None
    if "@" in parts.netloc:
        raise _refusal(
            Reason.URL_CREDENTIALS,
            "The URL holds a user name or password; only images that need none can be fetched.",
        )
    if not parts.hostname:
        raise _refusal(Reason.URL_INVALID, "The URL has no host.")
    _check_port(parts)
    _check_host(parts, url)


def _check_port(parts: SplitResult) -> None:
    try:
        port = parts.port
    except ValueError:
        port = 0
    # Port 0 is worse than useless: libraries take it for "none given" and use the default.
    if port == 0 or parts.netloc.endswith(":"):
        raise _refusal(Reason.URL_INVALID, "The URL's port must be a number from 1 to 65535.")


def _check_host(parts: SplitResult, url: str) -> None:
    # Whether a name outside ASCII can be encoded is for the library that sends it to say. It also
    # decodes %61 in a host, which a client that means well has no need of.
    request = PreparedRequest()
    try:
        request.prepare_url(url, None)
        sent = urlsplit(request.url or "").hostname or ""
    except (InvalidURL, ValueError):
        sent = ""
    is_address = parts.netloc.startswith("[")
    if "%" in parts.netloc or not (is_address or _is_host(sent)):
        raise _refusal(
            Reason.URL_INVALID,
            "The URL's host is not a valid name: a name has letters, digits and hyphens, and"
            " at most 63 of them between dots.",
        )


def _refusal(reason: Reason, message: str) -> DownloadError:
    return DownloadError(reason, message)
