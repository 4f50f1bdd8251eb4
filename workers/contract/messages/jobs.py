"""Messages about the state of a job, from the job table."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from enum import IntEnum, StrEnum
from typing import Final

from workers.contract.messages.albums import AlbumStatus
from workers.contract.messages.outcomes import ImageDetails
from workers.contract.messages.tasks import DeliveryAttempt

CHANGES_A_CALL: Final = 2000
"""Small enough not to delay workers: the lock is held for about 1 ms, pickling takes as long."""

CHANGES_A_CALL_BYTES: Final = 1024**2
"""Of URLs in one response; some may be long. Pickling and reading them holds up all threads of
either process, 1 ms for so much."""


class JobStatus(StrEnum):
    """A job's status; it only moves down this list."""

    PENDING = "pending"
    IN_PROGRESS = "in-progress"
    COMPLETE = "complete"


class ImageState(IntEnum):
    """The state of one URL; COMPLETE and FAILED are final. A job stores it in a byte per URL."""

    PENDING = 0
    COMPLETE = 1
    FAILED = 2


@dataclass(frozen=True, slots=True)
class JobOverview:
    """A job without its URLs.

    Attributes:
        created: seconds since the epoch.
        finished: the same; None until the last URL is final.
        total: number of URLs, as are complete and failed.
        cancelled: number of failed URLs that were cancelled; None if the job was not cancelled.
        retry_of: id of the job whose failed URLs these are.
        retried_as: id of the job that retries its failed URLs.
    """

    job_id: str
    created: float
    finished: float | None
    status: JobStatus
    total: int
    complete: int
    failed: int
    cancelled: int | None
    retry_of: str | None
    retried_as: str | None

    @property
    def pending(self) -> int:
        """Number of URLs that are not final."""
        return self.total - self.complete - self.failed


@dataclass(frozen=True, slots=True)
class JobListing:
    """A page of an owner's jobs, newest first.

    Attributes:
        following: where the next page begins; None on the last page.
    """

    jobs: tuple[JobOverview, ...]
    following: int | None


@dataclass(frozen=True, slots=True)
class ChangesWanted:
    """A request for the changes of a job since a reader's last call.

    A reader begins with the job's id only, and repeats the call with `version` and `known` of the
    response until one is current. Each call is short, so that reading a large job does not delay
    writers.

    Attributes:
        job_id: the job.
        since: the version in the reader's last answer. One that is not of this job, such as 0,
            begins anew.
        owner: of the job.
        known: URLs the reader has been told of; None for all of them.
        limit: URLs to tell of, and changes to go through, in this call. Fewer URLs are told where
            they are longer than `CHANGES_A_CALL_BYTES`.
        name_urls: tell the URLs that have changed as well, for a reader that keeps none.
    """

    job_id: str
    since: int = 0
    owner: str = ""
    _: KW_ONLY
    known: int | None = None
    limit: int = CHANGES_A_CALL
    name_urls: bool = False


@dataclass(frozen=True, slots=True)
class JobChanges(JobOverview):
    """Changes of a job since a version, in columns: thousands of URLs cross a process boundary as a
    few large objects. A reader that applies all of them sees the job at the moment of the last one
    that `is_current`.

    Attributes:
        text_bytes: of all URLs, in characters.
        is_first: what the reader knew is no use here: it begins anew, with this.
        known: URLs that the reader has been told of after this, from the first one on.
        version: how far the reader has come after this.
        latest: the version of the job now; the same for two moments means the same to see.
        urls: those new to the reader; they stand at the indexes, in order.
        indexes: the URLs that are new or have changed, ascending.
        states: one ``ImageState`` a byte, in the order of the indexes.
        attempts: tries begun, one byte each, in the same order (255 means 255 or more).
        links: Imgur link by index, of those that have one.
        errors: (reason, message) by index: of the failure, or of the last attempt while another
            is due.
        details: what is unusual about an image, by index, of those that have any.
        timelines: see `workers.state.jobs.timeline`; a row for each of the indexes.
        earlier: rows of the attempts before, by index, of those that had some.
        deliveries: attempts to deliver the webhook, oldest first; all of them, each time.
        album: the one that it requested, as it is now.
        held: why its pending URLs wait, all of them: (reason, message); None if they just do.
        named: the URLs themselves, one for each of the indexes, if `name_urls` is set.
    """

    text_bytes: int
    is_first: bool
    known: int
    version: int
    latest: int
    urls: tuple[str, ...]
    indexes: Sequence[int]
    states: bytes
    attempts: bytes
    links: Mapping[int, str]
    errors: Mapping[int, tuple[str, str]]
    details: Mapping[int, ImageDetails] = field(default_factory=dict)
    timelines: bytes = b""
    earlier: Mapping[int, bytes] = field(default_factory=dict)
    deliveries: tuple[DeliveryAttempt, ...] = ()
    album: AlbumStatus | None = None
    held: tuple[str, str] | None = None
    named: tuple[str, ...] = ()

    @property
    def is_current(self) -> bool:
        """True if the reader is up to date."""
        return self.known == self.total and self.version == self.latest
