"""What the answer to a deletion means.

Imgur's documentation (https://apidocs.imgur.com, "Image Deletion") has ``{"data": true, "success":
true, "status": 200}`` for a deletion; refusals come in the shapes of those of uploads.
"""

from collections.abc import Collection
from http import HTTPStatus

from workers.contract.errors import ImgurError, RateLimitedError
from workers.worker.imgur.errors import explain
from workers.worker.imgur.refusal import quoted, read_refusal
from workers.worker.imgur.response import ApiResponse, parse_json

_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


def is_deleted(answer: ApiResponse) -> bool:
    """Whether the image is there no longer.

    404 is as good as a yes: an earlier attempt may have deleted it and its answer been lost.
    """
    if answer.status in _GONE:
        return True
    document = parse_json(answer.body) if answer.is_success else None
    return isinstance(document, dict) and document.get("success") is True


def why_not_deleted(
    answer: ApiResponse, credentials: str, secrets: Collection[str], now: float
) -> ImgurError:
    """Say what a refusal means; see `explain`, whose sentences are about uploads."""
    refusal = read_refusal(answer)
    error = explain(answer, refusal, credentials=credentials, secrets=secrets, now=now)
    if isinstance(error, RateLimitedError):
        return error
    sentence = quoted(refusal.sentence, secrets)
    return ImgurError(
        error.reason,
        f"Imgur did not delete the image (status {refusal.status}).{sentence}",
        transient=error.transient,
        retry_after=error.retry_after,
    )
