"""A board with its life cycle, whichever engine is behind it."""

from typing import Protocol

from workers.contract.backend import Backend, BackendHealth, BackendLostError, BackendState
from workers.contract.state_calls import JobTableCalls, MailboxCalls


class BackendError(Exception):
    """The engine cannot be started or reached; the text is one line that says what to do."""


class Wakeup(Protocol):
    """Something with a file descriptor that becomes readable when it is time to look up."""

    def fileno(self) -> int: ...


class ManagedBackend(Backend, Protocol):
    """What the service's main thread starts, watches, drains and stops."""

    @property
    def outlives_service(self) -> bool:
        """Whether jobs go on when this service ends: then `drain` ends nothing."""
        ...

    def start(self) -> None:
        """Start the state and the workers, or find them; returns before the workers are up.

        Raises:
            BackendError: the engine cannot be started or reached.
            JournalError: the journal cannot be used.
        """
        ...

    def supervise(self, wakeup: Wakeup) -> None:
        """Keep it running until `wakeup` is readable.

        Raises:
            BackendLostError: the state is gone.
        """
        ...

    def close(self) -> None:
        """Take no more jobs and hand out no more URLs; those in work may still end."""
        ...

    def drain(self, seconds: float) -> dict[str, int]:
        """After `close`: wait for the URLs in work.

        Args:
            seconds: how long to wait; workers that are not done by then are killed.

        Returns:
            Unfinished URLs by job id.

        Raises:
            BackendLostError: the state is gone meanwhile.
        """
        ...

    def stop(self) -> None:
        """End all that belongs to this process, whatever it does."""
        ...


class HealthReader:
    """How a board stands, told in the same way by all engines. Safe to use from any thread.

    Attributes:
        mailbox: the queue, or a proxy of it; set when the engine starts, as the next one.
        job_table: the jobs, or a proxy of them.
        _workers_wanted: workers there should be.
        _max_workers: see `BackendHealth`.
        _is_lost: the state is known to be gone: `health` says so and asks nobody.
        _is_closed: the board was told to take nothing more.
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
