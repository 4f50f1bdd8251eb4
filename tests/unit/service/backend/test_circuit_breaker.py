"""A backend that goes silent, in front of which the gate closes."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from prometheus_client import Metric

from service.backend.circuit_breaker import CALLS_AT_ONCE, BackendSilentError, CircuitBreaker
from tests.clock import Clock
from tests.waiting import wait_until
from workers import (
    BackendBusyError,
    BackendHealth,
    BackendLostError,
    BackendState,
    ChangesWanted,
    Refusal,
    Submission,
)
from workers.contract.messages.supervision import MailboxStats
from workers.state.metrics import Metrics

PATIENCE = 60.0
SILENCE = 0.3  # for what is waited for in vain


class StoppedBackend:
    """Answers nothing while it is stopped, or only not this one method."""

    def __init__(self) -> None:
        self.answering = threading.Event()
        self.answering.set()
        self.entered = threading.Semaphore(0)
        self.stuck_method: str | None = None
        self.failure: Exception | None = None
        self.calls = 0
        self.mailbox = self.job_table = self

    def put(self, submission: Submission) -> Refusal | None:
        self._answer("put")
        return None

    def changes(self, wanted: ChangesWanted) -> Any:
        self._answer("changes")
        return f"{wanted.job_id} of {wanted.owner} since {wanted.since}"

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]:
        self._answer("links")
        return (f"{start} {limit} {owner}",)

    def scale(self, count: int) -> None:
        self._answer("scale")

    def workers_wanted(self) -> int:
        return 2

    def health(self) -> BackendHealth:
        self._answer("health")
        return BackendHealth(BackendState.READY, 2)

    def metrics(self) -> tuple[Metric, ...]:
        self._answer("metrics")
        return Metrics().collect(MailboxStats())

    def _answer(self, method: str) -> None:
        self.calls += 1
        self.entered.release()
        if self.stuck_method in {None, method}:
            assert self.answering.wait(PATIENCE)
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def stopped() -> Iterator[StoppedBackend]:
    backend = StoppedBackend()
    yield backend
    backend.answering.set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(stopped: StoppedBackend, clock: Clock) -> CircuitBreaker:
    """Waits for an answer, however late it comes."""
    return CircuitBreaker(stopped, clock=clock, silence_seconds=PATIENCE, health_seconds=PATIENCE)


@pytest.fixture
def impatient(stopped: StoppedBackend, clock: Clock) -> CircuitBreaker:
    """Soon gives up, and may do so before an answer that comes."""
    return CircuitBreaker(stopped, clock=clock, silence_seconds=SILENCE, health_seconds=SILENCE)


@pytest.fixture
def pool(stopped: StoppedBackend) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as threads:
        yield threads
        stopped.answering.set()


CALLS: dict[str, Callable[[CircuitBreaker], Any]] = {
    "put": lambda gate: gate.mailbox.put(Submission("id", ("https://example.com/",))),
    "changes": lambda gate: gate.job_table.changes(ChangesWanted("id", 3, "alice")),
    "links": lambda gate: gate.job_table.links(0, 10, "alice"),
    "scale": lambda gate: gate.scale(3),
}


def health_of(gate: CircuitBreaker) -> BackendHealth | None:
    try:
        return gate.health()
    except BackendSilentError:
        return None


def stop_in_mid_call(
    gate: CircuitBreaker, stopped: StoppedBackend, pool: ThreadPoolExecutor
) -> Future[Any]:
    stopped.answering.clear()
    call = pool.submit(gate.job_table.changes, ChangesWanted("id"))
    assert stopped.entered.acquire(timeout=PATIENCE)
    return call


def test_answers_come_through(gate: CircuitBreaker) -> None:
    assert CALLS["put"](gate) is None
    assert CALLS["changes"](gate) == "id of alice since 3"
    assert CALLS["links"](gate) == ("0 10 alice",)
    assert gate.health().state is BackendState.READY


@pytest.mark.parametrize("name", CALLS)
def test_errors_come_through(gate: CircuitBreaker, stopped: StoppedBackend, name: str) -> None:
    for failure in (BackendLostError("gone"), RuntimeError("a bug")):
        stopped.failure = failure
        with pytest.raises(type(failure)):
            CALLS[name](gate)


@pytest.mark.parametrize("name", [*CALLS, "health"])
def test_a_backend_that_cannot_be_asked_is_silent_and_not_lost(
    gate: CircuitBreaker, stopped: StoppedBackend, name: str
) -> None:
    call = CALLS.get(name, CircuitBreaker.health)
    stopped.failure = BackendBusyError("no descriptor")
    with pytest.raises(BackendSilentError):
        call(gate)
    stopped.failure = None
    call(gate)


@pytest.mark.parametrize("name", CALLS)
def test_calls_fail_at_once_while_it_is_silent(
    gate: CircuitBreaker,
    clock: Clock,
    stopped: StoppedBackend,
    pool: ThreadPoolExecutor,
    name: str,
) -> None:
    first = stop_in_mid_call(gate, stopped, pool)
    clock.now += PATIENCE * 1.5  # which is what silence is
    calls = stopped.calls
    with pytest.raises(BackendSilentError):
        CALLS[name](gate)
    assert stopped.calls == calls
    stopped.answering.set()
    assert first.result(PATIENCE) == "id of  since 0"
    CALLS[name](gate)


def test_threads_are_left_to_refuse_the_rest(
    impatient: CircuitBreaker, stopped: StoppedBackend, pool: ThreadPoolExecutor
) -> None:
    stopped.answering.clear()
    changes = impatient.job_table.changes
    calls = [pool.submit(changes, ChangesWanted("id")) for _ in range(CALLS_AT_ONCE + 8)]
    for _ in range(CALLS_AT_ONCE):
        assert stopped.entered.acquire(timeout=PATIENCE)
    wait_until(lambda: sum(call.done() for call in calls) == 8)
    assert stopped.calls == CALLS_AT_ONCE
    stopped.answering.set()
    outcomes = [call.exception(PATIENCE) for call in calls]
    assert sum(outcome is None for outcome in outcomes) == CALLS_AT_ONCE
    assert sum(isinstance(outcome, BackendSilentError) for outcome in outcomes) == 8


def test_a_slow_call_is_no_silence(stopped: StoppedBackend, pool: ThreadPoolExecutor) -> None:
    """One large job takes long, and others are answered meanwhile."""
    clock = Clock(0.0)
    gate = CircuitBreaker(stopped, clock=clock, silence_seconds=3.0)
    stopped.stuck_method = "changes"
    slow = stop_in_mid_call(gate, stopped, pool)
    for _ in range(10):
        clock.now += 2.0
        assert gate.job_table.links(0, 1) == ("0 1 ",)
    assert not slow.done()
    clock.now += 3.1
    with pytest.raises(BackendSilentError):
        gate.job_table.links(0, 1)


def test_after_a_failure_one_call_at_a_time_finds_out(
    gate: CircuitBreaker, stopped: StoppedBackend, pool: ThreadPoolExecutor
) -> None:
    stopped.failure = BackendLostError("silent for ten seconds")
    with pytest.raises(BackendLostError):
        gate.job_table.changes(ChangesWanted("id"))
    stopped.failure = None
    scout = stop_in_mid_call(gate, stopped, pool)
    with pytest.raises(BackendSilentError):
        gate.job_table.links(0, 1)
    stopped.answering.set()
    scout.result(PATIENCE)
    assert gate.job_table.links(0, 1) == ("0 1 ",)


class TestMeters:
    def test_they_come_through(self, gate: CircuitBreaker) -> None:
        assert "imgup_jobs_accepted" in {metric.name for metric in gate.mailbox.metrics()}

    def test_nobody_waits_long(
        self, impatient: CircuitBreaker, stopped: StoppedBackend, pool: ThreadPoolExecutor
    ) -> None:
        stopped.stuck_method = "metrics"
        stopped.answering.clear()
        with pytest.raises(BackendSilentError):
            impatient.mailbox.metrics()
        assert stopped.entered.acquire(timeout=PATIENCE)
        calls = [pool.submit(impatient.mailbox.metrics) for _ in range(10)]
        assert all(isinstance(call.exception(PATIENCE), BackendSilentError) for call in calls)
        assert stopped.calls == 1
        # Nor does anybody else because of it.
        assert wait_until(lambda: health_of(impatient)).state is BackendState.READY
        assert impatient.job_table.links(0, 1) == ("0 1 ",)

    @pytest.mark.parametrize(
        ("failure", "raised"),
        [
            (BackendBusyError("no descriptors"), BackendSilentError),
            (BackendLostError("gone"), BackendLostError),
        ],
    )
    def test_a_backend_that_cannot_tell(
        self,
        gate: CircuitBreaker,
        stopped: StoppedBackend,
        failure: Exception,
        raised: type[Exception],
    ) -> None:
        stopped.failure = failure
        with pytest.raises(raised):
            gate.mailbox.metrics()


class TestHealth:
    def test_it_waits_for_a_moment_only(
        self,
        impatient: CircuitBreaker,
        clock: Clock,
        stopped: StoppedBackend,
        pool: ThreadPoolExecutor,
    ) -> None:
        stopped.answering.clear()
        with pytest.raises(BackendSilentError):
            impatient.health()
        assert stopped.entered.acquire(timeout=PATIENCE)
        clock.now += SILENCE * 1.5
        # And not again for the same answer.
        calls = [pool.submit(impatient.health) for _ in range(10)]
        assert all(isinstance(call.exception(PATIENCE), BackendSilentError) for call in calls)
        assert stopped.calls == 1

    def test_it_recovers(self, impatient: CircuitBreaker, stopped: StoppedBackend) -> None:
        stopped.answering.clear()
        assert health_of(impatient) is None
        stopped.answering.set()
        assert wait_until(lambda: health_of(impatient)).state is BackendState.READY

    def test_probes_at_once_share_an_answer(
        self, gate: CircuitBreaker, stopped: StoppedBackend, pool: ThreadPoolExecutor
    ) -> None:
        stopped.answering.clear()
        probes = [pool.submit(gate.health) for _ in range(10)]
        assert stopped.entered.acquire(timeout=PATIENCE)
        stopped.answering.set()
        assert all(probe.exception(PATIENCE) is None for probe in probes)
