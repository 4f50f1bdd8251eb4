"""Interprets refusals of uploads.

The status is not always right: "uploading too fast" also comes as 400, a blocked address as 403
"temporarily over capacity", a refused access token as 403 instead of 401.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from workers.contract.errors import (
    ImgurError,
    OutcomeUnknownError,
    RateLimitedError,
    Reason,
    RefusalScope,
)
from workers.worker.imgur.rate_limit import pause_after_refusal, spent_limits, wait_asked_for
from workers.worker.imgur.response import ApiResponse, Refusal

_TOO_FAST = re.compile(r"too fast|too many requests|requests exceeded|rate.?limit", re.IGNORECASE)
_CREDENTIALS = re.compile(
    r"client[_ ]id|access token|authentication required|malformed auth", re.IGNORECASE
)
_FORBIDDEN = re.compile(
    r"actions? (?:are|is) forbidden|not available in your (?:region|country)", re.IGNORECASE
)
_FORBIDDEN_STATUSES = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS})
# Another attempt fails the same way, even if the sentence suggests one.
_UNFIT = re.compile(
    r"too (?:large|big)|larger than|exceeds|\b(?:size|type|format)\b|supported|corrupt"
    r"|invalid (?:image|file)|not an? (?:valid )?(?:image|file)",
    re.IGNORECASE,
)
_UNFIT_STATUSES = frozenset(
    {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}
)
_TRY_AGAIN = re.compile(
    r"\b(?<!not )(?<!n't )(?:re)?try (?:\w+ ){0,4}(?:again|later)\b|\bplease retry\b"
    r"|temporar(?:ily (?:unavailable|down)|y (?:error|failure|problem|issue))",
    re.IGNORECASE,
)
_ONCE_MORE = 2  # attempts


def _is_passing(refusal: Refusal) -> bool:
    sentence = refusal.unquoted
    return (
        not refusal.is_success
        and refusal.status not in _UNFIT_STATUSES
        and _TRY_AGAIN.search(sentence) is not None
        and _UNFIT.search(sentence) is None
    )


@dataclass(frozen=True, slots=True)
class _Rule:
    """The error of a refusal that `fits`; the first matching rule counts."""

    fits: Callable[[Refusal], bool]
    reason: Reason
    message: str
    transient: bool = False
    max_attempts: int | None = None
    scope: RefusalScope = RefusalScope.IMAGE


_RULES = (
    _Rule(
        lambda r: r.is_over_capacity or r.status == HTTPStatus.SERVICE_UNAVAILABLE,
        Reason.IMGUR_OVER_CAPACITY,
        "Imgur is over capacity, or blocks this address",
        transient=True,
        # corbindavenport/imageshare#19: from a data centre always, while the key works at home.
        scope=RefusalScope.MAYBE_ALL,
    ),
    _Rule(
        lambda r: r.status >= HTTPStatus.INTERNAL_SERVER_ERROR,
        Reason.IMGUR_ERROR,
        "Imgur had an error of its own",
        transient=True,
    ),
    _Rule(
        lambda r: (
            r.status == HTTPStatus.UNAUTHORIZED or _CREDENTIALS.search(r.unquoted) is not None
        ),
        Reason.IMGUR_CREDENTIALS,
        "Imgur refused the credentials; check {credentials}",
        scope=RefusalScope.ALL,
    ),
    _Rule(_is_passing, Reason.IMGUR_ERROR, "Imgur has a passing trouble", transient=True),
    _Rule(
        lambda r: r.status in _FORBIDDEN_STATUSES or _FORBIDDEN.search(r.unquoted) is not None,
        Reason.IMGUR_FORBIDDEN,
        "Imgur forbids this upload",
        # ShareX/ShareX#8200: from some countries always. A single image may be forbidden as well.
        scope=RefusalScope.MAYBE_ALL,
    ),
    _Rule(
        # Another attempt may store the image twice, but none leaves the URL without a link.
        lambda r: r.is_success,
        Reason.IMGUR_BAD_ANSWER,
        "Imgur's answer holds no usable link, but the image may have been stored",
        transient=True,
        max_attempts=_ONCE_MORE,
    ),
    _Rule(
        lambda r: HTTPStatus.MULTIPLE_CHOICES <= r.status < HTTPStatus.BAD_REQUEST,
        Reason.IMGUR_BAD_ANSWER,
        "The Imgur API answered with a redirect, which is not followed; check IMGUR_API_URL",
    ),
    _Rule(
        lambda r: r.status == HTTPStatus.REQUEST_TIMEOUT,
        Reason.IMGUR_TIMEOUT,
        "Imgur gave up waiting for the request",
        transient=True,
    ),
    _Rule(
        lambda r: r.status == HTTPStatus.NOT_FOUND,
        Reason.IMGUR_REFUSED,
        "Imgur does not know this call or this album; check IMGUR_API_URL and IMGUR_ALBUM",
    ),
    _Rule(
        lambda r: r.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        Reason.IMGUR_REFUSED,
        "The image is too large for Imgur",
    ),
    _Rule(
        # ShareX/ShareX#5611: animations above the limit; #6704: transient errors.
        lambda r: r.status == HTTPStatus.EXPECTATION_FAILED,
        Reason.IMGUR_REFUSED,
        "Imgur cannot process the image, most likely an animation above its limit of 10 MB",
        transient=True,
        max_attempts=_ONCE_MORE,
    ),
    _Rule(lambda _: True, Reason.IMGUR_REFUSED, "Imgur refused the image"),
)


def explain(
    answer: ApiResponse, credentials: str, action: str = "", *, is_creation: bool = True
) -> ImgurError:
    """Return the error of a refusal: reason, sentence, and whether to try again.

    Args:
        answer: the response.
        credentials: the settings to check when the credentials are refused.
        action: for the sentence, such as "delete the image"; empty for an upload.
        is_creation: whether the call names nothing at Imgur that could be refused by itself, so
            that the refusal may be about the application or the address.
    """
    refusal, now = answer.refusal, time.time()
    details = f"(status {refusal.status}).{answer.quote}"
    if _is_rate_limited(answer):
        pause = pause_after_refusal(answer.quota, answer.headers, refusal.sentence, now)
        how_long = "a while" if pause is None else f"{pause:.0f} s"
        message = f"Imgur takes no more uploads for {how_long} {details}"
        return RateLimitedError(message, pause_seconds=pause)
    rule = next(rule for rule in _RULES if rule.fits(refusal))
    scope = rule.scope if is_creation else RefusalScope.IMAGE
    message, transient, max_attempts = rule.message, rule.transient, rule.max_attempts
    if action:
        message, max_attempts = f"Imgur did not {action}", None
        # Another attempt tells whether it is about all calls.
        transient = transient or scope is RefusalScope.MAYBE_ALL
    error_class = OutcomeUnknownError if refusal.is_outcome_unknown else ImgurError
    return error_class(
        rule.reason,
        f"{message.format(credentials=credentials)} {details}",
        transient=transient,
        retry_after=wait_asked_for(answer.headers, now) if rule.transient else None,
        max_attempts=max_attempts,
    ).about(scope, answer.sentence)


def _is_rate_limited(answer: ApiResponse) -> bool:
    refusal = answer.refusal
    if HTTPStatus.TOO_MANY_REQUESTS in {refusal.status, *refusal.codes}:
        return True
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return False
    # The documentation of 403 mentions missing credits as a cause.
    out_of_credits = refusal.status == HTTPStatus.FORBIDDEN and spent_limits(answer.quota)
    return bool(out_of_credits) or _TOO_FAST.search(refusal.unquoted) is not None
