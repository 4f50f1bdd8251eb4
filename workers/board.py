"""What the web side sees of the actor side, whichever engine is behind it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from workers.job_table import CHANGES_A_CALL
from workers.messages import JobChanges, Refusal, Submission


class BoardLostError(Exception):
    """The job board is gone or does not answer; the state it held is lost."""


class BoardBusyError(Exception):
    """The board cannot be asked at the moment, for want of file descriptors; nothing is lost."""


class BoardState(StrEnum):
    """Whether work is taken, and done."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class BoardHealth:
    """The board at a glance.

    Attributes:
        workers_ready: workers that have asked for work and are alive.
        workers_wanted: workers there should be.
        queued_urls: waiting for a worker or for their next attempt.
        leased_urls: in work.
        pause_seconds: until the pause that Imgur asked for ends; 0 when there is none.
    """

    state: BoardState
    workers_ready: int
    workers_wanted: int
    queued_urls: int
    leased_urls: int
    pause_seconds: float


class Board(Protocol):
    """Takes jobs and tells how they stand. Safe to call from any thread.

    Each method raises BoardLostError in bounded time when the board is gone, except `health`.
    """

    def submit(self, submission: Submission) -> Refusal | None:
        """Take a whole job, or nothing of it; a refusal says why not."""
        ...

    def changes(
        self,
        job_id: str,
        since: int = 0,
        owner: str = "",
        *,
        known: int | None = None,
        limit: int = CHANGES_A_CALL,
    ) -> JobChanges | None:
        """What is new of a job, or None if this owner has no such job; see `JobTable.changes`."""
        ...

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]:
        """A page of all of an owner's links, in order of completion; an empty page is the end."""
        ...

    def health(self) -> BoardHealth:
        """The board at a glance; a lost board says so instead of raising."""
        ...
