"""Messages about webhooks and deletions."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple


class TaskKind(StrEnum):
    """What a task is about: an image to upload, a webhook to deliver, an image to delete, an
    album to create, order or delete.
    """

    IMAGE = "image"
    WEBHOOK = "webhook"
    DELETION = "deletion"
    ALBUM = "album"


class DeliveryAttempt(NamedTuple):
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


class Deletion(NamedTuple):
    """The deletion of one image, or of an album.

    Attributes:
        reason: stable code of the failure; empty otherwise.
        message: sentence for the reason.
    """

    state: DeletionState
    reason: str = ""
    message: str = ""

    @classmethod
    def from_record(cls, record: Iterable[str]) -> "Deletion":
        """Read a deletion that was written as JSON.

        Raises:
            TypeError, ValueError: the record is malformed.
        """
        state, *why = record
        return cls(DeletionState(state), *why)


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
