"""An album that a job asked for: one object for the job and its retries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from workers.contract.errors import Reason
from workers.contract.job_options import NewAlbum
from workers.contract.messages.albums import (
    AlbumCall,
    AlbumCreated,
    AlbumState,
    AlbumStatus,
    AlbumStep,
)
from workers.contract.messages.outcomes import Done, Failed, Outcome, RetryLater, Uploaded
from workers.contract.messages.tasks import Deletion, DeletionState

_NOT_ORDERED: Final = -1
_BROKE_OFF: Final = Failed(
    Reason.UPLOAD_INTERRUPTED,
    "The worker process died while it created the album. Imgur may have it, empty.",
)


def album_failure(album: "Album") -> Failed:
    """Return the failure of the URLs whose album was not created."""
    _, why = album.error or ("", "")
    return Failed(Reason.ALBUM_FAILED, f"The album of the job was not created. {why}".rstrip())


def deletion_after(outcome: Outcome) -> Deletion | None:
    """Return the state of a deletion after an attempt; None if it is as before."""
    match outcome:
        case Done():
            return Deletion(DeletionState.DONE)
        case Failed(reason, message):
            return Deletion(DeletionState.FAILED, reason, message)
    return None


@dataclass(slots=True, eq=False, weakref_slot=True)
class Album:
    """One album and its images. Not thread-safe.

    Attributes:
        key: id of the job that requested it first.
        album_id: public; empty until it is created, as is the link.
        name: see `AlbumCall`.
        error: reason and message of the last step that failed.
        images: link and deletehash, by place: the index of the URL in the first job.
        job_ids: the first job, and those that retry its failed URLs.
        open_jobs: number of these that are not complete.
        is_outcome_unknown: a creation got no response.
        is_maybe_duplicated: it was created after that.
        leased: the step under a lease; in the journal, whether it is the creation, whose outcome is
            unknown after a restart.
        shown: what its jobs showed of it last, and the step that was due.
    """

    key: str
    asked: NewAlbum
    state: AlbumState = AlbumState.PENDING
    album_id: str = ""
    link: str = ""
    name: str = field(default="", repr=False)
    error: tuple[str, str] | None = None
    deletion: Deletion | None = None
    images: dict[int, tuple[str, str]] = field(default_factory=dict, repr=False)
    job_ids: list[str] = field(default_factory=list)
    open_jobs: int = 0
    is_outcome_unknown: bool = False
    is_maybe_duplicated: bool = False
    leased: AlbumStep | None = None
    shown: tuple[AlbumStatus, AlbumStep | None] | None = None
    _uploads: int = 0
    _ordered: int = 0  # as many uploads were there when it was ordered last
    _ordering: int = _NOT_ORDERED

    @property
    def is_created(self) -> bool:
        """Whether images can be uploaded into it."""
        return self.state in (AlbumState.CREATED, AlbumState.ORDERED)

    @property
    def is_ordered(self) -> bool:
        """Whether all of its images are in order; not any more once another one was uploaded."""
        return self.state is AlbumState.ORDERED and self._ordered == self._uploads

    @property
    def is_deleted(self) -> bool:
        """Whether it is deleted, or about to be."""
        return self.deletion is not None and self.deletion.state is not DeletionState.FAILED

    @property
    def step(self) -> AlbumStep | None:
        """The next step at Imgur."""
        if self.deletion is not None and self.deletion.state is DeletionState.PENDING:
            return AlbumStep.DELETE
        if self.state is AlbumState.PENDING:
            return AlbumStep.CREATE
        is_ready = self.is_created and not self.is_deleted and not self.open_jobs
        return AlbumStep.ORDER if is_ready and self._ordered != self._uploads else None

    # --- its jobs and images ----------------------------------------------------------------

    def join(self, job_id: str) -> None:
        """Add a job that puts images into it."""
        self.job_ids.append(job_id)
        self.open_jobs += 1
        if self.state is AlbumState.FAILED:
            self.state, self.error = AlbumState.PENDING, None

    def job_finished(self, *, is_cancelled: bool) -> None:
        """Count a complete job. One that ended without any upload needs no album."""
        self.open_jobs -= 1
        if not self.open_jobs and self.state is AlbumState.PENDING:
            reason = Reason.CANCELLED if is_cancelled else Reason.ALBUM_FAILED
            message = "The job ended before its album was created."
            self.state, self.error = AlbumState.FAILED, (reason, message)

    def add(self, place: int, image: Uploaded) -> None:
        self.images[place] = image.link, image.deletehash
        self._uploads += 1

    def remove(self, place: int) -> None:
        """Remove a deleted image; the others keep their order."""
        self.images.pop(place, None)

    # --- what is done at Imgur --------------------------------------------------------------

    def lease(self) -> AlbumCall | None:
        """Lease the next step; return what the worker needs for it, or None if there is none."""
        step = self.step
        if step is None:
            return None
        self.leased = step
        images: dict[str, str] = {}
        if step is AlbumStep.ORDER:
            self._ordering = self._uploads
            for place in sorted(self.images):
                link, deletehash = self.images[place]
                # Two URLs may have the same image; one of them has its deletehash.
                images[link] = images.get(link) or deletehash
        return AlbumCall(
            step, self.asked, self.album_id, self.name, tuple(images), tuple(images.values())
        )

    def settle(self, outcome: Outcome) -> None:
        """Record the outcome of the leased step."""
        step, self.leased = self.leased, None
        if step is AlbumStep.DELETE:
            self.deletion = deletion_after(outcome) or self.deletion
            return
        if isinstance(outcome, Failed | RetryLater):
            self.error = outcome.reason, outcome.message
        match step, outcome:
            case AlbumStep.CREATE, AlbumCreated(album_id, link, name):
                self.state, self.error = AlbumState.CREATED, None
                self.album_id, self.link, self.name = album_id, link, name
                self.is_maybe_duplicated = self.is_outcome_unknown
            case AlbumStep.CREATE, Failed():
                self.state = AlbumState.FAILED
            case AlbumStep.CREATE, RetryLater(maybe_stored=maybe_stored):
                self.is_outcome_unknown |= maybe_stored
            case AlbumStep.ORDER, Done():
                self.state, self.error = AlbumState.ORDERED, None
                self._ordered = self._ordering
            case AlbumStep.ORDER, Failed():
                self.state = AlbumState.CREATED
                self._ordered = self._ordering

    def broke_off(self, *, create_again: bool) -> Failed | None:
        """The worker with the step died. Return the failure of a creation that is not repeated, for
        `settle`; with `create_again` it is repeated once.
        """
        if self.leased is not AlbumStep.CREATE:
            return None
        may_try_again = create_again and not self.is_outcome_unknown
        self.is_outcome_unknown = True
        if not may_try_again:
            return _BROKE_OFF
        self.leased = None
        return None

    # --- readers and the journal ------------------------------------------------------------

    def status(self) -> AlbumStatus:
        """Return the album for readers of its jobs."""
        reason, message = self.error or (None, None)
        state = self.state
        if self.is_created and not self._uploads and not self.open_jobs:
            state = AlbumState.ORDERED  # it stays empty
        elif state is AlbumState.ORDERED and not self.is_ordered:
            state = AlbumState.CREATED
        return AlbumStatus(
            state,
            self.album_id or None,
            self.link or None,
            reason,
            message,
            self.is_maybe_duplicated,
            self.deletion,
        )

    def to_record(self) -> dict[str, Any]:
        """Return the journal's form, without the images."""
        return {
            "state": self.state.value,
            "album": [self.album_id, self.link, self.name],
            "error": self.error,
            "deletion": self.deletion,
            "flags": [
                int(self.leased is AlbumStep.CREATE),
                int(self.is_outcome_unknown),
                int(self.is_maybe_duplicated),
            ],
            "ordered": self._ordered,
        }

    def restore(self, record: Mapping[str, Any]) -> None:
        """Read the result of `to_record` after JSON.

        Raises:
            LookupError, TypeError, ValueError: the record is malformed.
        """
        self.state = AlbumState(record["state"])
        self.album_id, self.link, self.name = record["album"]
        error, deletion = record["error"], record["deletion"]
        self.error = None if error is None else (error[0], error[1])
        self.deletion = deletion and Deletion.from_record(deletion)
        is_creating, self.is_outcome_unknown, self.is_maybe_duplicated = map(bool, record["flags"])
        self.leased = AlbumStep.CREATE if is_creating else None
        self._ordered = record["ordered"]

    def to_whole_record(self, *, with_images: bool) -> dict[str, Any]:
        """Return all of it but its jobs, for a compact journal."""
        images = [[place, *image] for place, image in self.images.items()] if with_images else []
        more = {"asked": list(self.asked), "images": images, "uploads": self._uploads}
        return self.to_record() | more

    @classmethod
    def from_whole_record(cls, key: str, record: Mapping[str, Any]) -> "Album":
        """Read the result of `to_whole_record` after JSON; its jobs are entered by the caller.

        Raises:
            LookupError, TypeError, ValueError: the record is malformed.
        """
        album = cls(key, NewAlbum(*record["asked"]))
        album.images |= {place: (link, deletehash) for place, link, deletehash in record["images"]}
        album._uploads = record["uploads"]
        album.restore(record)
        return album
