"""The waiting URLs of one job, and the jobs of one tenant."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from workers.contract.messages.round_trip import ImageOptions
from workers.state.schedule.job_sizes import JobSizes
from workers.state.schedule.job_turns import JobTurns

Indexes: TypeAlias = "array[int]"
"""A queue of URL indexes, of type code I: an empty deque takes 600 bytes, and a job may have a
queue per host."""


@dataclass(slots=True, eq=False)
class Tenant:
    """A tenant; tenants take turns.

    Attributes:
        turns: its jobs with URLs to check, in the order of their turns.
        sizes: its jobs by number of open URLs.
        unfinished: number of its URLs that are not final.
        jobs: number of its jobs.
    """

    name: str
    turns: JobTurns = field(default_factory=JobTurns)
    sizes: JobSizes = field(default_factory=JobSizes)
    unfinished: int = 0
    jobs: int = 0


@dataclass(slots=True)
class JobQueue:
    """The waiting URLs of a job: in `order`, `admitted` or `parked`.

    Attributes:
        urls: all URLs of the job.
        unfinished: number of its URLs that are not final.
        options: of each of its images.
        stride: see `JobTurns`.
        order: indexes to hand out; those from `position` on were never looked at.
        admitted: those that have a slot of their host: to be handed out first.
        parked: those whose host had none to give, by host.
        is_held: nothing of it may be looked at yet: its album is not created.
    """

    tenant: Tenant
    urls: tuple[str, ...]
    unfinished: int
    options: ImageOptions | None
    stride: int
    order: Sequence[int]
    position: int = 0
    admitted: Indexes = field(default_factory=lambda: array("I"))
    parked: dict[str, Indexes] = field(default_factory=dict)
    is_held: bool = False

    def __bool__(self) -> bool:
        """Return whether there are URLs to check."""
        return not self.is_held and (bool(self.admitted) or self.position < len(self.order))
