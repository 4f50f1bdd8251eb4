"""Tasks besides images: what readers of a job see of its webhook and its deletions."""

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
    """One attempt to tell a job's callback URL that the job is complete.

    Attributes:
        at: when it ended; seconds since the epoch.
        attempt: its number, from 1.
        status: of the answer, if there was one.
        reason: why there was none.
        next_at: when the next one is due; None when it was the last.
    """

    at: float
    attempt: int
    status: int | None
    reason: str | None
    next_at: float | None


class DeletionState(StrEnum):
    """How the deletion of an image stands; a failed one may be asked for again."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Deletion:
    """The deletion of one image.

    Attributes:
        reason: why it failed, a stable code; empty otherwise.
        message: the sentence that goes with it.
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
