"""Refuses browser requests of pages of other origins.

A page can make its reader's browser send requests to an address that only the reader can reach: to
another origin, or, by DNS rebinding, to the page's own origin. Origin and Sec-Fetch-Site reveal the
first; Host, with the page's name, reveals the second. A page cannot set any of the three.

Browsers send Sec-Fetch-Site to addresses, localhost and https only (Fetch Metadata, section 2), and
no Origin with a same-origin GET. So a rebound page's reads have neither, and a request with
Accept-Language counts as a browser's too: browsers always send it, libraries rarely, and those that
fetch like a browser (Node) send Sec-Fetch-Mode as well.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

import falcon

from service.middleware.request_ids import HEADER as REQUEST_ID_HEADER
from service.problems.problems import Problem
from service.requests.json_body import shorten
from service.settings.values import DEFAULT_PORTS

EXPOSED_HEADERS: Final = (
    "Accept-Encoding",
    "Accept-Post",
    "Allow",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "X-Sandbox",
    REQUEST_ID_HEADER,
)
"""Further response headers that scripts of CORS_ORIGINS may read."""

_LOCALHOST: Final = "localhost"
_OWN_SITES: Final = frozenset({"same-origin", "none"})  # none: typed address or bookmark
_split_host = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::\d*)?").fullmatch


class BrowserOriginMiddleware:
    """Checks requests of browsers only.

    Args:
        allowed_hosts: host names of this service, in lower case. Addresses and localhost are always
            allowed: no page of another origin has them.
        cors_origins: allowed origins, in the browsers' form.
    """

    def __init__(self, allowed_hosts: Iterable[str], cors_origins: Iterable[str]) -> None:
        self._hosts = frozenset(allowed_hosts)
        self._origins = frozenset(cors_origins)

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Refuse with 403, before the body is read."""
        origin, site = req.get_header("Origin"), req.get_header("Sec-Fetch-Site")
        if origin is None and site is None and not _is_unmarked_browser(req):
            return
        host = (req.get_header("Host") or "").lower()
        if not self._is_allowed(host):
            raise Problem(
                "host-not-allowed",
                f"A browser asked for the host {shorten(host)!r}, which this service does not know "
                "as its own. If it is, add the name to the setting ALLOWED_HOSTS; or ask by an IP "
                "address.",
            )
        if origin is not None:
            if origin not in self._origins and not _is_own(origin, host):
                raise _origin_not_allowed(shorten(origin))
        elif site is not None and site not in _OWN_SITES and not _is_visit(req):
            raise _origin_not_allowed("another site")

    def process_response(self, _req: falcon.Request, resp: falcon.Response, *_: object) -> None:
        """Set Vary, as CORS headers depend on the origin (Fetch, section 3.2.5)."""
        if self._origins:
            resp.append_header("Vary", "Origin")

    def _is_allowed(self, host: str) -> bool:
        match = _split_host(host)
        if match is None:
            return False
        name = match[1].removesuffix(".")
        is_local = name == _LOCALHOST or name.endswith(f".{_LOCALHOST}")  # RFC 6761, section 6.3
        return is_local or name in self._hosts or _is_address(name)


def _is_unmarked_browser(req: falcon.Request) -> bool:
    languages, mode = req.get_header("Accept-Language"), req.get_header("Sec-Fetch-Mode")
    return languages is not None and mode is None


def _is_own(origin: str, host: str) -> bool:
    # Without the scheme: behind a TLS proxy the service does not know it.
    scheme, _, authority = origin.partition("://")
    port = DEFAULT_PORTS.get(scheme)
    return port is not None and host in {authority, authority + port}


def _is_visit(req: falcon.Request) -> bool:
    """Return whether a request is a navigation, whose response the page cannot read."""
    return req.method in {"GET", "HEAD"} and req.get_header("Sec-Fetch-Dest") == "document"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _origin_not_allowed(whose: str) -> Problem:
    return Problem(
        "origin-not-allowed",
        f"A browser asked on behalf of a page of {whose}. If that page may, add its origin to the "
        "setting CORS_ORIGINS; if it is this service's own, behind a proxy, let the proxy pass the "
        "Host header on.",
    )
