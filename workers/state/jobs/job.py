"""A job of the job table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from types import MappingProxyType
from typing import Final

from workers.contract.data_url import SCHEME
from workers.contract.errors import Reason
from workers.contract.messages.jobs import ImageState, JobStatus
from workers.contract.messages.outcomes import CANCELLED, NO_DETAILS, Failed, ImageDetails, Uploaded
from workers.contract.messages.submission import Origin, Submission
from workers.contract.messages.tasks import DeletionState, DeliveryAttempt
from workers.state.jobs.album import Album
from workers.state.jobs.change_log import ChangeLog
from workers.state.jobs.failure_log import FailureLog
from workers.state.jobs.job_size import (
    ALBUM_IMAGE_BYTES,
    CHANGE_BYTES,
    DEFAULT_CHANGES,
    DELIVERY_BYTES,
    MARK_BYTES,
    beyond_usual,
    size_of,
    size_of_details,
)
from workers.state.jobs.timeline import End, Timelines

_MAX_ATTEMPTS_SHOWN = 255  # one byte a URL
_NO_DATA: Final[Mapping[int, bytes]] = MappingProxyType({})  # one object for all jobs
_IS_FAILED = bytes(state == ImageState.FAILED for state in range(256))


@dataclass(slots=True)
class Job:
    """One job, stored in columns; readers get `JobChanges`.

    Attributes:
        asked: what was submitted, without the bytes of data URLs. The journal has no origin and no
            address of a client; after a restart the owner is the tenant.
        states: an `ImageState` for each URL, in a byte; `attempts` likewise.
        errors: reason and message by index; see `JobChanges`.
        uploading: indexes of URLs that are being uploaded.
        outcome_unknown: indexes of URLs with an upload that got no response.
        details: what is unusual about an image, of those that have any.
        album: the album that it requested.
        places: of its URLs in the album; None where they are their indexes.
        opened: monotonic seconds at which it came in.
        deliveries: attempts to deliver the webhook, oldest first; at most one more than
            `RETRY_SECONDS` has entries.
        open_deletions: number of images whose deletion is open.
        number: its place among its owner's jobs.
        cancelled: URLs that its cancellation ended; None if it was not cancelled.
        retried_as: the job that the failed ones became.
        failure_log: which failures have a line in the log; not kept in the journal.
        weighed: its size when it was last counted.
        weighed_open: of that, what cannot make room yet: all, or nothing.
        asked_bytes: see `size_of`; found out where it is not known.
        data: the bytes of data URLs, by index, until they are uploaded: of those that failed they
            are kept for a retry, whose they are then.
        beyond_bytes: of texts and details that are beyond that.
        text_bytes: see `JobChanges`.
    """

    asked: Submission
    created: float
    states: bytearray = field(default_factory=bytearray)
    attempts: bytearray = field(default_factory=bytearray)
    pending: int = field(init=False)
    status: JobStatus = JobStatus.PENDING
    finished: float | None = None
    links: dict[int, str] = field(default_factory=dict)
    deletehashes: dict[int, str] = field(default_factory=dict, repr=False)
    errors: dict[int, tuple[str, str]] = field(default_factory=dict)
    uploading: set[int] = field(default_factory=set)
    outcome_unknown: set[int] = field(default_factory=set)
    details: dict[int, ImageDetails] = field(init=False, default_factory=dict)
    album: Album | None = field(default=None, compare=False)
    places: Sequence[int] | None = field(default=None, compare=False)
    opened: float = field(default=0.0, compare=False)
    deliveries: tuple[DeliveryAttempt, ...] = ()
    open_deletions: int = field(init=False, default=0)
    number: int = field(default=0, compare=False)
    cancelled: int | None = None
    retried_as: str | None = None
    failure_log: FailureLog = field(default_factory=FailureLog, compare=False)
    weighed: int = field(default=0, compare=False)
    weighed_open: int = field(default=0, compare=False)
    asked_bytes: int = field(default=0, compare=False)
    data: dict[int, bytes] = field(init=False, repr=False)
    beyond_bytes: int = field(init=False, default=0, compare=False)
    text_bytes: int = field(init=False, default=0, compare=False)
    log: ChangeLog = field(init=False, repr=False, compare=False)
    timelines: Timelines = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        count = len(self.asked.urls)
        self.states = self.states or bytearray(count)
        self.attempts = self.attempts or bytearray(count)
        self.pending = self.states.count(ImageState.PENDING)
        self.log = ChangeLog(count)
        self.text_bytes = sum(map(len, self.asked.urls))
        self.timelines = Timelines(count, self.opened)
        self.asked_bytes = self.asked_bytes or size_of(self.asked)
        self.data = dict(self.asked.data)
        self.asked = replace(self.asked, data=_NO_DATA)
        self.beyond_bytes = sum(beyond_usual(message) for _, message in self.errors.values())
        for index, link in self.links.items():
            self.beyond_bytes += beyond_usual(link, self.deletehashes.get(index, ""))

    # --- state changes; `now` is in monotonic seconds -----------------------------------------

    def begin(self, index: int, now: float) -> int:
        """Begin an attempt; return its number, from 1."""
        attempt = self.attempts[index] = min(self.attempts[index] + 1, _MAX_ATTEMPTS_SHOWN)
        self.timelines.claimed(index, attempt, now)
        self.log.note(index)
        return attempt

    def begin_upload(self, index: int) -> None:
        """Record that the upload begins."""
        self.uploading.add(index)
        if index in self.outcome_unknown:
            self.add_details(index, ImageDetails(maybe_duplicated=True))
            self.log.note(index)

    def interrupt(
        self, index: int, error: tuple[str, str], now: float, *, count: bool, maybe_stored: bool
    ) -> None:
        """End an attempt without a result; see `JobTable.interrupt`."""
        self.uploading.discard(index)
        if maybe_stored:
            self.outcome_unknown.add(index)
        self._set_error(index, error)
        if not count and self.attempts[index]:
            self.attempts[index] -= 1
        self.timelines.ended(index, End.RETRIED, now, error[0])
        self.log.note(index)

    def complete(self, index: int, image: Uploaded, now: float) -> None:
        self._set_error(index, None)
        self.links[index] = image.link
        self.deletehashes[index] = image.deletehash
        self.beyond_bytes += beyond_usual(image.link, image.deletehash)
        self.asked_bytes -= len(self.data.pop(index, b""))
        if self.album is not None:
            self.album.add(self.place(index), image)
        self._end(index, ImageState.COMPLETE, image.details)
        self.timelines.ended(index, End.UPLOADED, now)

    def add_details(self, index: int, details: ImageDetails) -> None:
        """Add details of an image to the known ones, in place of those with the same name."""
        if details == NO_DETAILS:
            return
        known = self.details.get(index)
        if known is not None:
            self._count_details(known, -1)
            details = known.updated(details)
        self.details[index] = details = details.with_shared_types()
        self._count_details(details, 1)

    def _count_details(self, details: ImageDetails, sign: int) -> None:
        self.beyond_bytes += sign * size_of_details(details)
        if details.deletion is not None and details.deletion.state is DeletionState.PENDING:
            self.open_deletions += sign

    def place(self, index: int) -> int:
        """Where an image stands in the job's album."""
        return index if self.places is None else self.places[index]

    def fail(self, index: int, failure: Failed, now: float) -> None:
        """Record the final failure of a URL."""
        self._set_error(index, (failure.reason, failure.message))
        if self.cancelled is not None and failure.reason == Reason.CANCELLED:
            self.cancelled += 1
        self._end(index, ImageState.FAILED, failure.details)
        self.timelines.ended(index, End.FAILED, now, failure.reason)

    def _end(self, index: int, state: ImageState, details: ImageDetails) -> None:
        self.uploading.discard(index)
        self.outcome_unknown.discard(index)
        self.states[index] = state
        self.add_details(index, details)
        self.pending -= 1
        self.log.note(index)

    def cancel(self, indexes: Iterable[int], now: float) -> None:
        """Cancel the job and fail these URLs."""
        if self.cancelled is None:
            self.cancelled = 0
            self.log.note()
        for index in indexes:
            self.fail(index, CANCELLED, now)

    def _set_error(self, index: int, error: tuple[str, str] | None) -> None:
        before = self.errors.pop(index, None)
        if before is not None:
            self.beyond_bytes -= beyond_usual(before[1])
        if error is not None:
            self.errors[index] = error
            self.beyond_bytes += beyond_usual(error[1])

    # --- reading ------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Estimated memory in bytes."""
        changes = len(self.log) - DEFAULT_CHANGES * len(self.asked.urls)
        return (
            self.asked_bytes
            + self.beyond_bytes
            + CHANGE_BYTES * max(0, changes)
            + MARK_BYTES * len(self.outcome_unknown)
            + (0 if self.album is None else ALBUM_IMAGE_BYTES * len(self.links))
            + self.timelines.earlier_bytes
            + DELIVERY_BYTES * len(self.deliveries)
        )

    @property
    def new_album(self) -> str | None:
        """The name of its new album, empty while it is not created; None if it requested none."""
        return None if self.album is None else self.album.name

    def interrupted_uploads(self, index: int) -> int:
        """Return, for a URL whose attempt broke off: 0 if it was not being uploaded, 1 if it was, 2
        if the outcome of an earlier upload is unknown too.
        """
        return 1 + (index in self.outcome_unknown) if index in self.uploading else 0

    @property
    def has_untold_callback(self) -> bool:
        """True if the job is complete and its webhook is not delivered yet."""
        is_due = self.asked.options.callback_url is not None and self.finished is not None
        return is_due and (not self.deliveries or self.deliveries[-1].next_at is not None)

    @property
    def has_open_tasks(self) -> bool:
        """True if a webhook or a deletion is open."""
        has_album_task = self.album is not None and self.album.step is not None
        return self.has_untold_callback or self.open_deletions > 0 or has_album_task

    def failed_as(self, job_id: str, origin: Origin | None) -> Submission | None:
        """Return the URLs that failed as a new job, without data URLs whose bytes are gone; None if
        there are none.
        """
        urls = self.asked.urls
        failed = list(compress(range(len(urls)), self.states.translate(_IS_FAILED)))
        if self.retried_as is not None:
            failed = [n for n in failed if n in self.data or not urls[n].startswith(SCHEME)]
        if not failed:
            return None
        return replace(
            self.asked,
            job_id=job_id,
            urls=tuple(map(urls.__getitem__, failed)),
            retry_of=self.asked.job_id,
            request=None,
            origin=origin,
            data={n: self.data[index] for n, index in enumerate(failed) if index in self.data},
        )

    def retry(self, job_id: str) -> None:
        """Record that a job retries what failed; it has the bytes of data URLs now."""
        self.retried_as = job_id
        self.asked_bytes -= sum(map(len, self.data.values()))
        self.data.clear()
        self.log.note()
