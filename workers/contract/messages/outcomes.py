"""Outcomes of an attempt at a task."""

from dataclasses import dataclass, field
from typing import NamedTuple

from workers.contract.messages.albums import AlbumCreated
from workers.contract.messages.pickling import travels_each_turn


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
        width: in pixels, after.
        height: the same.
    """

    source_type: str
    media_type: str
    source_size: int
    size: int
    width: int
    height: int


@travels_each_turn
@dataclass(frozen=True, slots=True)
class Uploaded:
    """The image is at Imgur.

    Attributes:
        pause_seconds: until the quota resets, if this upload used it up.
        content: see `DownloadReport`.
        same_as: the link is that of the same image, uploaded before; nothing was sent.
        resolved_to: where the image was, if its URL led to a page.
        altered: set when Imgur says that it stored something else than was sent.
        converted: set when the image was converted before.
    """

    link: str
    deletehash: str = field(repr=False)
    pause_seconds: float | None = None
    content: bytes | None = None
    same_as: bool = False
    resolved_to: str | None = None
    altered: Altered | None = None
    converted: Converted | None = None


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
        source_pause_seconds: see `RetryLater`.
        status: see `RetryLater`.
        resolved_to: see `Uploaded`.
    """

    reason: str
    message: str
    source_pause_seconds: float | None = None
    status: int | None = None
    resolved_to: str | None = None


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
        reason: a stable code.
        message: one sentence for a person.
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
        """The stable code, by which refusals are alike or not."""
        return self.otherwise.reason

    @property
    def message(self) -> str:
        """One sentence for a person."""
        return self.otherwise.message


Outcome = Uploaded | AlbumCreated | Done | Failed | RetryLater | Deferred | MaybeBlocked
