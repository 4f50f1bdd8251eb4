"""How answers become bytes, and how a client that has one already is told so."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Final

import falcon
from pydantic_core import PydanticSerializationError, to_json

from service.rendering.models import Counts
from workers import JobChanges, JobOverview

CACHING: Final = "private, no-cache"
"""Whoever may see an answer may keep it, and must ask each time whether it is still true."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer.

    Attributes:
        tag: names its state, without quotes. Strong (RFC 9110, section 8.8.1): of one URL, the
            same tag is the same bytes.
        pieces: its JSON, to be joined.
    """

    tag: str
    pieces: tuple[bytes, ...]


def identify(resp: falcon.Response, tag: str) -> None:
    """Say which state of the resource an answer shows."""
    resp.etag = tag
    resp.cache_control = [CACHING]


def is_known(req: falcon.Request, resp: falcon.Response, tag: str) -> bool:
    """Answer a client that has this state already with 304, and nothing else.

    Returns:
        Whether the request is answered (RFC 9110, section 13.1.2: weak comparison, where a tag
        and the same one marked as weak are equal; ``*`` is any).
    """
    # Falcon takes the tag "*" for the asterisk, which stands without quotes.
    is_any = (req.get_header("If-None-Match") or "").strip() == "*"
    if not is_any and tag not in (req.if_none_match or ()):
        return False
    identify(resp, tag)
    resp.status = HTTPStatus.NOT_MODIFIED
    return True


def counts_of(job: JobChanges | JobOverview) -> Counts:
    """How many of its URLs are in which state."""
    return {
        "pending": job.pending,
        "complete": job.complete,
        "failed": job.failed,
        "total": job.total,
    }


def iso_time(seconds: float) -> str:
    """Seconds since the epoch as ``YYYY-MM-DDTHH:mm:ss.sssZ``, GMT (ISO 8601)."""
    fraction, whole = math.modf(seconds)
    more, thousandths = divmod(round(fraction * 1_000_000) // 1000, 1000)
    return f"{_second(int(whole) + more)}.{thousandths:03d}Z"


@lru_cache(maxsize=1024)
def _second(whole: int) -> str:
    """A page has up to 10,000 timelines: times of one second share its text."""
    return datetime.fromtimestamp(whole, UTC).isoformat(timespec="seconds")[:19]


def render(answer: object) -> bytes:
    """An answer as JSON in UTF-8."""
    try:
        return to_json(answer)
    except (PydanticSerializationError, UnicodeError):
        # Half a surrogate pair, from an answer somebody else gave us, has no UTF-8 form. As an
        # escape it is still JSON, and one odd character must not hide a whole job.
        return json.dumps(answer).encode()
