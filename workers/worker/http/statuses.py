"""Classifies the status of a source: image, redirect or error."""

import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.client import responses

from workers.contract.errors import DownloadError, Reason, SourceOverloadedError
from workers.contract.retry_after import retry_after

REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""The statuses whose Location is followed (RFC 9110, section 15.4)."""

# Of the others browsers and curl take the body, whatever the number says.
_WITHOUT_CONTENT = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT})

# RFC 9110, section 14.4, and what servers make of it. No image has a size with more digits.
_match_range = re.compile(
    r"(?:bytes)?[\s=:]*0\s*-\s*([0-9]{1,15})\s*/\s*([0-9]{1,15})\s*", re.IGNORECASE
).fullmatch

# Host and path: of Imgur (JDimproved/JDim#1433); of Flickr, which has one for each size of a photo
# (`…_b.jpg` leads to `…_l.png`), and had others before.
_is_placeholder = re.compile(
    r"(?:i\.)?imgur\.com/removed\.png"
    r"|[a-z]\.yimg\.com/(?:g|pw)/images/(?:[a-z-]+/)?photo_unavailable(?:_[a-z0-9]+)?\.(?:png|gif)"
).fullmatch

MAX_RETRY_AFTER = 300.0
"""Maximum wait in seconds, so that a source cannot delay a job for longer."""

_FIRST_SERVER_ERROR = 500

_OVERLOADED = frozenset({429, 503})
"""Too Many Requests (RFC 6585, section 4); Service Unavailable, "due to a temporary overload"
(RFC 9110, section 15.6.4)."""

# RFC 9110, section 15.5; RFC 7725 (451); RFC 8470 (425); RFC 6585 (429).
_MEANINGS: dict[int, tuple[Reason, str, bool]] = {
    401: (Reason.SOURCE_REFUSED, "The source wants a login for the image", False),
    403: (Reason.SOURCE_REFUSED, "The source refuses to give out the image", False),
    404: (Reason.SOURCE_NOT_FOUND, "The source has no image at this URL", False),
    407: (Reason.SOURCE_REFUSED, "The source wants a login for the image", False),
    408: (Reason.SOURCE_ERROR, "The source gave up waiting for the request", True),
    410: (Reason.SOURCE_NOT_FOUND, "The source no longer has the image", False),
    425: (Reason.SOURCE_ERROR, "The source asks to try again", True),
    429: (Reason.SOURCE_RATE_LIMITED, "The source asks for fewer requests", True),
    451: (Reason.SOURCE_REFUSED, "The source may not give out the image for legal reasons", False),
}


def error_for(status: int, headers: Mapping[str, str]) -> DownloadError:
    """Return the error for a status that is neither an image nor a redirect.

    Args:
        status: of the response.
        headers: of the response; Retry-After applies if the error is transient.
    """
    if status in _MEANINGS:
        reason, sentence, transient = _MEANINGS[status]
    elif status >= _FIRST_SERVER_ERROR:
        reason, sentence, transient = Reason.SOURCE_ERROR, "The source has a problem", True
    else:
        reason, sentence, transient = Reason.SOURCE_STATUS, "The source sent no image", False
    phrase = f"{status} {responses.get(status, '')}"  # the source's own may be any text
    kind = SourceOverloadedError if status in _OVERLOADED else DownloadError
    return kind(
        reason,
        f"{sentence} (status {phrase.strip()}).",
        transient=transient,
        retry_after=asked_wait(headers, time.time()) if transient else None,
    )


def is_image(status: int, headers: Mapping[str, str]) -> bool:
    """Return whether the body is the complete image; it may be that of a 206."""
    if status != HTTPStatus.PARTIAL_CONTENT:
        return status // 100 == 2 and status not in _WITHOUT_CONTENT  # noqa: PLR2004 - 2xx
    described = headers.get("Content-Range")
    if described is None:  # no range was asked for, and none is sent: only the number is wrong
        return True
    covered = _match_range(described)
    return covered is not None and int(covered[1]) + 1 == int(covered[2])


def is_placeholder(url: str) -> bool:
    """Return whether a URL is a site's placeholder for removed images."""
    return _is_placeholder(url.partition("://")[2].partition("?")[0]) is not None


def asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds of Retry-After, up to MAX_RETRY_AFTER; None without it.

    Args:
        headers: of a response of a source or a callback URL.
        now: seconds since the epoch.
    """
    seconds = retry_after(headers.get("Retry-After"), now)
    return None if seconds is None else min(max(seconds, 0.0), MAX_RETRY_AFTER)
