"""Messages about the state of a job, from the job table."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from enum import IntEnum, StrEnum
from typing import Final

from workers.contract.messages.albums import AlbumStatus
from workers.contract.messages.outcomes import Altered, Converted
from workers.contract.messages.tasks import Deletion, DeliveryAttempt

CHANGES_A_CALL: Final = 2000
"""Small enough not to delay workers: the lock is held for about 1 ms, pickling takes as long."""

CHANGES_A_CALL_BYTES: Final = 1024**2
"""Of URLs told in one call; some may be long. Pickling and reading them holds up all threads of
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
class JobSummary:
    """A job that has become complete; part of the response to the last report.

    Attributes:
        unlogged: number of failed URLs without a log line, by reason.
    """

    job_id: str
    complete: int
    failed: int
    seconds: float
    unlogged: Mapping[str, int] = field(default_factory=dict)


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
        owner: who asks.
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
class JobChanges:
    """Changes of a job since a version, in columns: thousands of URLs cross a process boundary as a
    few large objects. A reader that applies all of them sees the job at the moment of the last one
    that `is_current`.

    Attributes:
        created: seconds since the epoch, GMT.
        finished: the same, or None until the last URL is final.
        total: URLs of the job.
        text_bytes: of all of them, in characters.
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
        resolved: where the image was, by index, of those that led to a page.
        altered: what is stored, by index, of those whose image Imgur changed.
        converted: what was made, by index, of those whose image was converted.
        timelines: see `workers.state.jobs.timeline`; a row for each of the indexes.
        earlier: rows of the attempts before, by index, of those that had some.
        is_cancelled: whether somebody has cancelled the job.
        retry_of: the job whose failed URLs these are.
        retried_as: the job that the failed ones became.
        deletions: of images, by index, of those that somebody wants deleted.
        deliveries: attempts to tell the callback URL, oldest first; all of them, each time.
        album: the one that it asked for, as it stands.
        held: why its pending URLs wait, all of them: (reason, message); None if they just do.
        named: the URLs themselves, one for each of the indexes, where that was asked for.
    """

    job_id: str
    status: JobStatus
    created: float
    finished: float | None
    total: int
    text_bytes: int
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
    resolved: Mapping[int, str] = field(default_factory=dict)
    altered: Mapping[int, Altered] = field(default_factory=dict)
    converted: Mapping[int, Converted] = field(default_factory=dict)
    timelines: bytes = b""
    earlier: Mapping[int, bytes] = field(default_factory=dict)
    is_cancelled: bool = False
    retry_of: str | None = None
    retried_as: str | None = None
    deletions: Mapping[int, Deletion] = field(default_factory=dict)
    deliveries: tuple[DeliveryAttempt, ...] = ()
    album: AlbumStatus | None = None
    held: tuple[str, str] | None = None
    named: tuple[str, ...] = ()

    @property
    def pending(self) -> int:
        """Number of URLs that are not final."""
        return self.total - self.complete - self.failed

    @property
    def is_current(self) -> bool:
        """True if the reader is up to date."""
        return self.known == self.total and self.version == self.latest
