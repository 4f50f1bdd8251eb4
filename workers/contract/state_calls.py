"""All calls to the objects that make up a board's state, from other processes than theirs.

The engines derive their proxies from these protocols: a Manager's (`workers.runtime.local.manager`)
and Ray's (`workers.runtime.ray.calls`). Each call raises BoardLostError in bounded time when the
state is gone.
"""

from dataclasses import dataclass
from typing import Protocol

from workers.contract.backend import BoardJobTable, BoardMailbox
from workers.contract.derived import may_take
from workers.contract.logs import LogConfig
from workers.contract.messages import Delivery, EndCause, MailboxStats, Retirement, TaskKey, Words
from workers.contract.tokens import Tokens

RESTORE_SECONDS = 600.0
"""How long a journal may take; one of a million URLs takes some 10 s on a slow machine."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a journal brought back.

    Attributes:
        jobs: all of them, finished ones too.
        open_urls: URLs that are worked on from here.
        cut_bytes: what stood behind the last good record, and was left out.
        dropped_jobs: complete ones that were left out, as there is no memory for them.
    """

    jobs: int
    open_urls: int
    cut_bytes: int
    dropped_jobs: int = 0


class MailboxCalls(BoardMailbox, Protocol):
    """See `Mailbox`."""

    def close(self) -> None: ...

    def stats(self) -> MailboxStats: ...

    def open_tasks(self) -> tuple[TaskKey, ...]: ...

    def exchange(self, worker_id: str, words: Words, wait_seconds: float) -> Delivery: ...

    def register(self, worker_id: str) -> None: ...

    def dismiss(self, worker_id: str) -> None: ...

    def retire(self, worker_id: str, cause: EndCause | None = None) -> Retirement: ...

    def workers(self) -> tuple[str, ...]: ...

    def overdue(self) -> tuple[str, ...]: ...


class JobTableCalls(BoardJobTable, Protocol):
    """Reading and forgetting in a `JobTable`; what writes to it is the mailbox, beside it."""

    def evict(self, age_seconds: float | None) -> int: ...

    def unfinished(self) -> dict[str, int]: ...


class RecoveryCalls(Protocol):
    """See `Recovery`."""

    @may_take(RESTORE_SECONDS)
    def restore(self, path: str, logs: LogConfig) -> Recovered: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class BoardObjects:
    """The state of a board, or proxies of it: objects of one job table."""

    mailbox: MailboxCalls
    job_table: JobTableCalls
    token_store: Tokens
    recovery: RecoveryCalls
