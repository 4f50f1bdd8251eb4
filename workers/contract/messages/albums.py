"""Albums that a job asks for: what is to be done at Imgur, and what readers see."""

from dataclasses import dataclass, field
from enum import StrEnum

from workers.contract.job_options import NewAlbum
from workers.contract.messages.pickling import travels_each_turn
from workers.contract.messages.tasks import Deletion


class AlbumStep(StrEnum):
    """What is to be done for an album at Imgur."""

    CREATE = "create"
    ORDER = "order"
    DELETE = "delete"


class AlbumState(StrEnum):
    """How an album stands; a failed one could not be created."""

    PENDING = "pending"
    CREATED = "created"
    ORDERED = "ordered"
    FAILED = "failed"


@travels_each_turn
@dataclass(frozen=True, slots=True)
class AlbumCall:
    """One step, for a worker.

    Attributes:
        album_id: public; empty until it is created.
        name: what the album is changed by, a secret where it is anonymous; empty until then.
        links: to order: its images, in their order.
        deletehashes: of the same.
    """

    step: AlbumStep
    asked: NewAlbum
    album_id: str = ""
    name: str = field(default="", repr=False)
    links: tuple[str, ...] = ()
    deletehashes: tuple[str, ...] = field(default=(), repr=False)


@travels_each_turn
@dataclass(frozen=True, slots=True)
class AlbumCreated:
    """The outcome of a creation.

    Attributes:
        name: see `AlbumCall`.
        pause_seconds: see `Uploaded`.
    """

    album_id: str
    link: str
    name: str = field(repr=False)
    pause_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class AlbumStatus:
    """An album, for readers of its jobs.

    Attributes:
        album_id: None until it is created; the same holds for its link.
        reason: why it could not be created, or its images not be ordered; a stable code.
        possibly_duplicated: whether there may be another one, empty, at Imgur.
        deletion: set when somebody wants it deleted.
    """

    state: AlbumState
    album_id: str | None = None
    link: str | None = None
    reason: str | None = None
    message: str | None = None
    possibly_duplicated: bool = False
    deletion: Deletion | None = None
