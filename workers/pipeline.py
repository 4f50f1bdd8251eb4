"""One URL: fetch, recognize, upload. Knows no queue and no process."""

from collections.abc import Callable
from typing import BinaryIO, Protocol

import structlog

from workers.backoff import Backoff
from workers.board import BoardLostError
from workers.download import Download
from workers.errors import (
    ImageError,
    ImgurError,
    RateLimitedError,
    Reason,
    SourceOverloadedError,
)
from workers.imgur import UploadedImage
from workers.messages import Failed, Lease, Outcome, PutBack, TryAgain, Uploaded

_PASSED_ON = Failed(Reason.WORKER_CRASHED, "The lease had passed to another worker.")
"""The outcome of a lease no longer in force; the mailbox refuses it, whatever it says."""


class Source(Protocol):
    """Where images come from: `workers.download.Downloader`."""

    def fetch(self, url: str) -> Download: ...


class Sink(Protocol):
    """Where they go: `workers.imgur.ImgurClient`."""

    def upload(
        self, file: BinaryIO, size: int, media_type: str, filename: str
    ) -> UploadedImage: ...


class Pipeline:
    """Carries one image at a time from its source to Imgur.

    Args:
        source: fetches and recognizes.
        sink: uploads.
        max_attempts: tries of one URL altogether.
        backoff: the wait between them.
        begin_upload: notes that the image of a lease is about to be sent; says whether it may be.
    """

    def __init__(
        self,
        source: Source,
        sink: Sink,
        max_attempts: int,
        backoff: Backoff,
        begin_upload: Callable[[Lease], bool],
    ) -> None:
        self._begin_upload = begin_upload
        self._source = source
        self._sink = sink
        self._max_attempts = max_attempts
        self._backoff = backoff
        self._log = structlog.get_logger("pipeline")

    def process(self, lease: Lease) -> Outcome:
        """One attempt, always ending in an outcome."""
        try:
            with self._source.fetch(lease.url) as image:
                if not self._begin_upload(lease):
                    return _PASSED_ON
                kind = image.image_type
                # The source's own file name stays here: it may tell more than its owner meant.
                uploaded = self._sink.upload(
                    image.file, image.size, kind.media_type, f"image.{kind.extension}"
                )
        except RateLimitedError as error:
            return PutBack(error.reason, error.message, error.pause_seconds)
        except ImageError as error:
            return self._after_error(lease, error)
        except BoardLostError:
            raise  # not this URL's fault: there is nobody left to report to
        except Exception:  # noqa: BLE001 - the reason stands below
            # A bug that one URL brings out must not take down the lane that serves all others.
            self._log.exception("internal error", job_id=lease.job_id, index=lease.index)
            message = "The service met an internal error with this URL; its log has the details."
            return Failed(Reason.INTERNAL_ERROR, message)
        return Uploaded(uploaded.link, uploaded.deletehash, uploaded.pause_seconds)

    def _after_error(self, lease: Lease, error: ImageError) -> Outcome:
        is_overload = isinstance(error, SourceOverloadedError)
        source_pause = (error.retry_after or 0.0) if is_overload else None
        if not error.transient or lease.attempt >= self._max_attempts:
            return Failed(error.reason, error.message, source_pause)
        delay = self._backoff.delay(lease.attempt, error.retry_after)
        maybe_stored = isinstance(error, ImgurError) and error.maybe_stored
        return TryAgain(error.reason, error.message, delay, maybe_stored, source_pause)
