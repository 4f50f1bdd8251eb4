"""Figures for the forecast of a job's end."""

from dataclasses import dataclass

from workers.contract.budget import QuotaState


@dataclass(frozen=True, slots=True)
class QueueStats:
    """Rate, pause and quota of the uploads, and the URLs ahead.

    Attributes:
        rate_per_second: URLs of all jobs that end in a second of work, lately; None while nobody
            knows.
        quota: what bounds uploads.
        ahead: URLs of all jobs that have their turn before the last one of the job asked for, its
            own among them (see `JobSizes.ahead`); None if it has none that are open.
    """

    rate_per_second: float | None
    quota: QuotaState
    ahead: int | None = None
