"""Circuit breaker: a backend that does not respond must not block all threads of the web side.

A call of the backend has a deadline, but only after about ten seconds, which a slow response may
take. Until then each request would block a thread, and soon none would be left.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import KW_ONLY, InitVar, dataclass, field
from functools import partial
from typing import Any, Final, Generic, TypeVar

from prometheus_client import Metric

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

_Result = TypeVar("_Result")


class BackendSilentError(Exception):
    """The backend does not respond now; whether its state is lost is not known yet."""


@dataclass(eq=False)
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

    backend: Backend
    _: KW_ONLY
    clock: Callable[[], float] = time.monotonic
    silence_seconds: float = _SILENCE_SECONDS
    health_seconds: InitVar[float] = _HEALTH_SECONDS

    def __post_init__(self, health_seconds: float) -> None:
        self._slots = threading.Semaphore(CALLS_AT_ONCE)
        # Under the lock: start times of the waiting calls, and the time of the last response.
        self._lock = threading.Lock()
        self._waiting: list[float] = []
        self._responded_at = self.clock()
        self._has_failed = False
        self._health = _CoalescedCall(self._call_health, self.clock, health_seconds)
        self._metrics = _CoalescedCall(self._call_metrics, self.clock, health_seconds)
        self.mailbox = derive(WebMailbox, partial(self._carry, "mailbox"))
        self.job_table = derive(WebJobTable, partial(self._carry, "job_table"))

    # --- Backend ----------------------------------------------------------------------------

    def scale(self, count: int) -> None:
        with self._call():
            self.backend.scale(count)

    def workers_wanted(self) -> int:
        return self.backend.workers_wanted()

    def health(self) -> BackendHealth:
        return self._health.result()

    def _call_metrics(self) -> tuple[Metric, ...]:
        metrics = self.backend.mailbox.metrics()
        with self._lock:
            self._note_response()
        return metrics

    def _call_health(self) -> BackendHealth:
        health = self.backend.health()
        if health.state is not BackendState.LOST:
            with self._lock:
                self._note_response()
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
            return self._metrics.result()
        with self._call():
            return getattr(getattr(self.backend, target), methodname)(*args, **kwds)

    # --- waiting calls ------------------------------------------------------------------------

    @contextmanager
    def _call(self) -> Iterator[None]:
        with self._lock:
            self._refuse_if_silent()
        if not self._slots.acquire(timeout=self.silence_seconds):
            raise BackendSilentError
        try:
            with self._lock:
                self._refuse_if_silent()  # it may have become silent during the wait
                began = self.clock()
                self._waiting.append(began)
            has_failed = False
            try:
                yield
            except BackendBusyError as error:
                raise BackendSilentError from error
            except BackendLostError:
                has_failed = True
                raise
            finally:
                with self._lock:
                    self._waiting.remove(began)
                    if has_failed:
                        self._has_failed = True
                    else:
                        self._note_response()
        finally:
            self._slots.release()

    def _note_response(self) -> None:
        self._responded_at = self.clock()
        self._has_failed = False

    def _refuse_if_silent(self) -> None:
        if not self._waiting:
            return  # after a failure too: one call at a time tries again
        since = max(self._responded_at, min(self._waiting))
        if self._has_failed or self.clock() - since > self.silence_seconds:
            raise BackendSilentError


@dataclass(eq=False)
class _CoalescedCall(Generic[_Result]):
    """Calls in a thread of its own, started by the first call; concurrent callers share one result.

    `call` has a deadline of its own; a caller waits for `max_seconds` at most.
    """

    call: Callable[[], _Result]
    clock: Callable[[], float]
    max_seconds: float
    _future: Future[_Result] | None = field(default=None, init=False)
    _began: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="backend-call")
        self._lock = threading.Lock()

    def result(self) -> _Result:
        """Return the result of the call, or raise its exception.

        Raises:
            BackendSilentError: no result in time.
        """
        with self._lock:
            now = self.clock()
            if self._future is None or self._future.done():
                self._future, self._began = self._thread.submit(self.call), now
            elif now - self._began > self.max_seconds:
                raise BackendSilentError
            future = self._future
        try:
            return future.result(self.max_seconds)
        except (TimeoutError, BackendBusyError) as error:
            raise BackendSilentError from error
