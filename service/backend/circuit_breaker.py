"""Circuit breaker: a backend that does not respond must not block all threads of the web side.

A call of the backend has a deadline, but only after about ten seconds, which a slow response may
take. Until then each request would block a thread, and soon none would be left.
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
"""Fewer than the web server's threads: two are left to refuse requests while the rest waits."""

_SILENCE_SECONDS = 3.0
"""A backend that responds to none of its waiting calls for so long counts as silent. Sending a
large job takes a third of a second, and small calls get responses meanwhile."""

_HEALTH_SECONDS = 1.0  # probes of container runtimes wait for about as long

_Answer = TypeVar("_Answer")


class BackendSilentError(Exception):
    """The backend does not respond now; whether its state is lost is not known yet."""


class CircuitBreaker:
    """Wraps a `Backend`: calls fail at once while it is silent.

    `health` and the mailbox's `metrics` also raise BackendSilentError, and wait for a second at
    most. All other calls are derived from the protocols.

    Args:
        backend: the wrapped backend.
        clock: monotonic seconds.
        silence_seconds: time without a response until the backend counts as silent.
        health_seconds: maximum wait of `health` and `metrics`.
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
        # Under the lock: start times of the waiting calls, and the time of the last response.
        self._lock = threading.Lock()
        self._waiting: dict[int, float] = {}
        self._calls = 0
        self._answered_at = clock()
        self._has_failed = False
        self._health = CoalescedCall(self._ask_health, clock, health_seconds)
        self._metrics = CoalescedCall(self._ask_metrics, clock, health_seconds)
        self.mailbox = derive(WebMailbox, partial(self._carry, "mailbox"))
        self.job_table = derive(WebJobTable, partial(self._carry, "job_table"))

    # --- Backend ----------------------------------------------------------------------------

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
        wait_seconds: float,  # noqa: ARG002 - the wrapped calls wait by themselves
    ) -> Any:  # noqa: ANN401 - what the method returns
        if methodname == "metrics":
            return _promptly(self._metrics)
        with self._call():
            return getattr(getattr(self._backend, target), methodname)(*args, **kwds)

    # --- waiting calls ------------------------------------------------------------------------

    @contextmanager
    def _call(self) -> Iterator[None]:
        with self._lock:
            self._refuse_if_silent()
        if not self._slots.acquire(timeout=self._silence_seconds):
            raise _silent()
        try:
            with self._lock:
                self._refuse_if_silent()  # it may have become silent during the wait
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
            return  # after a failure too: one call at a time tries again
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
