"""Options of a job, the same for all of its images."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, NamedTuple

HeadersByOrigin = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
"""(origin, ((name, value), …)), …: immutable, as all messages."""


ALBUM_PATTERN: Final = "^[A-Za-z0-9]{1,64}$"
"""Of an album's id, and of its deletehash."""


class Priority(StrEnum):
    """A job's priority among the jobs of its tenant."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class NewAlbum(NamedTuple):
    """An album that is to be created for a job; what is None is left to Imgur.

    Attributes:
        title: shown above it.
        description: shown above it.
        privacy: one of `ALBUM_PRIVACIES`.
        layout: one of `ALBUM_LAYOUTS`.
    """

    title: str | None = None
    description: str | None = None
    privacy: str | None = None
    layout: str | None = None


# https://apidocs.imgur.com, "Album Creation".
ALBUM_PRIVACIES: Final = ("public", "hidden", "secret")
ALBUM_LAYOUTS: Final = ("blog", "grid", "horizontal", "vertical")


@dataclass(frozen=True, slots=True)
class JobOptions:
    """Options, validated by the web side. Those that may hold secrets are not in the repr.

    Attributes:
        album: id, or deletehash, of the album; the album that is to be created; None for the one
            in the settings.
        title: template; see `workers.worker.image_text`.
        description: template as well.
        priority: see `Priority`.
        source_headers: request headers, by origin.
        callback_url: target of the webhook at the job's end.
        resolve_pages: whether links to pages are followed to their images; None: as the settings
            say.
        convert: whether images that Imgur would refuse are converted, where the service does.
    """

    album: str | NewAlbum | None = field(default=None, repr=False)
    title: str | None = None
    description: str | None = None
    priority: Priority = Priority.NORMAL
    source_headers: HeadersByOrigin = field(default=(), repr=False)
    callback_url: str | None = field(default=None, repr=False)
    resolve_pages: bool | None = None
    convert: bool = True

    def __reduce__(self) -> tuple[Any, tuple[object, ...]]:
        return job_options, _values(self)

    def to_record(self) -> dict[str, Any]:
        """Return the non-default options, for the journal."""
        return {
            name: value
            for name, value, default in zip(_NAMES, _values(self), _values(NO_OPTIONS), strict=True)
            if value != default
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "JobOptions":
        """Read the result of `to_record` after JSON.

        Raises:
            TypeError: the record is malformed.
            ValueError: the record is malformed.
        """
        if not record:
            return NO_OPTIONS
        origins = record.get("source_headers", ())
        headers = tuple(
            (origin, tuple((name, value) for name, value in pairs)) for origin, pairs in origins
        )
        album = record.get("album")
        if isinstance(album, list):
            album = NewAlbum(*album)
        priority = Priority(record.get("priority", Priority.NORMAL))
        return cls(**{**record, "album": album, "source_headers": headers, "priority": priority})


_NAMES = JobOptions.__match_args__
_values = attrgetter(*_NAMES)

NO_OPTIONS: Final = JobOptions()
"""Options of all jobs without any: one shared object, so that they take no memory."""


def job_options(*values: Any) -> JobOptions:  # noqa: ANN401 - the fields, each of its type
    """Make options of their field values; equal ones become `NO_OPTIONS` itself."""
    options = JobOptions(*values)
    return NO_OPTIONS if options == NO_OPTIONS else options
