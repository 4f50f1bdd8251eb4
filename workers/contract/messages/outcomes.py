"""Outcomes of an attempt at a task."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any, Final, NamedTuple

from workers.contract.errors import Reason
from workers.contract.messages.albums import AlbumCreated
from workers.contract.messages.pickling import travels_each_turn
from workers.contract.messages.tasks import Deletion


class Altered(NamedTuple):
    """What Imgur made of an image that it did not store as it was sent.

    Attributes:
        media_type: of what is stored.
        size: of the same, in bytes.
    """

    media_type: str
    size: int


class Converted(NamedTuple):
    """What was made of an image that Imgur would have refused.

    Attributes:
        source_type: its media type.
        media_type: that of what was made of it.
        source_size: in bytes, before.
        size: the same, after.
        width: in pixels, after, as is the height.
    """

    source_type: str
    media_type: str
    source_size: int
    size: int
    width: int
    height: int


@travels_each_turn
@dataclass(frozen=True, slots=True)
class ImageDetails:
    """What is unusual about an image: made by the worker, kept with the job and in the journal,
    shown to readers. Most images have none. A new field needs a place in the JSON of a result, and
    its bytes in `workers.state.jobs.job_size`.

    Attributes:
        maybe_duplicated: it was uploaded again after an upload that got no response.
        deduplicated: the link is that of the same image, uploaded before; nothing was sent.
        resolved_to: where the image was looked for, if its URL led to a page.
        converted: set when the image was converted before its upload.
        altered: set when Imgur says that it stored something else than was sent.
        deletion: set when somebody wants the image deleted.
    """

    maybe_duplicated: bool = False
    deduplicated: bool = False
    resolved_to: str | None = None
    converted: Converted | None = None
    altered: Altered | None = None
    deletion: Deletion | None = None

    def to_record(self) -> dict[str, Any]:
        """Return the fields that are set, for the journal."""
        return {
            name: value
            for name, value in zip(_NAMES, _values(self), strict=True)
            if value is not None and value is not False
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "ImageDetails":
        """Read the result of `to_record` after JSON.

        Raises:
            TypeError, ValueError: the record is malformed.
        """
        nested = {name: of(record[name]) for name, of in _FROM_JSON.items() if name in record}
        return cls(**{**record, **nested})

    def with_shared_types(self) -> "ImageDetails":
        """Return these details with media types that are shared strings, as there are few."""
        altered, converted = self.altered, self.converted
        if altered is not None:
            altered = Altered(sys.intern(altered.media_type), altered.size)
        if converted is not None:
            source_type, media_type, *sizes = converted
            converted = Converted(sys.intern(source_type), sys.intern(media_type), *sizes)
        return replace(self, altered=altered, converted=converted)

    def updated(self, newer: "ImageDetails") -> "ImageDetails":
        """Return these details with the fields that are set in newer ones."""
        return replace(self, **newer.to_record())


_NAMES: Final = ImageDetails.__match_args__
_values = attrgetter(*_NAMES)

NO_DETAILS: Final = ImageDetails()

_FROM_JSON: Final[Mapping[str, Callable[[Any], Any]]] = {
    "converted": Converted._make,
    "altered": Altered._make,
    "deletion": Deletion.from_record,
}


@travels_each_turn
@dataclass(frozen=True, slots=True)
class Uploaded:
    """The image is at Imgur.

    Attributes:
        pause_seconds: until the quota resets, if this upload used it up.
        content: see `DownloadReport`.
    """

    link: str
    deletehash: str = field(repr=False)
    pause_seconds: float | None = None
    content: bytes | None = None
    details: ImageDetails = NO_DETAILS


@dataclass(frozen=True, slots=True)
class Done:
    """The webhook is delivered, or the image deleted.

    Attributes:
        status: of the callback URL's response.
        pause_seconds: see `Uploaded`.
    """

    status: int | None = None
    pause_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The task failed for good.

    Attributes:
        reason: stable code.
        message: one sentence for a person; it never holds a secret.
        source_pause_seconds: see `RetryLater`, as for the status.
    """

    reason: str
    message: str
    source_pause_seconds: float | None = None
    status: int | None = None
    details: ImageDetails = NO_DETAILS


CANCELLED: Final = Failed(Reason.CANCELLED, "The job was cancelled before this URL was uploaded.")
"""Result of a cancelled URL."""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """This attempt failed; another one is due after ``delay_seconds``.

    Attributes:
        maybe_stored: whether Imgur may have the image nevertheless.
        source_pause_seconds: set if the source is overloaded: the pause that it asked for, or 0.
        status: of a callback URL's response, if any.
    """

    reason: str
    message: str
    delay_seconds: float
    maybe_stored: bool = False
    source_pause_seconds: float | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Deferred:
    """The task goes back, and the attempt is not counted.

    Attributes:
        pause_seconds: how long Imgur asked everybody to wait: it is asked for nothing meanwhile; 0
            if it did not, None if it did and gave no time that can be believed.
    """

    reason: str
    message: str
    pause_seconds: float | None


@dataclass(frozen=True, slots=True)
class MaybeBlocked:
    """Imgur refused the upload, and may refuse the application or the address rather than the
    image: how others end tells.

    Attributes:
        otherwise: what the refusal comes to, if the image is its cause.
        sentence: Imgur's own, fit to be shown; empty if there is none.
        is_certain: it cannot be the image.
    """

    otherwise: Failed | RetryLater
    sentence: str = ""
    is_certain: bool = False

    @property
    def reason(self) -> str:
        return self.otherwise.reason

    @property
    def message(self) -> str:
        return self.otherwise.message


Outcome = Uploaded | AlbumCreated | Done | Failed | RetryLater | Deferred | MaybeBlocked
