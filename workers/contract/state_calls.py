"""Protocols of the state's objects, for calls from other processes.

The engines derive their proxies from them: `workers.runtime.local.manager` and
`workers.runtime.ray.calls`. Each call raises BackendLostError in bounded time if the state is gone.
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
"""Time limit of a recovery; a million URLs take about 10 s on a slow machine."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """The result of a recovery.

    Attributes:
        jobs: number of jobs, complete ones included.
        open_urls: number of URLs that are not final.
        cut_bytes: size of a torn last record, which was dropped.
        dropped_jobs: number of complete jobs dropped for lack of memory.
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
        self, worker_id: str, request: WorkerRequest, wait_seconds: float
    ) -> WorkerResponse: ...

    def read_data(self, worker_id: str, token: int, start: int) -> bytes | None: ...

    def register(self, worker_id: str) -> None: ...

    def drain_worker(self, worker_id: str) -> None: ...

    def fence(self, worker_id: str, cause: EndCause | None = None) -> FenceResult: ...

    def workers(self) -> tuple[str, ...]: ...

    def expired(self) -> tuple[str, ...]: ...


class JobTableCalls(WebJobTable, Protocol):
    """Reads and evictions of a `JobTable`; the mailbox, in the same process, writes to it."""

    def evict(self, age_seconds: float | None) -> int: ...

    def unfinished(self) -> dict[str, int]: ...


class RecoveryCalls(Protocol):
    """See `Recovery`."""

    @may_take(RESTORE_SECONDS)
    def restore(self, path: str, logs: LogConfig) -> Recovered: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class StateObjects:
    """The objects of a backend's state, or their proxies."""

    mailbox: MailboxCalls
    job_table: JobTableCalls
    token_store: Tokens
    recovery: RecoveryCalls
