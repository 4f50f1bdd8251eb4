"""A client's headers for certain origins."""

from typing import Final
from urllib.parse import urlsplit

from workers.contract.job_options import HeadersByOrigin
from workers.contract.wire_url import wire_url

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """Return the origin of a URL: scheme, host and port (RFC 6454, section 6.2).

    The default port and a trailing dot of the name are removed.

    Raises:
        DownloadError: the URL cannot be sent.
    """
    parts = urlsplit(wire_url(url))
    host, scheme, port = parts.hostname or "", parts.scheme, parts.port
    name = f"[{host}]" if ":" in host else host.removesuffix(".")
    return f"{scheme}://{name}" + ("" if port in (None, DEFAULT_PORTS[scheme]) else f":{port}")


class SourceHeaders:
    """The headers for each hop of a download.

    Only headers for the URL's own origin are sent, and only until a redirect leads to another
    origin. Otherwise a source could redirect to any path of another origin, with the credentials
    for that.

    Args:
        by_origin: of the client.
        url: of the first hop.
    """

    def __init__(self, by_origin: HeadersByOrigin, url: str) -> None:
        self._origin = origin_of(url) if by_origin else ""
        self._headers = dict(by_origin).get(self._origin, ())

    def at(self, url: str) -> tuple[tuple[str, str], ...]:
        """Return the headers for the next hop."""
        if self._headers and origin_of(url) != self._origin:
            self._headers = ()
        return self._headers
