"""What the web side asks about whole jobs, and what it is told."""

from dataclasses import dataclass
from typing import Final

from workers.contract.errors import Reason
from workers.contract.messages import Failed, JobStatus

CANCELLED: Final = Failed(Reason.CANCELLED, "The job was cancelled before this URL was uploaded.")
"""How a URL of a cancelled job ends."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer to a submission whose key has been used for the same before.

    Attributes:
        job_id: of the job that was made then.
    """

    job_id: str


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A job is cancelled.

    Attributes:
        urls: how many of its URLs were cancelled by that, so far.
        is_first: False if it was cancelled before.
    """

    urls: int
    is_first: bool


@dataclass(frozen=True, slots=True)
class Retry:
    """The failed URLs of a job are a new job.

    Attributes:
        job_id: of the new one.
        urls: how many URLs it has.
        is_first: False if it was made by an earlier request.
    """

    job_id: str
    urls: int
    is_first: bool


@dataclass(frozen=True, slots=True)
class JobOverview:
    """A job without its URLs.

    Attributes:
        created: seconds since the epoch, GMT.
        finished: the same, or None until the last URL is final.
        total: URLs of the job.
        complete: of these, now.
        failed: the same.
        cancelled: of the failed ones, those that the job's cancellation ended; None if it was not
            cancelled.
        retry_of: the job whose failed URLs these are.
        retried_as: the job that the failed ones became.
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
        """URLs that are not final."""
        return self.total - self.complete - self.failed


@dataclass(frozen=True, slots=True)
class JobListing:
    """A page of an owner's jobs, newest first.

    Attributes:
        following: where the page behind begins; None on the last one.
    """

    jobs: tuple[JobOverview, ...]
    following: int | None
