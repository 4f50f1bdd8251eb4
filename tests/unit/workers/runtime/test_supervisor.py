"""The supervisor with a real mailbox and simulated workers."""

from types import SimpleNamespace

import pytest

from tests.job_snapshot import snapshot_of
from tests.lane_mailbox import Mailbox
from tests.metric_values import values_of
from workers.contract.job_options import JobOptions
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.jobs import ImageState
from workers.contract.messages.outcomes import Failed
from workers.contract.messages.round_trip import Directive, Report
from workers.contract.messages.submission import Submission
from workers.runtime.supervisor import Supervisor
from workers.state.jobs.job_table import JobTable


class Worker:
    """A process whose end the test sets."""

    def __init__(self, worker_id: str, number: int) -> None:
        self.worker_id = worker_id
        self.pid = self.sentinel = number
        self.exitcode: int | None = None
        self.is_closed = False

    def kill(self) -> None:
        if self.exitcode is None:
            self.exitcode = -9

    def join(self) -> None:
        assert self.exitcode is not None, "would wait for ever"

    def close(self) -> None:
        self.is_closed = True


class Harness:
    """A supervisor and the workers that it has started."""

    def __init__(self, count: int) -> None:
        self.now = 1000.0
        self.table = JobTable()
        limits = MailboxLimits(lease_seconds=100.0)
        self.box = Mailbox(self.table, limits, clock=lambda: self.now)
        self.started: list[Worker] = []
        self.failures = 0
        self.supervisor = Supervisor(self.box, self.start, count)
        self.supervisor.look_after()

    def start(self, worker_id: str) -> Worker:
        if self.failures:
            self.failures -= 1
            raise OSError("no more processes")
        self.started.append(Worker(worker_id, len(self.started) + 1))
        return self.started[-1]

    def resize(self, count: int) -> None:
        self.supervisor.resize(count)
        self.supervisor.look_after()

    @property
    def running(self) -> list[str]:
        return [worker.worker_id for worker in self.started if worker.exitcode is None]

    def worker(self, worker_id: str) -> Worker:
        return next(worker for worker in self.started if worker.worker_id == worker_id)

    def directive(self, worker_id: str) -> Directive:
        return self.box.claim(worker_id, 0).directive

    def put(self, count: int) -> None:
        urls = tuple(f"https://source.test/{n}.jpg" for n in range(count))
        assert self.box.put(Submission("j", urls)) is None

    def take(self, worker_id: str) -> int:
        (lease,) = self.box.claim(worker_id, 0).leases
        return lease.token

    def report(self, worker_id: str, token: int) -> bool:
        return self.box.ack(worker_id, Report(token, Failed("empty", "Nothing."))).accepted

    def restarts(self) -> dict[str, int]:
        counts = values_of(self.box.metrics())
        return {
            labels[0]: int(count)
            for (name, *labels), count in counts.items()
            if name == "imgup_worker_restarts_total" and count
        }


def test_more_are_started_at_the_next_look() -> None:
    harness = Harness(1)
    harness.supervisor.resize(3)
    assert harness.running == ["worker-1.1"]
    assert harness.supervisor.patience() == 0.0
    harness.supervisor.look_after()
    assert harness.running == ["worker-1.1", "worker-2.1", "worker-3.1"]


def test_of_too_many_the_newest_leave_and_no_crash_is_counted() -> None:
    harness = Harness(3)
    harness.resize(1)
    assert harness.directive("worker-1.1") is Directive.IDLE
    for worker_id in ("worker-2.1", "worker-3.1"):
        assert harness.directive(worker_id) is Directive.DRAINED
        harness.worker(worker_id).exitcode = 0
    assert len(harness.supervisor.sentinels()) == 3, "their end is waited for"
    harness.supervisor.look_after()
    assert harness.supervisor.sentinels() == [harness.worker("worker-1.1").sentinel]
    assert [harness.directive(f"worker-{n}.1") for n in (2, 3)] == [Directive.FENCED] * 2
    assert all(harness.worker(f"worker-{n}.1").is_closed for n in (2, 3))
    assert harness.running == ["worker-1.1"], "nobody follows them"
    assert harness.restarts() == {}


def test_one_that_leaves_finishes_what_it_has() -> None:
    harness = Harness(2)
    harness.put(6)
    token = harness.take("worker-2.1")
    harness.resize(1)
    stats = harness.box.stats()
    assert (stats.workers_draining, stats.leased) == (1, 1)
    assert harness.report("worker-2.1", token)
    assert harness.directive("worker-2.1") is Directive.DRAINED
    harness.worker("worker-2.1").exitcode = 0
    harness.supervisor.look_after()
    snapshot = snapshot_of(harness.table, "j")
    assert snapshot is not None
    assert list(snapshot.attempts) == [1, 0, 0, 0, 0, 0]
    assert harness.box.stats().workers_draining == 0


def test_one_that_is_killed_while_it_leaves_gives_back_what_it_has() -> None:
    harness = Harness(2)
    harness.put(1)
    token = harness.take("worker-2.1")
    harness.resize(1)
    harness.worker("worker-2.1").exitcode = -9
    harness.supervisor.look_after()
    assert not harness.report("worker-2.1", token)
    assert harness.running == ["worker-1.1"]
    assert harness.restarts() == {"killed": 1}
    assert harness.report("worker-1.1", harness.take("worker-1.1"))
    snapshot = snapshot_of(harness.table, "j")
    assert snapshot is not None
    assert list(snapshot.states) == [ImageState.FAILED], "of what the other one reports"


def test_one_that_stays_too_long_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.runtime.supervisor.CHECK_SECONDS", 0.0)
    harness = Harness(2)
    harness.put(1)
    harness.take("worker-2.1")
    harness.resize(1)
    harness.now += 99.0
    harness.directive("worker-1.1")
    harness.supervisor.look_after()
    assert harness.running == ["worker-1.1", "worker-2.1"]
    harness.now += 2.0
    harness.supervisor.look_after()
    assert harness.running == ["worker-1.1"]
    harness.supervisor.look_after()
    assert harness.restarts() == {"stuck": 1}
    assert harness.box.stats().queued == 1


def test_a_new_one_comes_while_another_still_leaves() -> None:
    harness = Harness(2)
    harness.put(4)
    token = harness.take("worker-2.1")
    harness.resize(1)
    harness.resize(2)
    assert harness.running == ["worker-1.1", "worker-2.1", "worker-3.1"]
    assert harness.directive("worker-2.1") is Directive.DRAINED, "it does not come back"
    assert harness.report("worker-2.1", token)
    assert harness.directive("worker-3.1") is Directive.WORK


def test_an_id_is_never_used_again() -> None:
    harness = Harness(1)
    for _ in range(4):
        harness.resize(3)
        harness.resize(1)
    ids = [worker.worker_id for worker in harness.started]
    assert len(set(ids)) == len(ids) == 9


def test_a_place_that_nobody_fills_goes_first() -> None:
    harness = Harness(1)
    harness.failures = 1
    harness.resize(3)
    assert harness.running == ["worker-1.1", "worker-3.1"]
    harness.resize(2)
    assert harness.directive("worker-3.1") is Directive.IDLE
    harness.resize(1)
    assert harness.directive("worker-3.1") is Directive.DRAINED


def test_the_same_number_changes_nothing() -> None:
    harness = Harness(2)
    harness.resize(2)
    assert [harness.directive(worker_id) for worker_id in harness.running] == [Directive.IDLE] * 2


def test_all_are_killed_those_that_leave_too() -> None:
    harness = Harness(3)
    harness.resize(1)
    assert harness.supervisor.kill_all() == 3
    assert harness.running == []


def test_a_dead_worker_is_replaced_in_its_place() -> None:
    harness = Harness(2)
    harness.directive("worker-1.1")
    harness.worker("worker-1.1").exitcode = -9
    harness.supervisor.look_after()
    assert harness.running == ["worker-2.1", "worker-1.2"]


def test_workers_that_are_killed_at_each_start_start_ever_more_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness = Harness(1)
    clock = SimpleNamespace(monotonic=lambda: harness.now)
    monkeypatch.setattr("workers.runtime.supervisor.time", clock)
    for _ in range(600):
        for worker in harness.started:
            worker.kill()
        harness.supervisor.look_after()
        harness.now += 0.1
    assert 50 < len(harness.started) < 80, "in a minute"
    harness.now += 10.0
    harness.supervisor.look_after()
    (alive,) = harness.running
    harness.directive(alive)
    harness.worker(alive).kill()
    harness.supervisor.look_after()
    assert len(harness.running) == 1, "it had come so far as to work"


def test_a_webhook_given_up_with_its_third_worker_is_logged() -> None:
    harness = Harness(1)
    options = JobOptions(callback_url="https://client.test/hook?key=s3cret")
    assert harness.box.put(Submission("j", ("https://source.test/a.jpg",), options=options)) is None
    assert harness.report("worker-1.1", harness.take("worker-1.1"))
    for number in range(1, 4):
        harness.take(f"worker-1.{number}")
        harness.worker(f"worker-1.{number}").exitcode = -9
        harness.supervisor.look_after()
    (line,) = harness.box.tend()
    assert line.event == "task failed"
    told = {"job_id": "j", "task": "webhook", "reason": "worker-crashed"}
    assert told.items() <= line.fields.items()
    assert "s3cret" not in repr(line)
