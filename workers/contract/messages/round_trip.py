"""One turn of a worker: what it says to the mailbox in a round trip, and what it is told."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from workers.contract.job_options import HeadersByOrigin, JobOptions
from workers.contract.messages.albums import AlbumCall
from workers.contract.messages.jobs import JobSummary
from workers.contract.messages.outcomes import Outcome
from workers.contract.messages.pickling import travels_each_turn
from workers.contract.messages.tasks import TaskKind
from workers.contract.origin import Origin
from workers.contract.quota import Quota

DATA_PIECE_BYTES: Final = 512 * 1024
"""Of a data URL, that a worker is told at once."""

UrlKey = tuple[str, int]
"""Which task of its kind: the job's id and the image's index in it, 0 for a webhook; or the key of
an album and 0."""

TaskKey = tuple[TaskKind, UrlKey]


@travels_each_turn
@dataclass(frozen=True, slots=True)
class ImageOptions:
    """What a worker needs to know of a job's options.

    Attributes:
        count: URLs of the job, for the templates.
        album: id, or deletehash, of the album; None for the one in the settings.
        title: see `JobOptions`, as the others.
    """

    count: int
    album: str | None = field(default=None, repr=False)
    title: str | None = None
    description: str | None = None
    source_headers: HeadersByOrigin = field(default=(), repr=False)
    resolve_pages: bool | None = None
    convert: bool = True

    @classmethod
    def of(cls, options: JobOptions, count: int, new_album: str = "") -> "ImageOptions | None":
        """Those of a job; None if a worker has nothing to do differently for it.

        Args:
            options: of the job.
            count: its URLs.
            new_album: the name of the album that was created for it, if it asked for one.
        """
        told = (
            options.album if isinstance(options.album, str) else new_album or None,
            options.title,
            options.description,
            options.source_headers,
            options.resolve_pages,
            options.convert,
        )
        return None if told == (None, None, None, (), None, True) else cls(count, *told)


@travels_each_turn
@dataclass(frozen=True, slots=True)
class Lease:
    """One task handed to one worker.

    Attributes:
        token: names this hand-out; a word about it counts only while it is in force.
        index: of the image; 0 for others.
        target: the image's URL, the callback URL, or the deletehash of the image to delete. Any of
            them may hold a secret.
        attempt: 1 for the first try.
        options: of its job, for an image; those of several leases in one delivery are one object,
            and travel once.
        origin: the request that its job came with, travelling in the same way.
        body: what the callback URL is told.
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
    """The image of a lease has arrived at its worker, and is to be sent.

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
    """A worker's word on a lease."""

    token: int
    outcome: Outcome


@travels_each_turn
@dataclass(frozen=True, slots=True)
class Ack:
    """The mailbox's answer to a report.

    Attributes:
        accepted: False when the lease was no longer in force; then nothing has changed.
        finished: the job's summary, when this report was its last.
        is_logged: False for a failure of a job that has filled its share of the log.
    """

    accepted: bool
    finished: JobSummary | None = None
    is_logged: bool = True


@travels_each_turn
@dataclass(frozen=True, slots=True)
class NotNow:
    """An image that has arrived must wait, as Imgur takes none at the moment.

    Attributes:
        reason: a stable code.
        message: one sentence for a person.
    """

    reason: str
    message: str


UploadDecision = bool | str | NotNow
"""Whether an image may be sent; a link, if it is there already; why it must wait."""


class Directive(StrEnum):
    """What a worker should do next."""

    WORK = "work"
    IDLE = "idle"
    DRAINED = "drained"
    FENCED = "retired"


@travels_each_turn
@dataclass(frozen=True, slots=True)
class WorkerRequest:
    """What the lanes of a worker have to say in one round trip.

    Attributes:
        reports: of leases that end.
        uploads: images that are about to be sent.
        wanted: leases asked for at most; lanes that are free.
        quota: what Imgur still takes, when it has changed noticeably.
    """

    reports: tuple[Report, ...] = ()
    uploads: tuple[DownloadReport, ...] = ()
    wanted: int = 0
    quota: Quota | None = None


@travels_each_turn
@dataclass(frozen=True, slots=True)
class WorkerResponse:
    """The mailbox's answer to `WorkerRequest`.

    Attributes:
        leases: no more than were asked for.
        acks: one a report, in their order.
        cleared: one for each of `WorkerRequest.uploads`, in their order: see `UploadDecision`.
    """

    directive: Directive
    leases: tuple[Lease, ...] = ()
    acks: tuple[Ack, ...] = ()
    cleared: tuple[UploadDecision, ...] = ()
