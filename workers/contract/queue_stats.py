"""What tells how soon a job may be done."""

from dataclasses import dataclass

from workers.contract.quota import Allowance


@dataclass(frozen=True, slots=True)
class Outlook:
    """How fast uploads go, and what stands in their way.

    Attributes:
        rate_per_second: URLs of all jobs that end in a second of work, lately; None while nobody
            knows.
        pause_seconds: until the pause that Imgur asked for ends; 0 when there is none.
        allowance: Imgur's limits, as far as its answers have said.
        ahead: URLs of all jobs that have their turn before the last one of the job asked for, its
            own among them (see `JobSizes.ahead`); None if it has none that are open.
    """

    rate_per_second: float | None
    pause_seconds: float
    allowance: Allowance
    ahead: int | None = None
