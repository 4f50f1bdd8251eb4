"""Processes a task: transfers an image, deletes one, or delivers a webhook.

It knows no queue and no process.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, replace

import structlog

from workers.contract.backend import BackendLostError
from workers.contract.backoff import Backoff
from workers.contract.data_url import is_data_url
from workers.contract.errors import (
    IMGUR_SILENT,
    ConversionBusyError,
    ImageError,
    ImgurError,
    RateLimitedError,
    Reason,
    RefusalScope,
    SourceOverloadedError,
)
from workers.contract.job_options import NO_OPTIONS
from workers.contract.messages.outcomes import (
    Deferred,
    Failed,
    ImageDetails,
    MaybeBlocked,
    Outcome,
    RetryLater,
    Uploaded,
)
from workers.contract.messages.round_trip import DownloadReport, Lease, UploadDecision
from workers.contract.messages.tasks import TaskKind
from workers.worker.fitting import ImageFitter
from workers.worker.image_text import fields_of
from workers.worker.imgur.client import ImgurClient
from workers.worker.source.body import Download
from workers.worker.source.data_reader import LeaseLostError
from workers.worker.source.fetch import Downloader
from workers.worker.task_log import log_fields
from workers.worker.webhook import WebhookSender

_PASSED_ON = Failed(Reason.WORKER_CRASHED, "The lease had passed to another worker.")
"""The outcome of a lease that is not valid any more; the mailbox does not accept it."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Processes one task at a time; each lane has its own pipeline.

    Attributes:
        source: downloads images.
        sink: uploads and deletes images.
        max_attempts: maximum number of attempts at an image or a deletion.
        backoff: the waits between attempts.
        begin_upload: notes that the image of a lease is about to be sent; says whether it may be,
            or where it is already.
        callbacks: delivers webhooks.
        read_data: the bytes of the data URL of a lease, by its token; see `DataReader.pieces`.
        fitter: converts.
        begin_conversion: extends a lease, by its token.
    """

    source: Downloader
    sink: ImgurClient
    max_attempts: int
    backoff: Backoff
    begin_upload: Callable[[DownloadReport], UploadDecision]
    _: KW_ONLY
    callbacks: WebhookSender
    fitter: ImageFitter
    read_data: Callable[[int], Iterable[bytes]] = lambda _: ()
    begin_conversion: Callable[[int], None] = lambda _: None

    def process(self, lease: Lease) -> Outcome:
        """Make one attempt; return its outcome."""
        try:
            return self._attempt(lease)
        except (RateLimitedError, ConversionBusyError) as error:
            return Deferred(error.reason, error.message, error.pause_seconds)
        except ImageError as error:
            return _doubted(lease, self._after_error(lease, error), error)
        except LeaseLostError:
            return _PASSED_ON
        except BackendLostError:
            raise  # without a mailbox there is nothing to report to
        except Exception:  # noqa: BLE001 - the reason stands below
            # A bug that one task triggers must not end the lane.
            structlog.get_logger("pipeline").exception("internal error", **log_fields(lease))
            what = "URL" if lease.kind is TaskKind.IMAGE else lease.kind.value
            message = (
                f"The service met an internal error with this {what}; its log has the details."
            )
            return Failed(Reason.INTERNAL_ERROR, message)

    def _attempt(self, lease: Lease) -> Outcome:
        match lease.kind:
            case TaskKind.IMAGE:
                return self._upload(lease)
            case TaskKind.DELETION:
                return self.sink.delete(lease.target)
            case TaskKind.WEBHOOK:
                return self.callbacks.send(lease)
            case TaskKind.ALBUM:
                if lease.album is None:
                    raise ValueError("The lease does not tell what is to be done for the album.")
                return self.sink.albums.do(lease.album, lease.attempt)

    def _upload(self, lease: Lease) -> Outcome:
        began = time.monotonic()
        with self._fetch(lease) as image:
            arrived = time.monotonic()
            if not image.fits:
                self.begin_conversion(lease.token)
            try:
                with self.fitter.fit(image) as fitting:
                    seconds = arrived - began, time.monotonic() - arrived
                    return self._send(lease, image, fitting, seconds)
            except ImageError as error:
                error.resolved_to = image.resolved_to
                raise

    def _send(
        self, lease: Lease, image: Download, fitting: Download, seconds: tuple[float, float]
    ) -> Outcome:
        """Upload an image, if the mailbox has nothing against it.

        Args:
            lease: whose image it is.
            image: as it was fetched.
            fitting: as it is to be sent.
            seconds: how long the download took, and what came after it.
        """
        fields = fields_of(lease)
        content = None if image.digest is None else _content(image.digest, fields)
        took, converting = (int(each * 1000) for each in seconds)
        download_report = DownloadReport(
            lease.token,
            image.size,
            image.image_type.media_type,
            took,
            content,
            0 if fitting.converted is None else max(1, converting),
        )
        decision = self.begin_upload(download_report)
        if not decision:
            return _PASSED_ON
        if isinstance(decision, Deferred):
            return decision
        if isinstance(decision, str):
            known = ImageDetails(deduplicated=True, resolved_to=image.resolved_to)
            return Uploaded(decision, "", details=known)
        kind = fitting.image_type
        # The source's own file name stays here: it may tell more than its owner meant.
        filename = f"image.{kind.extension}"
        uploaded = self.sink.upload(fitting.file, fitting.size, kind.media_type, filename, fields)
        details = replace(
            uploaded.details, resolved_to=image.resolved_to, converted=fitting.converted
        )
        return replace(uploaded, content=content, details=details)

    def _fetch(self, lease: Lease) -> Download:
        options = NO_OPTIONS if lease.options is None else lease.options.job
        converts = self.fitter.policy.enabled and options.convert
        if is_data_url(lease.target):
            return self.source.take(self.read_data(lease.token), converts=converts)
        return self.source.fetch(
            lease.target,
            options.source_headers,
            resolve_pages=options.resolve_pages,
            converts=converts,
        )

    def _after_error(self, lease: Lease, error: ImageError) -> Failed | RetryLater:
        is_overload = isinstance(error, SourceOverloadedError)
        source_pause = (error.retry_after or 0.0) if is_overload else None
        max_attempts = min(self.max_attempts, error.max_attempts or self.max_attempts)
        if not error.transient or lease.attempt >= max_attempts:
            details = ImageDetails(resolved_to=error.resolved_to)
            return Failed(error.reason, error.message, source_pause, details=details)
        delay = self.backoff.delay(lease.attempt, error.retry_after)
        maybe_stored = isinstance(error, ImgurError) and error.maybe_stored
        return RetryLater(error.reason, error.message, delay, maybe_stored, source_pause)


def _doubted(lease: Lease, outcome: Failed | RetryLater, error: ImageError) -> Outcome:
    """The outcome as it is, unless all images may meet the same refusal."""
    if not isinstance(error, ImgurError) or error.scope is RefusalScope.IMAGE:
        return outcome
    is_silent = error.reason in IMGUR_SILENT
    if isinstance(outcome, RetryLater) and is_silent:
        return outcome  # mostly over before the last attempt
    options = lease.options
    names_album = options is not None and options.job.album and not options.is_album_new
    if names_album and error.reason is Reason.IMGUR_FORBIDDEN:
        return outcome  # of an album that the job names: others' images are not its matter
    # Nothing about an album or a deletion can be the cause of that: it never fails for it.
    is_certain = error.scope is RefusalScope.ALL or (is_silent and lease.kind is not TaskKind.IMAGE)
    return MaybeBlocked(outcome, error.sentence, is_certain=is_certain)


def _content(digest: bytes, fields: Mapping[str, str]) -> bytes:
    """Names an upload: two of one name would make the same image, title and album included."""
    if not fields:
        return digest
    return hashlib.sha256(digest + json.dumps(fields, sort_keys=True).encode()).digest()
