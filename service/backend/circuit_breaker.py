"""Keeps a job board that has gone silent from holding all threads of the web side.

A call to the board ends by itself, but only after the ten seconds or so that a slow answer may
take. Until then each request would block a thread, and soon there would be none left to say so.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeVar

from prometheus_client import Metric

from service.backend.coalesced_call import CoalescedCall
from workers import (
    Backend,
    BackendBusyError,
    BackendHealth,
    BackendLostError,
    BackendState,
    WebJobTable,
    WebMailbox,
    derive,
)

CALLS_AT_ONCE: Final = 8
"""Fewer than the web server's threads: two are left to refuse what comes while the rest wait."""

_SILENCE_SECONDS = 3.0
"""A board that has calls waiting and answers none of them for so long is taken for silent. One
large job that is sent takes it a third of a second, and small calls are answered meanwhile."""

_HEALTH_SECONDS = 1.0  # probes of container runtimes wait for about as long

_Answer = TypeVar("_Answer")


class BackendSilentError(Exception):
    """The job board does not answer at the moment; whether its state is lost is not known yet."""


class CircuitBreaker:
    """A `Backend` in front of another: its calls fail at once while that one is silent.

    `health` and the mailbox's `metrics` raise BackendSilentError, too, and never wait for more than
    a second. All other calls are derived from the protocols of what answers them.

    Args:
        backend: the one behind.
        clock: monotonic seconds.
        silence_seconds: how long no answer is taken for slowness.
        health_seconds: how long `health` and `metrics` wait for an answer.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        clock: Callable[[], float] = time.monotonic,
        silence_seconds: float = _SILENCE_SECONDS,
        health_seconds: float = _HEALTH_SECONDS,
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._silence_seconds = silence_seconds
        self._slots = threading.Semaphore(CALLS_AT_ONCE)
        # Under the lock: the calls that wait for an answer, by when they began, and the last news.
        self._lock = threading.Lock()
        self._waiting: dict[int, float] = {}
        self._calls = 0
        self._answered_at = clock()
        self._has_failed = False
        self._health = CoalescedCall(self._ask_health, clock, health_seconds)
        self._metrics = CoalescedCall(self._ask_metrics, clock, health_seconds)
        self.mailbox = derive(WebMailbox, partial(self._carry, "mailbox"))
        self.job_table = derive(WebJobTable, partial(self._carry, "job_table"))

    # --- Board ------------------------------------------------------------------------------

    def scale(self, count: int) -> None:
        with self._call():
            self._backend.scale(count)

    def workers_wanted(self) -> int:
        return self._backend.workers_wanted()

    def health(self) -> BackendHealth:
        return _promptly(self._health)

    def _ask_metrics(self) -> tuple[Metric, ...]:
        reading = self._backend.mailbox.metrics()
        with self._lock:
            self._note_answer()
        return reading

    def _ask_health(self) -> BackendHealth:
        health = self._backend.health()
        if health.state is not BackendState.LOST:
            with self._lock:
                self._note_answer()
        return health

    def _carry(
        self,
        target: str,
        methodname: str,
        args: tuple[Any, ...],
        kwds: dict[str, Any],
        *,
        wait_seconds: float,  # noqa: ARG002 - the board's own calls wait for themselves
    ) -> Any:  # noqa: ANN401 - what the method returns
        if methodname == "metrics":
            return _promptly(self._metrics)
        with self._call():
            return getattr(getattr(self._backend, target), methodname)(*args, **kwds)

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
            except BackendBusyError as error:
                raise _silent() from error
            except BackendLostError:
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


def _promptly(probe: CoalescedCall[_Answer]) -> _Answer:
    try:
        return probe.answer()
    except TimeoutError:
        raise _silent() from None
    except BackendBusyError as error:
        raise _silent() from error


def _silent() -> BackendSilentError:
    return BackendSilentError("The job board does not answer.")
