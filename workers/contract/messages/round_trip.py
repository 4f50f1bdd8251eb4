"""Messages of a round trip between a worker and the mailbox."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from workers.contract.job_options import NO_OPTIONS, JobOptions, Priority
from workers.contract.messages.albums import AlbumCall
from workers.contract.messages.outcomes import Deferred, Outcome
from workers.contract.messages.pickling import travels_each_turn
from workers.contract.messages.submission import Origin
from workers.contract.messages.supervision import LogLine
from workers.contract.messages.tasks import TaskKind
from workers.contract.quota import Quota

DATA_PIECE_BYTES: Final = 512 * 1024
"""Of a data URL, in one response."""

UrlKey = tuple[str, int]
"""Which task of its kind: the job's id and the image's index in it, 0 for a webhook; or the key of
an album and 0."""

TaskKey = tuple[TaskKind, UrlKey]


@travels_each_turn
@dataclass(frozen=True, slots=True)
class ImageOptions:
    """A job's options for its images.

    Attributes:
        count: URLs of the job, for the templates.
        job: what a worker goes by; its album is the one to upload into, by id or deletehash.
        is_album_new: the album was created for the job.
    """

    count: int
    job: JobOptions = NO_OPTIONS
    is_album_new: bool = False

    @classmethod
    def of(cls, options: JobOptions, count: int, new_album: str = "") -> "ImageOptions | None":
        """Those of a job with so many URLs; None if a worker has nothing to do differently for it.
        `new_album` is the name of the album that was created for it, if it asked for one.
        """
        album = options.album if isinstance(options.album, str) else new_album or None
        told = replace(options, album=album, priority=Priority.NORMAL, callback_url=None)
        return None if told == NO_OPTIONS else cls(count, told, bool(new_album))


@travels_each_turn
@dataclass(frozen=True, slots=True)
class Lease:
    """A task leased to a worker.

    Attributes:
        token: of this lease; a report counts only while the lease is valid.
        index: of the image; 0 for others.
        target: the image's URL, the callback URL, or the deletehash of the image to delete. Any of
            them may hold a secret.
        attempt: 1 for the first try.
        options: of its job, for an image; those of several leases in one delivery are one object,
            and travel once.
        origin: the request that its job came with, travelling in the same way.
        body: of the webhook.
        album: what is to be done for an album.
    """

    token: int
    job_id: str
    index: int
    target: str = field(repr=False)
    attempt: int
    options: ImageOptions | None = None
    origin: Origin | None = None
    kind: TaskKind = TaskKind.IMAGE
    body: bytes = b""
    album: AlbumCall | None = None


@travels_each_turn
@dataclass(frozen=True, slots=True)
class DownloadReport:
    """The image of a lease is downloaded, and could be uploaded.

    Attributes:
        token: of the lease.
        size: in bytes.
        media_type: of the image.
        milliseconds: how long its download took.
        converting: how long its conversion took after that, in milliseconds; 0: there was none.
        content: names what would be uploaded, the image and its fields, where images that are
            there already are not sent again; None elsewhere.
    """

    token: int
    size: int = 0
    media_type: str = ""
    milliseconds: int = 0
    content: bytes | None = None
    converting: int = 0


@travels_each_turn
@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a lease."""

    token: int
    outcome: Outcome


@travels_each_turn
@dataclass(frozen=True, slots=True)
class Ack:
    """The mailbox's response to a report.

    Attributes:
        accepted: False if the lease was not valid any more; nothing has changed then.
        finished: the line about the job's end, if this report completed it.
        is_logged: False if the job has reached its limit of log lines, or another line tells it.
    """

    accepted: bool
    finished: LogLine | None = None
    is_logged: bool = True


UploadDecision = bool | str | Deferred
"""Whether an image may be sent; a link, if it is there already; why it must wait."""


class Directive(StrEnum):
    """The mailbox's directive to a worker."""

    WORK = "work"
    IDLE = "idle"
    DRAINED = "drained"
    FENCED = "retired"


@travels_each_turn
@dataclass(frozen=True, slots=True)
class WorkerRequest:
    """The requests of a worker's lanes in one round trip.

    Attributes:
        reports: of ended leases.
        uploads: of images to upload.
        wanted: maximum number of leases: free lanes.
        quota: set if it has changed noticeably.
        conversions: tokens of leases whose images are to be converted, which takes longer.
    """

    reports: tuple[Report, ...] = ()
    uploads: tuple[DownloadReport, ...] = ()
    wanted: int = 0
    quota: Quota | None = None
    conversions: tuple[int, ...] = ()


@travels_each_turn
@dataclass(frozen=True, slots=True)
class WorkerResponse:
    """The mailbox's response to `WorkerRequest`.

    Attributes:
        leases: at most `WorkerRequest.wanted`.
        acks: of the reports, in their order.
        cleared: an `UploadDecision` for each of the uploads, in their order.
    """

    directive: Directive
    leases: tuple[Lease, ...] = ()
    acks: tuple[Ack, ...] = ()
    cleared: tuple[UploadDecision, ...] = ()
