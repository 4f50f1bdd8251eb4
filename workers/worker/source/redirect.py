"""Where a redirect leads, or a reference of a page: read as browsers read it."""

import re
from urllib.parse import urlsplit

from workers.contract.errors import DownloadError, Reason
from workers.contract.wire_url import LINE_BREAKS, SURROUNDING, wire_url

# The parts of a reference by RFC 3986 (appendix B), without a fragment.
_match_parts = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(//[^/?]*)?([^?]*)(\?.*)?", re.DOTALL
).fullmatch
_match_authority = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?[/\\]{2}([^/?#]*)").match
_STRAY_BYTE = re.compile(r"[\udc80-\udcff]")


def redirect_target(location: str, base: str) -> str:
    """The URL to ask next, as `wire_url` gives it.

    Args:
        location: value of the header field, decoded as Latin-1 (RFC 9110, section 5.5).
        base: the URL that redirects.

    Raises:
        DownloadError: it is invalid, or its target cannot be downloaded.
    """
    text = _read(location)
    if not text:
        raise _bad_answer("The source redirects without saying where to.")
    try:
        return resolve(text, base)
    except ValueError as error:
        raise _bad_answer("The source redirects to something that is no URL.") from error
    except DownloadError as error:
        raise DownloadError(
            error.reason, f"The source redirects to a URL that cannot be used. {error.message}"
        ) from error


def resolve(reference: str, base: str) -> str:
    """The URL that a reference means, as `wire_url` gives it.

    Args:
        reference: as it stands in a redirect or a page.
        base: the URL that it stands at.

    Raises:
        ValueError: it is none.
        DownloadError: it cannot be downloaded.
    """
    text = reference.strip(SURROUNDING).translate(LINE_BREAKS)
    target = _resolve(_reference(text), wire_url(base))
    urlsplit(target)  # for brackets that hold no address: a fault of the answer
    return wire_url(target)


def _read(location: str) -> str:
    """Decode a Location.

    Most servers send UTF-8. Bytes that are none belong to a path in another charset; browsers
    percent-encode them as they are (Chromium: HttpResponseHeaders::IsRedirect),
    so that the server gets back the bytes of its own file name.
    """
    text = location.encode("latin-1").decode("utf-8", "surrogateescape")
    text = _STRAY_BYTE.sub(lambda found: f"%{ord(found[0]) - 0xDC00:02X}", text)
    return text.strip(SURROUNDING).translate(LINE_BREAKS)


def _reference(text: str) -> str:
    """Remove the fragment, and replace backslashes with slashes as browsers do."""
    found = _match_authority(text)
    # In "http://a\@b/" browsers read a as the host, others take it for a user name at the host b.
    if found is not None and "\\" in found[1].rpartition("@")[0]:
        raise DownloadError(
            Reason.URL_CREDENTIALS, "It holds a user name, or a backslash behind its host."
        )
    path, mark, query = text.partition("#")[0].partition("?")
    return path.replace("\\", "/") + mark + query


def _resolve(reference: str, base: str) -> str:
    """RFC 3986, section 5.2, with its exception for `http:path`, which browsers make as well.

    A Location that names its host goes out as it is. Its path may be signed, dots included. Not
    `urljoin`, which drops empty segments of paths and empty queries.
    """
    scheme, authority, path, query = _parts(reference)
    base_scheme, base_authority, base_path, base_query = _parts(base)
    if scheme and (scheme.lower() != base_scheme or _names_a_host(authority)):
        return reference
    if _names_a_host(authority):
        return f"{base_scheme}:{reference}"
    if not path:
        path, query = base_path, query or base_query
    elif path.startswith("/"):
        path = _without_dots(path)
    else:
        path = _without_dots(f"{base_path.rpartition('/')[0]}/{path}")
    return f"{base_scheme}:{base_authority}{path}{query}"


def _parts(reference: str) -> tuple[str, str, str, str]:
    found = _match_parts(reference)
    scheme, authority, path, query = found.groups("") if found is not None else ("", "", "", "")
    return scheme, authority, path, query


def _names_a_host(authority: str) -> bool:
    # "http:///path" is sent by servers that do not know their name, and means the same host.
    return len(authority) > len("//")


def _without_dots(path: str) -> str:
    """RFC 3986, section 5.2.4; the path begins with a slash."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _bad_answer(message: str) -> DownloadError:
    return DownloadError(Reason.SOURCE_BAD_ANSWER, message)
