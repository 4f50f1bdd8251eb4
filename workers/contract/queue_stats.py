"""What tells how soon a job may be done."""

from dataclasses import dataclass

from workers.contract.quota import Quota


@dataclass(frozen=True, slots=True)
class QueueStats:
    """How fast uploads go, and what stands in their way.

    Attributes:
        rate_per_second: URLs of all jobs that end in a second of work, lately; None while nobody
            knows.
        pause_seconds: until the pause that Imgur asked for ends; 0 when there is none.
        quota: Imgur's limits, as far as its answers have said.
        ahead: URLs of all jobs that have their turn before the last one of the job asked for, its
            own among them (see `JobSizes.ahead`); None if it has none that are open.
    """

    rate_per_second: float | None
    pause_seconds: float
    quota: Quota
    ahead: int | None = None
