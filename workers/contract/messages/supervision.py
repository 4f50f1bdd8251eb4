"""Messages from the mailbox to the supervisor."""

from dataclasses import dataclass
from enum import StrEnum

from workers.contract.budget import Block
from workers.contract.messages.jobs import JobSummary
from workers.contract.messages.tasks import TaskKind


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
class CrashedUrl:
    """The end of a URL that no worker reports.

    Attributes:
        finished: see `Ack`, as for `is_logged`.
    """

    job_id: str
    url: str
    reason: str
    message: str
    finished: JobSummary | None
    is_logged: bool = True


@dataclass(frozen=True, slots=True)
class CrashedTask:
    """A webhook or a deletion failed because its worker died under it too often.

    Attributes:
        index: of the image to delete.
        attempt: the number of the last one, from 1.
    """

    kind: TaskKind
    job_id: str
    index: int
    attempt: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """What the supervisor is to log, as the state has no log of its own everywhere.

    Attributes:
        level: `info`, `warning` or `error`.
    """

    level: str
    event: str
    fields: dict[str, str | float]


@dataclass(frozen=True, slots=True)
class QuotaNews:
    """What has become of uploads as a whole since the last call.

    Attributes:
        lines: to be logged.
        failed: URLs that failed with no worker to say so.
    """

    lines: tuple[LogLine, ...] = ()
    failed: tuple[CrashedUrl, ...] = ()


@dataclass(frozen=True, slots=True)
class FenceResult:
    """The result of fencing a worker.

    Attributes:
        returned: number of requeued URLs.
        failed: URLs that failed, as too many workers died with them.
        had_claimed: whether the worker ever asked for work, so its start succeeded.
        tasks: webhooks and deletions that are to be done again.
        failed_tasks: those of them that were failed, because too many workers died with them.
    """

    returned: int
    failed: tuple[CrashedUrl, ...]
    had_claimed: bool
    tasks: int = 0
    failed_tasks: tuple[CrashedTask, ...] = ()


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
