"""An answer that is rendered, and how a client that has it already is told so."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import falcon

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
