"""What the web side sees of the actor side, whichever engine is behind it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from prometheus_client import Metric

from workers.contract.block import Block
from workers.contract.job_messages import Cancellation, JobListing, Replay, Retry
from workers.contract.messages import (
    ChangesWanted,
    DeletionRefusal,
    JobChanges,
    JobStatus,
    Refusal,
    Submission,
)
from workers.contract.origin import Origin
from workers.contract.queue_stats import QueueStats


class BackendLostError(Exception):
    """The job board is gone or does not answer; the state it held is lost."""


class BackendBusyError(Exception):
    """The board cannot be asked at the moment, for want of file descriptors; nothing is lost."""


class BackendState(StrEnum):
    """Whether work is taken, and done."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class BackendHealth:
    """The board at a glance.

    Attributes:
        workers_ready: workers that have asked for work and are alive.
        workers_wanted: workers there should be, now.
        queued_urls: waiting for a worker or for their next attempt.
        leased_urls: in work.
        pause_seconds: until the pause that Imgur asked for ends; 0 when there is none.
        workers_draining: workers that were told to leave, and finish what they have.
        max_workers: as many there may be by themselves; None where their number does not change
            by itself.
        block: set while Imgur refuses whatever is sent.
    """

    state: BackendState
    workers_ready: int
    workers_wanted: int
    queued_urls: int
    leased_urls: int
    pause_seconds: float
    workers_draining: int = 0
    max_workers: int | None = None
    block: Block | None = None


class WebMailbox(Protocol):
    """What the web side asks of a `Mailbox`."""

    def refusal(self, tenant: str, urls: int, text_bytes: int) -> Refusal | None:
        """Why a job of a tenant with so many URLs, of so many characters in all, would not be taken
        now; None if it would.
        """
        ...

    def put(self, submission: Submission) -> Refusal | Replay | None:
        """Take a whole job, or nothing of it; a refusal says why not, and a replay that the same
        request has made a job before.
        """
        ...

    def cancel(self, job_id: str, owner: str) -> Cancellation | Refusal | None:
        """Call a job off: what nobody works on ends at once. None if this owner has no such job."""
        ...

    def retry(
        self, job_id: str, owner: str, new_job_id: str, origin: Origin | None = None
    ) -> Retry | Refusal | None:
        """Take the failed URLs of a job as a new one, once. None if this owner has no such job."""
        ...

    def delete_image(self, job_id: str, index: int, owner: str = "") -> DeletionRefusal | None:
        """Have an uploaded image deleted at Imgur, soon; a refusal says why that cannot be."""
        ...

    def delete_album(self, job_id: str, owner: str = "") -> DeletionRefusal | None:
        """Have the album deleted that was created for a job, soon; a refusal says why that cannot
        be. Its images stay.
        """
        ...

    def queue_stats(self, job_id: str | None = None) -> QueueStats:
        """How fast uploads go, and what comes before the end of a job; see `Mailbox`."""
        ...

    def open_gate(self) -> bool:
        """Let uploads go on at once, though Imgur refused them; returns whether they waited."""
        ...

    def metrics(self) -> tuple[Metric, ...]:
        """What has become of images and jobs since the board was started, for Prometheus."""
        ...


class WebJobTable(Protocol):
    """What the web side asks of a `JobTable`."""

    def changes(self, wanted: ChangesWanted) -> JobChanges | None:
        """What is new of a job, or None if this owner has no such job; see `ChangesWanted`."""
        ...

    def listing(
        self, owner: str, status: JobStatus | None, before: int | None, limit: int
    ) -> JobListing:
        """A page of an owner's jobs, newest first; see `JobTable.listing`."""
        ...

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]:
        """A page of all of an owner's links, in order of completion; an empty page is the end, and
        an empty link the place of one that was removed.
        """
        ...

    def links_removed(self, owner: str = "") -> int:
        """How many of an owner's links were removed; each leaves an empty one in its place."""
        ...


class Backend(Protocol):
    """Takes jobs and tells how they stand. Safe to use from any thread.

    Each call raises BackendLostError in bounded time when the board is gone, except `health`.
    """

    @property
    def mailbox(self) -> WebMailbox:
        """Takes jobs."""
        ...

    @property
    def job_table(self) -> WebJobTable:
        """Tells how they stand."""
        ...

    def health(self) -> BackendHealth:
        """The board at a glance; a lost board says so instead of raising."""
        ...

    def scale(self, count: int) -> None:
        """Keep another number of workers from now on; at once, and without waiting for it.

        More are started. Of those that are too many the newest finish what they have, and leave.
        Where the number changes by itself as well, it does not go below this one.

        Raises:
            ValueError: the number is below 1, or more than there may be.
        """
        ...

    def workers_wanted(self) -> int:
        """Workers there should be, now. Asks nobody, and never raises."""
        ...
