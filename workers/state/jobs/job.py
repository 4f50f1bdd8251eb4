"""A job of the job table."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Self

from workers.contract.data_url import SCHEME
from workers.contract.errors import Reason
from workers.contract.job_messages import CANCELLED, JobOverview
from workers.contract.job_options import NO_OPTIONS, JobOptions
from workers.contract.messages import (
    Altered,
    ChangesWanted,
    Converted,
    ImageState,
    JobChanges,
    JobStatus,
    Submission,
    Uploaded,
)
from workers.contract.origin import Origin
from workers.contract.request_key import RequestKey
from workers.state.jobs.album import Album
from workers.state.jobs.call_size import fit_in_a_call
from workers.state.jobs.change_log import ChangeLog
from workers.state.jobs.failure_log import FailureLog
from workers.state.jobs.job_size import (
    ALBUM_IMAGE_BYTES,
    ALTERED_BYTES,
    CHANGE_BYTES,
    CONVERTED_BYTES,
    DEFAULT_CHANGES,
    MARK_BYTES,
    beyond_usual,
    size_of,
)
from workers.state.jobs.task_records import JobTasks
from workers.state.jobs.timeline import End, Timelines

_MAX_ATTEMPTS_SHOWN = 255  # one byte a URL

_IS_FAILED = bytes(state == ImageState.FAILED for state in range(256))


@dataclass(slots=True)
class Job:
    """One job, stored in columns; readers get `JobChanges`.

    Attributes:
        uploading: indexes of URLs that are being uploaded.
        outcome_unknown: indexes of URLs with an upload that got no response.
        maybe_duplicated: indexes of URLs that were uploaded again after that.
        deduplicated: indexes of URLs whose image was at Imgur already.
        resolved: where the image was of those URLs that led to a page.
        altered: what is stored of those whose image Imgur changed.
        album: the album that it asked for.
        places: of its URLs in the album; None where they are their indexes.
        converted: what was made of those whose image was converted.
        opened: monotonic seconds at which it came in.
        tasks: what is done for it besides its images; None for most.
        number: its place among its owner's jobs.
        cancelled: URLs that its cancellation ended; None if it was not cancelled.
        retry_of: the job whose failed URLs these are.
        retried_as: the job that the failed ones became.
        request: of the request that made it, if that had a key.
        origin: the same request's name; not kept in the journal.
        failure_log: which failures have a line in the log; not kept in the journal.
        tenant: see `Submission`; not kept in the journal, where it is an address: after a restart
            it is the owner.
        weighed: its size when it was last counted.
        weighed_open: of that, what cannot make room yet: all, or nothing.
        asked_bytes: see `size_of`; found out where it is not known.
        data: the bytes of data URLs, by index, until they are uploaded: of those that failed they
            are kept for a retry, whose they are then.
        beyond_bytes: of the texts that are beyond that.
        text_bytes: see `JobChanges`.
    """

    urls: tuple[str, ...]
    created: float
    states: bytearray
    attempts: bytearray
    pending: int
    status: JobStatus = JobStatus.PENDING
    finished: float | None = None
    links: dict[int, str] = field(default_factory=dict)
    troubles: dict[int, tuple[str, str]] = field(default_factory=dict)
    deletehashes: dict[int, str] = field(default_factory=dict, repr=False)
    owner: str = ""
    options: JobOptions = NO_OPTIONS
    uploading: set[int] = field(default_factory=set)
    outcome_unknown: set[int] = field(default_factory=set)
    maybe_duplicated: set[int] = field(default_factory=set)
    deduplicated: set[int] = field(default_factory=set)
    resolved: dict[int, str] = field(default_factory=dict)
    altered: dict[int, Altered] = field(default_factory=dict)
    album: Album | None = field(default=None, compare=False)
    places: Sequence[int] | None = field(default=None, compare=False)
    converted: dict[int, Converted] = field(default_factory=dict)
    opened: float = field(default=0.0, compare=False)
    tasks: JobTasks | None = None
    number: int = field(default=0, compare=False)
    cancelled: int | None = None
    retry_of: str | None = None
    retried_as: str | None = None
    request: RequestKey | None = None
    origin: Origin | None = field(default=None, compare=False)
    failure_log: FailureLog = field(default_factory=FailureLog, compare=False)
    tenant: str = field(default="", compare=False)
    weighed: int = field(default=0, compare=False)
    weighed_open: int = field(default=0, compare=False)
    asked_bytes: int = field(default=0, compare=False)
    data: dict[int, bytes] = field(default_factory=dict, repr=False)
    beyond_bytes: int = field(init=False, default=0, compare=False)
    text_bytes: int = field(init=False, default=0, compare=False)
    log: ChangeLog = field(init=False, repr=False, compare=False)
    timelines: Timelines = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.log = ChangeLog(len(self.urls))
        self.text_bytes = sum(map(len, self.urls))
        self.timelines = Timelines(len(self.urls), self.opened)
        self.asked_bytes = self.asked_bytes or size_of(self)
        self.beyond_bytes = sum(beyond_usual(message) for _, message in self.troubles.values())
        for index, link in self.links.items():
            self.beyond_bytes += beyond_usual(link, self.deletehashes.get(index, ""))
        self.beyond_bytes += sum(map(_resolved_bytes, self.resolved.values()))

    @classmethod
    def of(
        cls, submission: Submission, created: float, opened: float, asked_bytes: int = 0
    ) -> Self:
        """Make a new job with all URLs pending.

        Args:
            submission: the job's URLs and options.
            created: seconds since the epoch.
            opened: monotonic seconds.
            asked_bytes: see `size_of`; 0 if unknown.
        """
        count = len(submission.urls)
        return cls(
            urls=submission.urls,
            created=created,
            states=bytearray(count),
            attempts=bytearray(count),
            pending=count,
            owner=submission.owner,
            options=submission.options,
            opened=opened,
            retry_of=submission.retry_of,
            request=submission.request,
            origin=submission.origin,
            tenant=submission.tenant,
            asked_bytes=asked_bytes,
            data=dict(submission.data),
        )

    # --- state changes; `now` is in monotonic seconds -----------------------------------------

    def begin(self, index: int, now: float) -> int:
        """Begin an attempt; return its number, from 1."""
        attempt = min(self.attempts[index] + 1, _MAX_ATTEMPTS_SHOWN)
        self.attempts[index] = attempt
        self.timelines.claimed(index, attempt, now)
        self.log.note(index)
        return attempt

    def begin_upload(self, index: int) -> None:
        """Record that the upload begins."""
        self.uploading.add(index)
        if index in self.outcome_unknown:
            self.maybe_duplicated.add(index)
            self.log.note(index)

    def interrupt(
        self, index: int, trouble: tuple[str, str], now: float, *, count: bool, maybe_stored: bool
    ) -> None:
        """End an attempt without a result; see `JobTable.interrupt`."""
        self.uploading.discard(index)
        if maybe_stored:
            self.outcome_unknown.add(index)
        self._set_error(index, trouble)
        if not count and self.attempts[index]:
            self.attempts[index] -= 1
        self.timelines.ended(index, End.RETRIED, now, trouble[0])
        self.log.note(index)

    def complete(self, index: int, image: Uploaded, now: float) -> None:
        """Record an upload."""
        self.uploading.discard(index)
        self.outcome_unknown.discard(index)
        self.states[index] = ImageState.COMPLETE
        self._drop_error(index)
        self.links[index] = image.link
        self.deletehashes[index] = image.deletehash
        self.beyond_bytes += beyond_usual(image.link, image.deletehash)
        if image.same_as:
            self.deduplicated.add(index)
        self.asked_bytes -= len(self.data.pop(index, b""))
        if image.altered is not None:
            media_type, size = image.altered
            self.altered[index] = Altered(sys.intern(media_type), size)  # there are few types
        if self.album is not None:
            self.album.add(self.place(index), image.link, image.deletehash)
        if image.converted is not None:
            source_type, media_type, *rest = image.converted
            self.converted[index] = Converted(
                sys.intern(source_type), sys.intern(media_type), *rest
            )
        self.timelines.ended(index, End.UPLOADED, now)
        self.pending -= 1
        self.log.note(index)

    def resolve(self, index: int, url: str) -> None:
        """The URL led to a page, and the image was at another one; told before its end."""
        self.resolved[index] = url
        self.beyond_bytes += _resolved_bytes(url)

    def place(self, index: int) -> int:
        """Where an image stands in the job's album."""
        return index if self.places is None else self.places[index]

    def fail(self, index: int, trouble: tuple[str, str], now: float) -> None:
        """Record the final failure of a URL."""
        reason, _ = trouble
        self.uploading.discard(index)
        self.outcome_unknown.discard(index)
        self.states[index] = ImageState.FAILED
        self._set_error(index, trouble)
        self.timelines.ended(index, End.FAILED, now, reason)
        self.pending -= 1
        self.log.note(index)
        if self.cancelled is not None and reason == Reason.CANCELLED:
            self.cancelled += 1

    def cancel(self, indexes: Iterable[int], now: float) -> None:
        """Cancel the job and fail these URLs."""
        if self.cancelled is None:
            self.cancelled = 0
            self.log.note(0)  # a change of the job itself, not of this URL
        trouble = CANCELLED.reason, CANCELLED.message
        for index in indexes:
            self.fail(index, trouble, now)

    def _set_error(self, index: int, trouble: tuple[str, str]) -> None:
        self._drop_error(index)
        self.troubles[index] = trouble
        self.beyond_bytes += beyond_usual(trouble[1])

    def _drop_error(self, index: int) -> None:
        trouble = self.troubles.pop(index, None)
        if trouble is not None:
            self.beyond_bytes -= beyond_usual(trouble[1])

    def restart_timelines(self, opened: float) -> None:
        """Clear the timelines: the times that a recovery enters are those of the recovery."""
        self.timelines = Timelines(len(self.urls), opened)

    # --- reading ------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Estimated memory in bytes."""
        changes = len(self.log) - DEFAULT_CHANGES * len(self.urls)
        marks = len(self.outcome_unknown) + len(self.maybe_duplicated) + len(self.deduplicated)
        return (
            self.asked_bytes
            + self.beyond_bytes
            + CHANGE_BYTES * max(0, changes)
            + MARK_BYTES * marks
            + ALTERED_BYTES * len(self.altered)
            + (0 if self.album is None else ALBUM_IMAGE_BYTES * len(self.links))
            + CONVERTED_BYTES * len(self.converted)
            + self.timelines.earlier_bytes
            + (0 if self.tasks is None else self.tasks.size)
        )

    @property
    def has_untold_callback(self) -> bool:
        """True if the job is complete and its webhook is not delivered yet."""
        if self.options.callback_url is None or self.finished is None:
            return False
        return self.tasks is None or not self.tasks.is_told

    @property
    def has_open_tasks(self) -> bool:
        """True if a webhook or a deletion is open."""
        has_album_task = self.album is not None and self.album.step is not None
        has_deletions = bool(self.tasks and self.tasks.pending_deletions)
        return self.has_untold_callback or has_deletions or has_album_task

    def changes(self, wanted: ChangesWanted, held: tuple[str, str] | None = None) -> JobChanges:
        """What is new of this job, whoever asks; `held` is why all pending URLs wait."""
        since, limit, total = wanted.since, wanted.limit, len(self.urls)
        known = total if wanted.known is None else wanted.known
        is_first = not self.log.knows(since)
        if is_first:
            since, known = self.log.version, 0
        urls = fit_in_a_call(self.urls[known : known + limit])
        indexes: Sequence[int]
        if known < total:
            # Changes made while a reader pages through the URLs are in the log after `since`, and
            # are read after them.
            indexes, version = range(known, known + len(urls)), since
        else:
            indexes, version = self.log.since(since, limit)
        return JobChanges(
            job_id=wanted.job_id,
            status=self.status,
            created=self.created,
            finished=self.finished,
            total=total,
            text_bytes=self.text_bytes,
            complete=len(self.links),
            failed=total - self.pending - len(self.links),
            is_first=is_first,
            known=known + len(urls),
            version=version,
            latest=self.log.version,
            urls=urls,
            indexes=indexes,
            named=tuple(map(self.urls.__getitem__, indexes)) if wanted.name_urls else (),
            states=bytes(map(self.states.__getitem__, indexes)),
            attempts=bytes(map(self.attempts.__getitem__, indexes)),
            links={index: self.links[index] for index in indexes if index in self.links},
            troubles={index: self.troubles[index] for index in indexes if index in self.troubles},
            possibly_duplicated=frozenset(self.maybe_duplicated.intersection(indexes)),
            deduplicated=frozenset(self.deduplicated.intersection(indexes)),
            resolved={index: self.resolved[index] for index in indexes if index in self.resolved},
            altered={index: self.altered[index] for index in indexes if index in self.altered},
            converted={
                index: self.converted[index] for index in indexes if index in self.converted
            },
            timelines=self.timelines.rows(indexes),
            earlier=self.timelines.earlier(indexes),
            deletions=self.tasks.deletions_of(indexes) if self.tasks else {},
            deliveries=tuple(self.tasks.deliveries) if self.tasks else (),
            album=None if self.album is None else self.album.status(),
            is_cancelled=self.cancelled is not None,
            retry_of=self.retry_of,
            retried_as=self.retried_as,
            held=held if self.pending else None,
        )

    def overview(self, job_id: str) -> JobOverview:
        """Return the job without its URLs."""
        return JobOverview(
            job_id=job_id,
            created=self.created,
            finished=self.finished,
            status=self.status,
            total=len(self.urls),
            complete=len(self.links),
            failed=len(self.urls) - self.pending - len(self.links),
            cancelled=self.cancelled,
            retry_of=self.retry_of,
            retried_as=self.retried_as,
        )

    def failed(self) -> list[int]:
        """Indexes of the URLs that failed, ascending; without data URLs whose bytes are gone."""
        failed = compress(range(len(self.urls)), self.states.translate(_IS_FAILED))
        if self.retried_as is None:
            return list(failed)
        return [n for n in failed if n in self.data or not self.urls[n].startswith(SCHEME)]

    def retry(self, job_id: str) -> None:
        """Record that a job retries what failed; it has the bytes of data URLs now."""
        self.retried_as = job_id
        self.asked_bytes -= sum(map(len, self.data.values()))
        self.data.clear()
        self.log.note(0)  # a change of the job itself, not of this URL


def _resolved_bytes(url: str) -> int:
    return MARK_BYTES + url.__sizeof__()
