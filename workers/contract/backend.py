"""The backend as the web side sees it, for all engines."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from prometheus_client import Metric

from workers.contract.budget import QueueStats
from workers.contract.messages.jobs import ChangesWanted, JobChanges, JobListing, JobStatus
from workers.contract.messages.submission import (
    Cancellation,
    Origin,
    Refusal,
    Replay,
    Retry,
    Submission,
)
from workers.contract.messages.supervision import MailboxStats
from workers.contract.messages.tasks import DeletionRefusal


class BackendLostError(Exception):
    """The backend is gone or does not respond; what its process had in memory is lost.

    Attributes:
        may_live: it only did not respond; unless this service ends it, it may still exist.
    """

    may_live = False


class BackendBusyError(Exception):
    """The backend cannot be called now, for lack of file descriptors; nothing is lost."""


class BackendState(StrEnum):
    """Whether the backend takes and processes jobs."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    LOST = "lost"


_NO_STATS: Final = MailboxStats()


@dataclass(frozen=True, slots=True)
class BackendHealth:
    """The state of the backend.

    Attributes:
        workers_wanted: workers there should be, now.
        stats: figures of the queue; zeros if the backend is lost.
    """

    state: BackendState
    workers_wanted: int
    stats: MailboxStats = _NO_STATS


class WebMailbox(Protocol):
    """The web side's calls of a `Mailbox`."""

    def refusal(self, tenant: str, urls: int, text_bytes: int) -> Refusal | None:
        """Why a job of a tenant with so many URLs, of so many characters in all, would not be taken
        now; None if it would.
        """

    def put(self, submission: Submission) -> Refusal | Replay | None:
        """Take a whole job. A refusal means that nothing was taken, a replay that an earlier
        request with the same key has made the job.
        """

    def cancel(self, job_id: str, owner: str) -> Cancellation | Refusal | None:
        """Cancel a job; URLs without a lease fail at once. None if this owner has no such job."""

    def retry(
        self, job_id: str, owner: str, new_job_id: str, origin: Origin | None = None
    ) -> Retry | Refusal | None:
        """Make a new job of a job's failed URLs, once. None if this owner has no such job."""

    def delete_image(self, job_id: str, index: int, owner: str = "") -> DeletionRefusal | None:
        """Queue the deletion of an uploaded image; None if it is queued."""

    def delete_album(self, job_id: str, owner: str = "") -> DeletionRefusal | None:
        """Have the album deleted that was created for a job, soon; a refusal says why that cannot
        be. Its images stay.
        """

    def queue_stats(self, job_id: str | None = None) -> QueueStats:
        """Return the upload rate, and the URLs ahead of a job's end; see `Mailbox`."""

    def open_gate(self) -> bool:
        """Let uploads go on at once, though Imgur refused them or asked to wait; return whether
        Imgur had refused them.
        """

    def metrics(self) -> tuple[Metric, ...]:
        """Return the Prometheus metrics of images and jobs since the start."""


class WebJobTable(Protocol):
    """The web side's calls of a `JobTable`."""

    def changes(self, wanted: ChangesWanted) -> JobChanges | None:
        """Return what changed of a job; None if this owner has no such job. See `ChangesWanted`."""

    def listing(
        self, owner: str, status: JobStatus | None, before: int | None, limit: int
    ) -> JobListing:
        """Return a page of an owner's jobs, newest first; see `JobTable.listing`."""

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]:
        """Return a page of an owner's links, in order of completion. An empty page is the end, an
        empty link is a removed one.
        """

    def links_removed(self, owner: str = "") -> int:
        """Return the number of an owner's removed links; each is an empty string in the list."""


class Backend(Protocol):
    """Takes jobs and reports their state. Thread-safe.

    Each call raises BackendLostError in bounded time if the backend is gone, except `health`.
    """

    @property
    def mailbox(self) -> WebMailbox:
        """The queue."""

    @property
    def job_table(self) -> WebJobTable:
        """The jobs."""

    def health(self) -> BackendHealth:
        """Return the state of the backend; never raises."""

    def scale(self, count: int) -> None:
        """Set the number of workers; returns before they have started or ended.

        Surplus workers, the newest first, finish their leases and end. The number is also the lower
        limit of automatic scaling.

        Raises:
            ValueError: the number is below 1, or above the maximum.
        """

    def workers_wanted(self) -> int:
        """Return the target number of workers, without a call of another process; never raises."""
