"""Keeps a job board that has gone silent from holding all threads of the web side.

A call to the board ends by itself, but only after the ten seconds or so that a slow answer may
take. Until then each request would block a thread, and soon there would be none left to say so.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from service.probe import Probe
from workers import (
    Board,
    BoardBusyError,
    BoardHealth,
    BoardLostError,
    BoardState,
    Cancellation,
    ChangesWanted,
    DeletionRefusal,
    JobChanges,
    JobListing,
    JobStatus,
    MeterReading,
    Origin,
    Outlook,
    Refusal,
    Replay,
    Retry,
    Submission,
)

CALLS_AT_ONCE: Final = 6
"""Fewer than the web server's threads: two are left to refuse what comes while the rest wait."""

_SILENCE_SECONDS = 3.0
"""A board that has calls waiting and answers none of them for so long is taken for silent. One
large job that is sent takes it a third of a second, and small calls are answered meanwhile."""

_HEALTH_SECONDS = 1.0  # probes of container runtimes wait for about as long

_Answer = TypeVar("_Answer")


class BoardSilentError(Exception):
    """The job board does not answer at the moment; whether its state is lost is not known yet."""


class BoardGate:
    """A `Board` in front of another: its calls fail at once while that one is silent.

    `health` and `meters` raise BoardSilentError, too, and never wait for more than a second.

    Args:
        board: the one behind.
        clock: monotonic seconds.
        silence_seconds: how long no answer is taken for slowness.
        health_seconds: how long `health` and `meters` wait for an answer.
    """

    def __init__(
        self,
        board: Board,
        *,
        clock: Callable[[], float] = time.monotonic,
        silence_seconds: float = _SILENCE_SECONDS,
        health_seconds: float = _HEALTH_SECONDS,
    ) -> None:
        self._board = board
        self._clock = clock
        self._silence_seconds = silence_seconds
        self._slots = threading.Semaphore(CALLS_AT_ONCE)
        # Under the lock: the calls that wait for an answer, by when they began, and the last news.
        self._lock = threading.Lock()
        self._waiting: dict[int, float] = {}
        self._calls = 0
        self._answered_at = clock()
        self._has_failed = False
        self._health = Probe(self._ask_health, clock, health_seconds)
        self._meters = Probe(self._ask_meters, clock, health_seconds)

    # --- Board ------------------------------------------------------------------------------

    def submit(self, submission: Submission) -> Refusal | Replay | None:
        with self._call():
            return self._board.submit(submission)

    def cancel(self, job_id: str, owner: str = "") -> Cancellation | Refusal | None:
        with self._call():
            return self._board.cancel(job_id, owner)

    def retry(
        self, job_id: str, owner: str, new_job_id: str, origin: Origin | None = None
    ) -> Retry | Refusal | None:
        with self._call():
            return self._board.retry(job_id, owner, new_job_id, origin)

    def jobs(
        self, owner: str, status: JobStatus | None, before: int | None, limit: int
    ) -> JobListing:
        with self._call():
            return self._board.jobs(owner, status, before, limit)

    def changes(self, wanted: ChangesWanted) -> JobChanges | None:
        with self._call():
            return self._board.changes(wanted)

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]:
        with self._call():
            return self._board.links(start, limit, owner)

    def outlook(self, job_id: str | None = None) -> Outlook:
        with self._call():
            return self._board.outlook(job_id)

    def links_removed(self, owner: str = "") -> int:
        with self._call():
            return self._board.links_removed(owner)

    def delete_image(self, job_id: str, index: int, owner: str = "") -> DeletionRefusal | None:
        with self._call():
            return self._board.delete_image(job_id, index, owner)

    def scale(self, count: int) -> None:
        with self._call():
            self._board.scale(count)

    def workers_wanted(self) -> int:
        return self._board.workers_wanted()

    def health(self) -> BoardHealth:
        return _promptly(self._health)

    def meters(self) -> MeterReading:
        return _promptly(self._meters)

    def _ask_meters(self) -> MeterReading:
        reading = self._board.meters()
        with self._lock:
            self._note_answer()
        return reading

    def _ask_health(self) -> BoardHealth:
        health = self._board.health()
        if health.state is not BoardState.LOST:
            with self._lock:
                self._note_answer()
        return health

    # --- who waits --------------------------------------------------------------------------

    @contextmanager
    def _call(self) -> Iterator[None]:
        with self._lock:
            self._refuse_if_silent()
        if not self._slots.acquire(timeout=self._silence_seconds):
            raise _silent()
        try:
            with self._lock:
                self._refuse_if_silent()  # as it may have become while this call waited
                self._calls += 1
                number = self._calls
                self._waiting[number] = self._clock()
            is_answered = True
            try:
                yield
            except BoardBusyError as error:
                raise _silent() from error
            except BoardLostError:
                is_answered = False
                raise
            finally:
                self._end(number, is_answered=is_answered)
        finally:
            self._slots.release()

    def _end(self, number: int, *, is_answered: bool) -> None:
        with self._lock:
            del self._waiting[number]
            if is_answered:
                self._note_answer()
            else:
                self._has_failed = True

    def _note_answer(self) -> None:
        self._answered_at = self._clock()
        self._has_failed = False

    def _refuse_if_silent(self) -> None:
        if not self._waiting:
            return  # after a failure, too: one call at a time finds out whether it has passed
        since = max(self._answered_at, min(self._waiting.values()))
        if self._has_failed or self._clock() - since > self._silence_seconds:
            raise _silent()


def _promptly(probe: Probe[_Answer]) -> _Answer:
    try:
        return probe.answer()
    except TimeoutError:
        raise _silent() from None
    except BoardBusyError as error:
        raise _silent() from error


def _silent() -> BoardSilentError:
    return BoardSilentError("The job board does not answer.")
