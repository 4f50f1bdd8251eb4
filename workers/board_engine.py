"""A board with its life cycle, whichever engine is behind it."""

from typing import Protocol

from workers.board import Board


class BackendError(Exception):
    """The engine cannot be started or reached; the text is one line that says what to do."""


class Wakeup(Protocol):
    """Something with a file descriptor that becomes readable when it is time to look up."""

    def fileno(self) -> int: ...


class BoardEngine(Board, Protocol):
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
            BoardLostError: the state is gone.
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
            BoardLostError: the state is gone meanwhile.
        """
        ...

    def stop(self) -> None:
        """End all that belongs to this process, whatever it does."""
        ...
