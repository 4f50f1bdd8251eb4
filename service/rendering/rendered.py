"""Renders JSON responses and static documents, and handles conditional requests."""

import gzip
import hashlib
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from http import HTTPStatus
from typing import Final

import falcon
from pydantic_core import PydanticSerializationError, to_json

CACHING: Final = "private, no-cache"
"""Cache-Control: the client may store a response, and must revalidate it at each use."""

POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Content security policy without any script."""


@dataclass(frozen=True, slots=True)
class Rendered:
    # Strong ETag without quotes (RFC 9110, section 8.8.1): equal tags for one URL mean equal bytes.
    tag: str
    pieces: tuple[bytes, ...]  # the JSON, to be joined


def identify(resp: falcon.Response, tag: str) -> None:
    """Set the ETag and Cache-Control of a response."""
    resp.etag = tag
    resp.cache_control = [CACHING]


def is_known(req: falcon.Request, resp: falcon.Response, tag: str) -> bool:
    """Respond with 304 if the client has this state already.

    Returns:
        Whether it did (RFC 9110, section 13.1.2: weak comparison, where a tag equals its weak
        form; ``*`` matches any).
    """
    # Falcon confuses the tag "*" with the asterisk, which has no quotes.
    is_any = (req.get_header("If-None-Match") or "").strip() == "*"
    if not is_any and tag not in (req.if_none_match or ()):
        return False
    identify(resp, tag)
    resp.status = HTTPStatus.NOT_MODIFIED
    return True


def iso_time(seconds: float) -> str:
    """Format seconds since the epoch as ``YYYY-MM-DDTHH:mm:ss.sssZ`` (ISO 8601)."""
    fraction, whole = math.modf(seconds)
    more, thousandths = divmod(round(fraction * 1_000_000) // 1000, 1000)
    return f"{_second(int(whole) + more)}.{thousandths:03d}Z"


@lru_cache(maxsize=1024)
def _second(whole: int) -> str:
    """Format a whole second; cached, as a page has up to 10,000 timelines."""
    return datetime.fromtimestamp(whole, UTC).isoformat(timespec="seconds")[:19]


def render(value: object) -> bytes:
    """Render a value as JSON in UTF-8."""
    try:
        return to_json(value)
    except (PydanticSerializationError, UnicodeError):
        # A lone surrogate, from another server's response, has no UTF-8 form. As an escape it is
        # still JSON, and one character must not hide a whole job.
        return json.dumps(value).encode()


@dataclass(frozen=True, eq=False)
class Document:
    content: bytes
    media_type: str
    policy: str = POLICY  # Content-Security-Policy
    caching: str | None = None  # Cache-Control; None for revalidation at each use

    @cached_property
    def _plain(self) -> tuple[str, bytes]:
        return hashlib.sha256(self.content).hexdigest()[:32], self.content

    @cached_property
    def _compressed(self) -> tuple[str, bytes]:
        # A strong tag identifies bytes, so the compressed form has its own.
        tag, content = self._plain
        return f"{tag}-gzip", gzip.compress(content, mtime=0)

    def send(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Respond with the document, or with 304 if the client has it."""
        resp.set_header("Content-Security-Policy", self.policy)
        resp.append_header("Vary", "Accept-Encoding")
        compressed = _takes_gzip(req)
        tag, content = self._compressed if compressed else self._plain
        if not is_known(req, resp, tag):
            identify(resp, tag)
            resp.content_type = self.media_type
            resp.data = content
            if compressed:
                resp.set_header("Content-Encoding", "gzip")
        if self.caching is not None:
            resp.cache_control = [self.caching]


def _takes_gzip(req: falcon.Request) -> bool:
    """Return whether gzip is accepted (RFC 9110, section 12.5.3); a weight of 0 refuses it."""
    for entry in (req.get_header("Accept-Encoding") or "").lower().split(","):
        coding, _, weight = entry.replace(" ", "").partition(";")
        if coding in {"gzip", "x-gzip"}:
            return weight.removeprefix("q=").strip("0.") != "" or not weight
    return False
