"""Messages from the mailbox to the supervisor."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workers.contract.budget import Block


class EndCause(StrEnum):
    """The cause of a worker's end.

    STUCK: the supervisor killed it, as a lease expired. KILLED: by another signal, such as that of
    the OOM killer. EXITED: with an error. NOT_STARTED: the process could not be started.
    """

    STUCK = "stuck"
    KILLED = "killed"
    EXITED = "exited"
    NOT_STARTED = "not-started"


@dataclass(frozen=True, slots=True)
class LogLine:
    """What others are to log for the state, as it has no log of its own everywhere: see
    `JobTable.lines`, and `Ack.finished`.

    Attributes:
        level: `info`, `warning` or `error`.
        logger: who says it.
    """

    level: str
    event: str
    fields: Mapping[str, Any]
    logger: str = "imgur"


@dataclass(frozen=True, slots=True)
class FenceResult:
    """The result of fencing a worker.

    Attributes:
        returned: number of requeued URLs.
        failed: number of URLs that failed, as too many workers died with them.
        had_claimed: whether the worker ever asked for work, so its start succeeded.
        tasks: webhooks and deletions that are to be done again.
    """

    returned: int
    failed: int
    had_claimed: bool
    tasks: int = 0


@dataclass(frozen=True, slots=True)
class MailboxStats:
    """Figures of the queue; counts are URLs unless the name says otherwise.

    Attributes:
        queued: waiting for a worker or for their next attempt.
        delayed: waiting for a retry's time (part of ``queued``).
        leased: in work.
        pause_seconds: until the pause that Imgur asked for ends; 0 when there is none.
        workers_ready: workers that have asked for work at least once, are not retired, and not
            leaving.
        workers_idle: of these, those with a free lane that wait for work.
        workers_draining: workers that were told to leave, and finish what they have.
        state_bytes: memory for jobs, links and the queue, by an estimate.
        max_state_bytes: as much there may be.
        block: set while Imgur refuses whatever is sent.
        waiting: why all uploads wait, one sentence; empty if they do not.
        journal_error: why new jobs cannot be written down; None if they can.
    """

    queued: int = 0
    delayed: int = 0
    leased: int = 0
    pause_seconds: float = 0.0
    workers_ready: int = 0
    draining: bool = False
    workers_idle: int = 0
    workers_draining: int = 0
    state_bytes: int = 0
    max_state_bytes: int = 0
    block: Block | None = None
    waiting: str = ""
    journal_error: str | None = None
