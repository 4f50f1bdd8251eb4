"""All calls to the objects that make up a board's state, from other processes than theirs.

The engines derive their proxies from these protocols: a Manager's (`workers.runtime.local.manager`)
and Ray's (`workers.runtime.ray.calls`). Each call raises BackendLostError in bounded time when the
state is gone.
"""

from dataclasses import dataclass
from typing import Protocol

from workers.contract.backend import WebJobTable, WebMailbox
from workers.contract.derived import may_take
from workers.contract.logs import LogConfig
from workers.contract.messages import (
    EndCause,
    FenceResult,
    MailboxStats,
    QuotaNews,
    TaskKey,
    WorkerRequest,
    WorkerResponse,
)
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


class MailboxCalls(WebMailbox, Protocol):
    """See `Mailbox`."""

    def close(self) -> None: ...

    def stats(self) -> MailboxStats: ...

    def tend(self) -> QuotaNews: ...

    def open_tasks(self) -> tuple[TaskKey, ...]: ...

    def exchange(
        self, worker_id: str, words: WorkerRequest, wait_seconds: float
    ) -> WorkerResponse: ...

    def read_data(self, worker_id: str, token: int, start: int) -> bytes | None: ...

    def register(self, worker_id: str) -> None: ...

    def drain_worker(self, worker_id: str) -> None: ...

    def fence(self, worker_id: str, cause: EndCause | None = None) -> FenceResult: ...

    def workers(self) -> tuple[str, ...]: ...

    def expired(self) -> tuple[str, ...]: ...


class JobTableCalls(WebJobTable, Protocol):
    """Reading and forgetting in a `JobTable`; what writes to it is the mailbox, beside it."""

    def evict(self, age_seconds: float | None) -> int: ...

    def unfinished(self) -> dict[str, int]: ...


class RecoveryCalls(Protocol):
    """See `Recovery`."""

    @may_take(RESTORE_SECONDS)
    def restore(self, path: str, logs: LogConfig) -> Recovered: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class StateObjects:
    """The state of a board, or proxies of it: objects of one job table."""

    mailbox: MailboxCalls
    job_table: JobTableCalls
    token_store: Tokens
    recovery: RecoveryCalls
