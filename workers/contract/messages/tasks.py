"""Messages about webhooks and deletions."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class TaskKind(StrEnum):
    """What a task is about: an image to upload, a callback URL to tell, an image to delete, an
    album to create, order or delete.
    """

    IMAGE = "image"
    WEBHOOK = "webhook"
    DELETION = "deletion"
    ALBUM = "album"


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One attempt to deliver a job's webhook.

    Attributes:
        at: its end in seconds since the epoch.
        attempt: number, from 1.
        status: of the response, if any.
        reason: why there was no response.
        next_at: time of the next attempt in seconds since the epoch; None after the last.
    """

    at: float
    attempt: int
    status: int | None
    reason: str | None
    next_at: float | None


class DeletionState(StrEnum):
    """The state of a deletion; a failed one may be requested again."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Deletion:
    """The deletion of one image.

    Attributes:
        reason: stable code of the failure; empty otherwise.
        message: sentence for the reason.
    """

    state: DeletionState
    reason: str = ""
    message: str = ""


PENDING_DELETION: Final = Deletion(DeletionState.PENDING)


class DeletionRefusal(StrEnum):
    """Why an image, or an album, is not deleted."""

    JOB_NOT_FOUND = "job-not-found"
    IMAGE_NOT_FOUND = "image-not-found"
    IMAGE_NOT_COMPLETE = "image-not-complete"
    IMAGE_NOT_DELETABLE = "image-not-deletable"
    IMAGE_ALREADY_DELETED = "image-already-deleted"
    ALBUM_NOT_FOUND = "album-not-found"
    ALBUM_NOT_CREATED = "album-not-created"
    ALBUM_ALREADY_DELETED = "album-already-deleted"
    JOB_UNFINISHED = "job-unfinished"
    DRAINING = "draining"
