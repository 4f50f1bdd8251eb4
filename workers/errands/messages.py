"""What travels between the errand book and the workers, and what readers of a job see of it."""

from dataclasses import dataclass, field
from enum import StrEnum

from workers.jobs.origin import Origin


class ErrandKind(StrEnum):
    """What there is to do."""

    WEBHOOK = "webhook"
    DELETION = "deletion"


@dataclass(frozen=True, slots=True)
class Errand:
    """One errand handed to one worker, as a `Lease` is.

    Attributes:
        token: names this hand-out; a word about it counts only while it is in force.
        job_id: whose errand it is.
        index: of the image to delete; 0 for a webhook.
        attempt: 1 for the first try.
        target: the URL to be told, or the image's deletehash. Both may be secrets.
        body: what the URL is told.
        origin: the request that its job came with, if that is known.
    """

    token: int
    kind: ErrandKind
    job_id: str
    index: int
    attempt: int
    target: str = field(repr=False)
    body: bytes = b""
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The errand is done.

    Attributes:
        status: of the answer.
        pause_seconds: set when this used up Imgur's allowance: how long nothing more will fit.
    """

    status: int | None = None
    pause_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Undone:
    """This attempt failed.

    Attributes:
        reason: a stable code.
        message: one sentence for a person; it never holds a secret.
        status: of the answer, if there was one.
        is_final: no further attempt makes sense.
        retry_after: seconds the other side asked to wait, if it did.
    """

    reason: str
    message: str
    status: int | None = None
    is_final: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class PutOff:
    """Imgur asked everybody to wait; the attempt is not counted."""

    message: str
    pause_seconds: float


ErrandOutcome = Done | Undone | PutOff


@dataclass(frozen=True, slots=True)
class ErrandReport:
    """A worker's word on an errand."""

    token: int
    outcome: ErrandOutcome


@dataclass(frozen=True, slots=True)
class ErrandReceipt:
    """The book's answer to a report.

    Attributes:
        accepted: False when the errand was no longer this worker's; then nothing has changed.
        retry_seconds: until the next attempt; None if there is none.
    """

    accepted: bool
    retry_seconds: float | None = None


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


PENDING_DELETION = Deletion(DeletionState.PENDING)


class DeletionRefusal(StrEnum):
    """Why an image is not deleted."""

    JOB_NOT_FOUND = "job-not-found"
    IMAGE_NOT_FOUND = "image-not-found"
    IMAGE_NOT_COMPLETE = "image-not-complete"
    IMAGE_NOT_DELETABLE = "image-not-deletable"
    IMAGE_ALREADY_DELETED = "image-already-deleted"
    DRAINING = "draining"
