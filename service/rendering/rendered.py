"""Renders JSON responses, and handles conditional requests."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Final

import falcon
from pydantic_core import PydanticSerializationError, to_json

CACHING: Final = "private, no-cache"
"""Cache-Control: the client may store a response, and must revalidate it at each use."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered response.

    Attributes:
        tag: strong ETag without quotes (RFC 9110, section 8.8.1): for one URL, equal tags mean
            equal bytes.
        pieces: the JSON, to be joined.
    """

    tag: str
    pieces: tuple[bytes, ...]


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
