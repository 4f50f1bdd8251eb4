"""What a client asked for beyond its URLs: the same for all images of a job."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, NamedTuple

HeadersByOrigin = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
"""(origin, ((name, value), …)), …: as tuples, since what travels cannot be changed."""


ALBUM_PATTERN: Final = "^[A-Za-z0-9]{1,64}$"
"""Of an album's id, and of its deletehash."""


class Priority(StrEnum):
    """How large a job's share of the workers is beside the others'."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class NewAlbum(NamedTuple):
    """An album that is to be created for a job; what is None is left to Imgur.

    Attributes:
        title: shown above it.
        description: the same.
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
    """Checked by the web side. Secrets, and what may hold some, are not shown.

    Attributes:
        album: id, or deletehash, of the album; the album that is to be created; None for the one
            in the settings.
        title: a template; see `workers.worker.image_text`.
        description: the same.
        priority: see `Priority`.
        source_headers: sent along to the origins named.
        callback_url: is told how the job ended.
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
        """What differs from the default, for a journal."""
        return {
            name: value
            for name, value, usual in zip(_NAMES, _values(self), _values(NO_OPTIONS), strict=True)
            if value != usual
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "JobOptions":
        """What `to_record` gave, gone through JSON.

        Raises:
            TypeError: the record is no such thing.
            ValueError: the same.
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
"""Of all jobs that came without any: one object, so that they cost nothing."""


def job_options(*values: Any) -> JobOptions:  # noqa: ANN401 - the fields, each of its type
    """The options with these values of its fields; `NO_OPTIONS` itself where they are its."""
    options = JobOptions(*values)
    return NO_OPTIONS if options == NO_OPTIONS else options
