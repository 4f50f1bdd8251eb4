"""Messages between web side and mailbox about whole jobs."""

from dataclasses import dataclass
from typing import Final

from workers.contract.errors import Reason
from workers.contract.messages import Failed, JobStatus

CANCELLED: Final = Failed(Reason.CANCELLED, "The job was cancelled before this URL was uploaded.")
"""Result of a cancelled URL."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The response to a repeated submission with the same idempotency key.

    Attributes:
        job_id: of the job that the first one made.
    """

    job_id: str


@dataclass(frozen=True, slots=True)
class Cancellation:
    """The result of a cancellation.

    Attributes:
        urls: number of URLs cancelled so far.
        is_first: False if the job was cancelled before.
    """

    urls: int
    is_first: bool


@dataclass(frozen=True, slots=True)
class Retry:
    """The result of a retry: a new job.

    Attributes:
        job_id: of the new job.
        urls: its number of URLs.
        is_first: False if an earlier request made it.
    """

    job_id: str
    urls: int
    is_first: bool


@dataclass(frozen=True, slots=True)
class JobOverview:
    """A job without its URLs.

    Attributes:
        created: seconds since the epoch.
        finished: seconds since the epoch; None until the last URL is final.
        total: number of URLs.
        complete: number of uploaded URLs.
        failed: number of failed URLs.
        cancelled: number of failed URLs that were cancelled; None if the job was not cancelled.
        retry_of: id of the job whose failed URLs these are.
        retried_as: id of the job that retries its failed URLs.
    """

    job_id: str
    created: float
    finished: float | None
    status: JobStatus
    total: int
    complete: int
    failed: int
    cancelled: int | None
    retry_of: str | None
    retried_as: str | None

    @property
    def pending(self) -> int:
        """Number of URLs that are not final."""
        return self.total - self.complete - self.failed


@dataclass(frozen=True, slots=True)
class JobListing:
    """A page of an owner's jobs, newest first.

    Attributes:
        following: where the next page begins; None on the last page.
    """

    jobs: tuple[JobOverview, ...]
    following: int | None
