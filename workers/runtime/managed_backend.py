"""A backend with its life cycle, for all engines."""

from typing import Protocol

from workers.contract.backend import Backend, BackendHealth, BackendLostError, BackendState
from workers.contract.state_calls import JobTableCalls, MailboxCalls


class BackendError(Exception):
    """The engine cannot be started or reached; the text, one line, says what to do."""


class Wakeup(Protocol):
    """An object whose file descriptor becomes readable to end a wait."""

    def fileno(self) -> int: ...


class ManagedBackend(Backend, Protocol):
    """A backend that the service's main thread starts, supervises, drains and stops."""

    @property
    def outlives_service(self) -> bool:
        """True if jobs continue after the end of this service; `drain` then ends nothing."""
        ...

    def start(self) -> None:
        """Start state and workers, or find them; returns before the workers are ready.

        Raises:
            BackendError: the engine cannot be started or reached.
            JournalError: the journal cannot be used.
        """
        ...

    def supervise(self, wakeup: Wakeup) -> None:
        """Supervise the backend until `wakeup` is readable.

        Raises:
            BackendLostError: the state is gone.
        """
        ...

    def close(self) -> None:
        """Take no more jobs and lease no more URLs; leased ones may still end."""
        ...

    def drain(self, seconds: float) -> dict[str, int]:
        """After `close`: wait for the leased URLs.

        Args:
            seconds: maximum wait; the workers left are killed then.

        Returns:
            Number of unfinished URLs by job id.

        Raises:
            BackendLostError: the state was lost meanwhile.
        """
        ...

    def stop(self) -> None:
        """End all processes of this backend."""
        ...


class HealthReader:
    """Health of a backend, the same for all engines. Thread-safe.

    Attributes:
        mailbox: the queue or its proxy; set when the engine starts.
        job_table: the jobs or their proxy; set when the engine starts.
        _workers_wanted: target number of workers.
        _max_workers: see `BackendHealth`.
        _is_lost: the state is known to be lost: `health` makes no call.
        _is_closed: `close` was called.
    """

    mailbox: MailboxCalls
    job_table: JobTableCalls
    _workers_wanted: int
    _max_workers: int | None = None
    _is_lost: bool = False
    _is_closed: bool = False

    def workers_wanted(self) -> int:
        return self._workers_wanted

    def health(self) -> BackendHealth:
        wanted = self.workers_wanted()
        try:
            stats = None if self._is_lost else self.mailbox.stats()
        except BackendLostError:
            stats = None
        if stats is None:
            return BackendHealth(
                BackendState.LOST, 0, wanted, 0, 0, 0.0, max_workers=self._max_workers
            )
        if self._is_closed or stats.draining:
            state = BackendState.DRAINING
        else:
            state = BackendState.READY if stats.workers_ready else BackendState.STARTING
        return BackendHealth(
            state=state,
            workers_ready=stats.workers_ready,
            workers_wanted=wanted,
            queued_urls=stats.queued,
            leased_urls=stats.leased,
            pause_seconds=stats.pause_seconds,
            block=stats.block,
            workers_draining=stats.workers_draining,
            max_workers=self._max_workers,
        )
