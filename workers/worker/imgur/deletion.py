"""Interprets responses to deletions and other changes.

Imgur's documentation (https://apidocs.imgur.com, "Image Deletion") has ``{"data": true, "success":
true, "status": 200}`` for a deletion; refusals have the forms of those of uploads.
"""

import time
from collections.abc import Collection
from http import HTTPStatus

from workers.contract.errors import ImgurError, RateLimitedError, RefusalScope
from workers.contract.messages import Done
from workers.worker.imgur.authorized_calls import Explain
from workers.worker.imgur.errors import explain
from workers.worker.imgur.rate_limit import pause_after_upload
from workers.worker.imgur.refusal import quoted, read_refusal
from workers.worker.imgur.response import ApiResponse, parse_json

_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


def read_done(answer: ApiResponse) -> Done | None:
    """Return the outcome of a change; None unless the response has ``success``."""
    document = parse_json(answer.body) if answer.is_success else None
    if not isinstance(document, dict) or document.get("success") is not True:
        return None
    return Done(pause_seconds=pause_after_upload(answer.headers, time.time()))


def read_deletion(answer: ApiResponse) -> Done | None:
    """Return the outcome of a deletion; None unless the image or album is gone.

    404 counts as deleted: the response to an earlier attempt may have been lost.
    """
    if answer.status in _GONE:
        return Done(pause_seconds=pause_after_upload(answer.headers, time.time()))
    return read_done(answer)


def why_not_done(what: str, *, is_creation: bool = False) -> Explain:
    """Return a function that explains refusals of a call; `explain` is for uploads.

    Args:
        what: for the sentence, such as "delete the image".
        is_creation: the call names nothing at Imgur that could be refused by itself: the
            application or the address may be. Another attempt tells.
    """

    def why_not(
        answer: ApiResponse, credentials: str, secrets: Collection[str], now: float
    ) -> ImgurError:
        refusal = read_refusal(answer)
        error = explain(answer, refusal, credentials=credentials, secrets=secrets, now=now)
        if isinstance(error, RateLimitedError):
            return error
        scope = error.scope if is_creation else RefusalScope.IMAGE
        return type(error)(
            error.reason,
            f"Imgur did not {what} (status {refusal.status}).{quoted(refusal.sentence, secrets)}",
            transient=error.transient or scope is RefusalScope.MAYBE_ALL,
            retry_after=error.retry_after,
        ).about(scope, error.sentence)

    return why_not
