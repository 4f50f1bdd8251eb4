"""What travels between the web side, the mailbox, the job table and the workers.

Every message is immutable and picklable, so that it means the same on both sides of a process
boundary and nobody can change it after it was sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from operator import attrgetter
from typing import TypeVar

from workers.allowance import Allowance
from workers.errands.messages import (
    Deletion,
    DeliveryAttempt,
    Errand,
    ErrandReceipt,
    ErrandReport,
)
from workers.job_options import NO_OPTIONS, HeadersByOrigin, JobOptions
from workers.origin import Origin
from workers.request_key import RequestKey

_Message = TypeVar("_Message")


def _travels_each_turn(message: type[_Message]) -> type[_Message]:
    """Pickle as the class and its field values; a frozen dataclass with slots otherwise goes
    through two slow functions that look its fields up each time, a fifth of a turn's whole cost.
    """
    values = attrgetter(*message.__match_args__)  # type: ignore[attr-defined] # set by dataclass

    def __reduce__(self: _Message) -> tuple[type[_Message], tuple[object, ...]]:  # noqa: N807 - set below
        return message, values(self)

    message.__reduce__ = __reduce__  # type: ignore[assignment,method-assign]
    return message


class JobStatus(StrEnum):
    """A job's life; it only ever moves down this list."""

    PENDING = "pending"
    IN_PROGRESS = "in-progress"
    COMPLETE = "complete"


class ImageState(IntEnum):
    """The state of one URL; COMPLETE and FAILED are final. Fits a byte: a job keeps one a URL."""

    PENDING = 0
    COMPLETE = 1
    FAILED = 2


# --- from the web side to the mailbox -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Submission:
    """A whole job: its id and its URLs, distinct and in the order of the request.

    Attributes:
        owner: who may see it; empty where there are no keys to tell clients apart.
        options: what was asked for besides.
        retry_of: the job whose failed URLs these are, if they are.
        request: set where the client may send the same request again.
        origin: the request that it came with.
    """

    job_id: str
    urls: tuple[str, ...]
    owner: str = ""
    options: JobOptions = NO_OPTIONS
    retry_of: str | None = None
    request: RequestKey | None = None
    origin: Origin | None = None


class RefusalCode(StrEnum):
    QUEUE_FULL = "queue-full"
    DRAINING = "draining"
    JOURNAL_FULL = "journal-full"
    KEY_REUSED = "idempotency-key-reused"
    REQUEST_UNDER_WAY = "request-under-way"
    JOB_COMPLETE = "job-complete"
    JOB_UNFINISHED = "job-unfinished"
    NOTHING_TO_RETRY = "nothing-to-retry"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a submission was not taken, nothing of it kept; or nothing done to a job.

    Attributes:
        retry_after: seconds after which another try makes sense; None where none does.
    """

    code: RefusalCode
    message: str
    retry_after: int | None


# --- from the mailbox to a worker, and back -------------------------------------------------

Place = tuple[str, int]
"""Where a URL stands: its job's id and its index in it."""


@_travels_each_turn
@dataclass(frozen=True, slots=True)
class ImageOptions:
    """What a worker needs to know of a job's options.

    Attributes:
        count: URLs of the job, for the templates.
        album: see `JobOptions`, as the others.
    """

    count: int
    album: str | None = field(default=None, repr=False)
    title: str | None = None
    description: str | None = None
    source_headers: HeadersByOrigin = field(default=(), repr=False)

    @classmethod
    def of(cls, options: JobOptions, count: int) -> "ImageOptions | None":
        """Those of a job; None if a worker has nothing to do differently for it."""
        headers = options.source_headers
        if not (options.album or options.title or options.description or headers):
            return None
        return cls(count, options.album, options.title, options.description, headers)


@_travels_each_turn
@dataclass(frozen=True, slots=True)
class Lease:
    """One URL handed to one worker.

    Attributes:
        token: names this hand-out; a word about it counts only while it is in force.
        attempt: 1 for the first try of this URL.
        options: of its job; those of several leases in one delivery are one object, and travel
            once.
        origin: of its job, travelling in the same way.
    """

    token: int
    job_id: str
    index: int
    url: str
    attempt: int
    options: ImageOptions | None = None
    origin: Origin | None = None


@_travels_each_turn
@dataclass(frozen=True, slots=True)
class Arrival:
    """The image of a lease has arrived at its worker, and is to be sent.

    Attributes:
        token: of the lease.
        size: in bytes.
        media_type: of the image.
        milliseconds: how long its download took.
        content: names what would be uploaded, the image and its fields, where images that are
            there already are not sent again; None elsewhere.
    """

    token: int
    size: int = 0
    media_type: str = ""
    milliseconds: int = 0
    content: bytes | None = None


@_travels_each_turn
@dataclass(frozen=True, slots=True)
class Uploaded:
    """The image is at Imgur.

    Attributes:
        pause_seconds: set when this upload used up the allowance: how long nothing more will fit.
        content: see `Arrival`.
        same_as: nothing was sent: the link is that of the same image, uploaded before.
    """

    link: str
    deletehash: str = field(repr=False)
    pause_seconds: float | None = None
    content: bytes | None = None
    same_as: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """The URL failed for good.

    Attributes:
        source_pause_seconds: see `TryAgain`.
    """

    reason: str
    message: str
    source_pause_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TryAgain:
    """This attempt failed; another one is due after ``delay_seconds``.

    Attributes:
        maybe_stored: Imgur may have the image all the same; its answer was lost.
        source_pause_seconds: set when the source said that it is overloaded: for how long it
            wants no requests, 0 if it did not say.
    """

    reason: str
    message: str
    delay_seconds: float
    maybe_stored: bool = False
    source_pause_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class PutBack:
    """Imgur asked everybody to wait: nothing is claimed for ``pause_seconds``, and the attempt
    is not counted against the URL.
    """

    reason: str
    message: str
    pause_seconds: float


Outcome = Uploaded | Failed | TryAgain | PutBack


@_travels_each_turn
@dataclass(frozen=True, slots=True)
class Report:
    """A worker's word on a lease."""

    token: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class JobSummary:
    """A job that has just become complete; sent to whoever's report completed it."""

    job_id: str
    complete: int
    failed: int
    seconds: float


@_travels_each_turn
@dataclass(frozen=True, slots=True)
class Receipt:
    """The mailbox's answer to a report.

    Attributes:
        accepted: False when the lease was no longer in force; then nothing has changed.
        finished: the job's summary, when this report was its last.
    """

    accepted: bool
    finished: JobSummary | None = None


Clearance = bool | str
"""Whether an image may be sent; a link, if it is there already."""


class Standing(StrEnum):
    """What a worker should do next."""

    WORK = "work"
    IDLE = "idle"
    DRAINED = "drained"
    RETIRED = "retired"


@_travels_each_turn
@dataclass(frozen=True, slots=True)
class Words:
    """What the lanes of a worker have to say in one round trip.

    Attributes:
        reports: of leases that end.
        uploads: images that are about to be sent.
        wanted: leases asked for at most; lanes that are free.
        allowance: what Imgur still takes, when it has changed noticeably.
        errands: reports of errands that end.
    """

    reports: tuple[Report, ...] = ()
    uploads: tuple[Arrival, ...] = ()
    wanted: int = 0
    allowance: Allowance | None = None
    errands: tuple[ErrandReport, ...] = ()


@_travels_each_turn
@dataclass(frozen=True, slots=True)
class Delivery:
    """The mailbox's answer to `Words`.

    Attributes:
        leases: with `errands`, no more than were asked for.
        receipts: one a report, in their order.
        cleared: one for each of `Words.uploads`, in their order: see `Clearance`.
        errands: handed out beside the leases.
        errand_receipts: one for each of `Words.errands`, in their order.
    """

    standing: Standing
    leases: tuple[Lease, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    cleared: tuple[Clearance, ...] = ()
    errands: tuple[Errand, ...] = ()
    errand_receipts: tuple[ErrandReceipt, ...] = ()


# --- to the supervisor ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CrashedUrl:
    """A URL failed because its worker died under it too often."""

    job_id: str
    url: str
    reason: str
    message: str
    finished: JobSummary | None


@dataclass(frozen=True, slots=True)
class Retirement:
    """What a dead worker left behind.

    Attributes:
        returned: leases that went back to the queue.
        failed: URLs that were failed instead, because too many workers died with them.
        had_claimed: whether the worker had ever asked for work (it had started well).
        errands: errands that were in its hands.
    """

    returned: int
    failed: tuple[CrashedUrl, ...]
    had_claimed: bool
    errands: int = 0


@dataclass(frozen=True, slots=True)
class MailboxStats:
    """The queue at a glance; counts are URLs unless the name says otherwise.

    Attributes:
        delayed: waiting for a retry's time (part of ``queued``).
        pause_seconds: until the pause that Imgur asked for ends; 0 when there is none.
        workers_ready: workers that have asked for work at least once and are not retired.
    """

    queued: int
    delayed: int
    leased: int
    pause_seconds: float
    workers_ready: int
    draining: bool


# --- from the job table to the web side -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class JobChanges:
    """What is new of a job since a version, kept in columns: thousands of URLs cross a process
    boundary as a few large objects. Whoever applies one after the other sees the job as it stood
    at the moment of the last one that `is_current`.

    Attributes:
        created: seconds since the epoch, GMT.
        finished: the same, or None until the last URL is final.
        total: URLs of the job.
        complete: of these, now.
        failed: the same.
        is_first: what the reader knew is no use here: it begins anew, with this.
        known: URLs that the reader has been told of after this, from the first one on.
        version: how far the reader has come after this.
        latest: the version of the job now; the same for two moments means the same to see.
        urls: those told of for the first time; they stand at the indexes, in order.
        indexes: the URLs that are new or have changed, ascending.
        states: one ``ImageState`` a byte, in the order of the indexes.
        attempts: tries begun, one byte each, in the same order (255 means 255 or more).
        links: Imgur link by index, of those that have one.
        troubles: (reason, message) by index: of the failure, or of the last attempt while another
            is due.
        possibly_duplicated: indexes of the URLs that may be at Imgur twice.
        deduplicated: of those whose image was there already.
        timelines: see `workers.timeline`; a row for each of the indexes.
        earlier: rows of the attempts before, by index, of those that had some.
        is_cancelled: whether somebody has cancelled the job.
        retry_of: the job whose failed URLs these are.
        retried_as: the job that the failed ones became.
        deletions: of images, by index, of those that somebody wants deleted.
        deliveries: attempts to tell the callback URL, oldest first; all of them, each time.
        named: the URLs themselves, one for each of the indexes, where that was asked for.
    """

    job_id: str
    status: JobStatus
    created: float
    finished: float | None
    total: int
    complete: int
    failed: int
    is_first: bool
    known: int
    version: int
    latest: int
    urls: tuple[str, ...]
    indexes: Sequence[int]
    states: bytes
    attempts: bytes
    links: Mapping[int, str]
    troubles: Mapping[int, tuple[str, str]]
    possibly_duplicated: frozenset[int] = frozenset()
    deduplicated: frozenset[int] = frozenset()
    timelines: bytes = b""
    earlier: Mapping[int, bytes] = field(default_factory=dict)
    is_cancelled: bool = False
    retry_of: str | None = None
    retried_as: str | None = None
    deletions: Mapping[int, Deletion] = field(default_factory=dict)
    deliveries: tuple[DeliveryAttempt, ...] = ()
    named: tuple[str, ...] = ()

    @property
    def pending(self) -> int:
        """URLs that are not final, now."""
        return self.total - self.complete - self.failed

    @property
    def is_current(self) -> bool:
        """Whether the reader knows all there is, now."""
        return self.known == self.total and self.version == self.latest
