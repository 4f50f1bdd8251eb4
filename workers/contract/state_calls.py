"""Protocols of the state's objects, for calls from other processes.

The engines derive their proxies from them: `workers.runtime.local.manager` and
`workers.runtime.ray.calls`. Each call raises BackendLostError in bounded time if the state is gone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, Self, get_type_hints

from workers.contract.backend import WebJobTable, WebMailbox
from workers.contract.derived import Carry, derive, may_take
from workers.contract.logs import LogConfig
from workers.contract.messages.round_trip import TaskKey, WorkerRequest, WorkerResponse
from workers.contract.messages.supervision import EndCause, FenceResult, LogLine, MailboxStats
from workers.contract.tokens import Tokens

RESTORE_SECONDS = 600.0
"""Time limit of a recovery; a million URLs take about 10 s on a slow machine."""


class MailboxCalls(WebMailbox, Protocol):
    """The calls of a `Mailbox` by workers and supervisor."""

    def close(self) -> None:
        """Drain: take no more jobs and lease no more tasks; valid leases may still end."""

    def stats(self) -> MailboxStats:
        """Return the figures of the queue."""

    def tend(self) -> tuple[LogLine, ...]:
        """Show in all jobs why URLs wait, fail those that Imgur has kept waiting for too long and
        those whose album was not created, and continue what other calls left of large jobs; return
        what is to be logged since the last call.
        """

    def open_tasks(self) -> tuple[TaskKey, ...]:
        """Return the open webhooks and deletions, leased ones included."""

    def exchange(
        self, worker_id: str, request: WorkerRequest, wait_seconds: float
    ) -> WorkerResponse:
        """One round trip of a worker: extend and end leases, announce uploads, take new leases.
        Waits for work no longer than `wait_seconds`, if any is wanted.
        """

    def read_data(self, worker_id: str, token: int, start: int) -> bytes | None:
        """Return at most `DATA_PIECE_BYTES` of the data URL of a lease, from a byte on; a shorter
        piece is the last. None if the lease is not valid any more.

        In pieces, as a message of megabytes would hold up all others here.
        """

    def register(self, worker_id: str) -> None:
        """Register a worker. Only the supervisor calls this, before it starts the process: a late
        registration by a dead worker could revive it.

        Raises:
            ValueError: the id is in use.
        """

    def drain_worker(self, worker_id: str) -> None:
        """Drain a worker: it finishes its leases and gets no more. `fence` follows at its end."""

    def fence(self, worker_id: str, cause: EndCause | None = None) -> FenceResult:
        """Fence a dead worker: refuse its later requests and requeue its leases, each charged with
        the crash. The cause is None for a drained worker.
        """

    def workers(self) -> tuple[str, ...]:
        """Return the registered workers that are not fenced; for a restarted supervisor."""

    def expired(self) -> tuple[str, ...]:
        """Return the stuck workers: a lease has expired, or they do not ask for work any more. The
        supervisor kills and fences them.
        """


class JobTableCalls(WebJobTable, Protocol):
    """Reads and evictions of a `JobTable`; the mailbox, in the same process, writes to it."""

    def evict(self, age_seconds: float | None) -> int: ...
    def unfinished(self) -> dict[str, int]: ...


class RecoveryCalls(Protocol):
    """See `Recovery`."""

    @may_take(RESTORE_SECONDS)
    def restore(self, path: str, logs: LogConfig) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class StateObjects:
    """The objects of a backend's state, or their proxies."""

    mailbox: MailboxCalls
    job_table: JobTableCalls
    token_store: Tokens
    recovery: RecoveryCalls

    @classmethod
    def protocols(cls) -> Mapping[str, type]:
        """Return the protocol of each object by its name."""
        return get_type_hints(cls)

    @classmethod
    def derived(cls, carry_to: Callable[[str], Carry]) -> Self:
        """Make proxies of all objects.

        Args:
            carry_to: returns what carries the calls of an object, by its name.
        """
        found = cls.protocols().items()
        return cls(**{name: derive(protocol, carry_to(name)) for name, protocol in found})
