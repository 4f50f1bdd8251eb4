"""Headers that a client wants sent along to the origins it names, and to no other."""

from typing import Final
from urllib.parse import urlsplit

from workers.contract.job_options import HeadersByOrigin
from workers.contract.wire_url import wire_url

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """Scheme, host and port that a URL is sent to (RFC 6454, section 6.2).

    The usual port is left out, and a dot behind the name.

    Raises:
        DownloadError: the URL cannot be sent.
    """
    parts = urlsplit(wire_url(url))
    host, scheme, port = parts.hostname or "", parts.scheme, parts.port
    name = f"[{host}]" if ":" in host else host.removesuffix(".")
    return f"{scheme}://{name}" + ("" if port in (None, DEFAULT_PORTS[scheme]) else f":{port}")


class SourceHeaders:
    """What to send along on the way of one URL, hop by hop.

    Only what was named for the URL's own origin is sent, and only as long as no redirect has led
    elsewhere. Else a source could have another one asked for whatever it likes, with credentials
    that were not meant for it.

    Args:
        by_origin: as the client gave them.
        url: the URL to begin with.
    """

    def __init__(self, by_origin: HeadersByOrigin, url: str) -> None:
        self._origin = origin_of(url) if by_origin else ""
        self._headers = dict(by_origin).get(self._origin, ())

    def at(self, url: str) -> tuple[tuple[str, str], ...]:
        """Those for the next hop."""
        if self._headers and origin_of(url) != self._origin:
            self._headers = ()
        return self._headers
