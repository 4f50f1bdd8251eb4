"""A backend with its life cycle, the base class of all engines."""

from abc import ABC, abstractmethod

import structlog

from workers.contract.backend import BackendHealth, BackendLostError, BackendState
from workers.contract.state_calls import JobTableCalls, MailboxCalls
from workers.contract.wakeup_pipe import WakeupPipe
from workers.runtime.backend_config import BackendConfig


class BackendError(Exception):
    """The engine cannot be started or reached; the text, one line, says what to do."""


class ManagedBackend(ABC):
    """A `Backend` that the service's main thread starts, supervises, drains and stops.

    The calls of `Backend` may come from any thread.
    """

    mailbox: MailboxCalls  # set by `start`, and so is the job table
    job_table: JobTableCalls

    def __init__(self, config: BackendConfig) -> None:
        self._config = config
        self._is_lost = False  # `health` makes no call then
        self._is_closed = False
        self._log = structlog.get_logger("backend")

    @property
    def outlives_service(self) -> bool:
        """True if jobs continue after the end of this service; `drain` then ends nothing."""
        return False

    @abstractmethod
    def start(self) -> None:
        """Start state and workers, or find them; returns before the workers are ready.

        Raises:
            BackendError: the engine cannot be started or reached.
            JournalError: the journal cannot be used.
        """

    @abstractmethod
    def supervise(self, wakeup: WakeupPipe) -> None:
        """Supervise the backend until `wakeup` is readable.

        Raises:
            BackendLostError: the state is gone.
        """

    @abstractmethod
    def close(self) -> None:
        """Take no more jobs and lease no more URLs; leased ones may still end."""

    @abstractmethod
    def drain(self, seconds: float) -> dict[str, int]:
        """After `close`: wait for the leased URLs.

        Args:
            seconds: maximum wait; the workers left are killed then.

        Returns:
            Number of unfinished URLs by job id.

        Raises:
            BackendLostError: the state was lost meanwhile.
        """

    @abstractmethod
    def stop(self) -> None:
        """End all processes of this backend; callable at any time."""

    @abstractmethod
    def scale(self, count: int) -> None:
        """See `Backend.scale`."""

    @abstractmethod
    def workers_wanted(self) -> int:
        """See `Backend.workers_wanted`."""

    def health(self) -> BackendHealth:
        """See `Backend.health`."""
        wanted = self.workers_wanted()
        try:
            stats = None if self._is_lost else self.mailbox.stats()
        except BackendLostError:
            stats = None
        if stats is None:
            return BackendHealth(BackendState.LOST, wanted)
        if self._is_closed or stats.draining:
            state = BackendState.DRAINING
        else:
            state = BackendState.READY if stats.workers_ready else BackendState.STARTING
        return BackendHealth(state, wanted, stats)
