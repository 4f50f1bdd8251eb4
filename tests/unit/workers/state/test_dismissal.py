"""A worker is told to leave: it ends what it has, and the others do the rest."""

import threading

import pytest

from tests.lane_mailbox import Mailbox
from tests.waiting import wait_until
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.outcomes import Failed
from workers.contract.messages.round_trip import Directive, Report, WorkerRequest, WorkerResponse
from workers.contract.messages.submission import Submission
from workers.contract.messages.supervision import EndCause
from workers.state.jobs.job_table import JobTable
from workers.state.leases.registry import SILENT_SECONDS

SOON = 60.0
END = Failed("empty", "Nothing came.")


class Harness:
    """A mailbox with two workers and a clock that stands still."""

    def __init__(self) -> None:
        self.now = 1000.0
        limits = MailboxLimits(lease_seconds=100.0, max_crashes=2)
        self.box = Mailbox(JobTable(), limits, clock=lambda: self.now)
        for worker_id in ("ann", "bob"):
            self.box.register(worker_id)
            self.box.claim(worker_id, 0)

    def put(self, count: int) -> None:
        urls = tuple(f"https://source.test/{n}.jpg" for n in range(count))
        assert self.box.put(Submission("j", urls)) is None

    def claim(self, worker_id: str, wanted: int = 1) -> list[int]:
        return [lease.token for lease in self.box.claim(worker_id, 0, wanted).leases]

    def end(self, worker_id: str, token: int) -> None:
        assert self.box.ack(worker_id, Report(token, END)).accepted


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_it_gets_nothing_more_and_others_do(harness: Harness) -> None:
    harness.put(2)
    harness.box.drain_worker("bob")
    assert harness.box.claim("bob", 0) == WorkerResponse(Directive.DRAINED)
    assert len(harness.claim("ann")) == 1


def test_one_that_waits_is_woken() -> None:
    box = Mailbox(JobTable(), MailboxLimits())
    for worker_id in ("ann", "bob"):
        box.register(worker_id)
    answers: dict[str, Directive] = {}

    def wait(worker_id: str, seconds: float) -> None:
        answers[worker_id] = box.claim(worker_id, seconds).directive

    threads = {
        worker_id: threading.Thread(target=wait, args=(worker_id, seconds))
        for worker_id, seconds in (("ann", 600.0), ("bob", 600.0))
    }
    for thread in threads.values():
        thread.start()
    wait_until(lambda: box.stats().workers_idle == 2)
    box.drain_worker("bob")
    threads["bob"].join(SOON)
    assert answers == {"bob": Directive.DRAINED}
    assert box.stats().workers_idle == 1
    box.close()
    threads["ann"].join(SOON)
    assert answers["ann"] is Directive.DRAINED
    assert box.stats().workers_idle == 0


def test_it_reports_and_is_drained_in_the_same_trip(harness: Harness) -> None:
    harness.put(3)
    (token,) = harness.claim("bob")
    harness.box.drain_worker("bob")
    response = harness.box.exchange("bob", WorkerRequest((Report(token, END),), (), 1), 0)
    assert response.directive is Directive.DRAINED
    assert [ack.accepted for ack in response.acks] == [True]


def test_it_is_neither_ready_nor_has_a_share(harness: Harness) -> None:
    harness.put(4)
    assert len(harness.claim("ann", 4)) == 2, "half for each"
    harness.box.drain_worker("bob")
    stats = harness.box.stats()
    assert (stats.workers_ready, stats.workers_draining, stats.draining) == (1, 1, False)
    assert len(harness.claim("ann", 4)) == 2
    harness.box.fence("bob")
    assert harness.box.stats().workers_draining == 0


def test_it_is_overdue_like_any_other(harness: Harness) -> None:
    harness.put(1)
    harness.claim("bob")
    harness.box.drain_worker("bob")
    harness.now += 99.0
    harness.box.claim("ann", 0)
    assert harness.box.expired() == ()
    harness.now += 1.0
    assert harness.box.expired() == ("bob",)


def test_so_is_one_that_has_nothing_and_does_not_go(harness: Harness) -> None:
    harness.box.drain_worker("bob")
    harness.now += SILENT_SECONDS
    harness.box.claim("ann", 0)
    assert harness.box.expired() == ("bob",)


class TestSuspects:
    """URLs whose worker died, to be handed out alone: who takes the next, when one leaves."""

    def crash_with(self, harness: Harness, count: int) -> None:
        harness.box.register("cat")
        assert len(harness.claim("cat", count)) == count
        harness.box.fence("cat", EndCause.KILLED)

    def test_one_that_it_was_to_have_is_anothers(self, harness: Harness) -> None:
        harness.put(6)
        (of_ann,), (of_bob,) = harness.claim("ann"), harness.claim("bob")
        self.crash_with(harness, 1)
        assert harness.claim("bob") == [], "kept for the suspect until its hands are free"
        (more_of_ann,) = harness.claim("ann")
        harness.box.drain_worker("bob")
        assert harness.claim("ann") == [], "now it is the one that is kept"
        harness.end("bob", of_bob)
        for token in (of_ann, more_of_ann):
            harness.end("ann", token)
        (lease,) = harness.box.claim("ann", 0).leases
        assert lease.index == 2

    def test_the_next_after_the_one_that_it_has_is_anothers(self, harness: Harness) -> None:
        harness.put(6)
        (of_ann,) = harness.claim("ann")
        self.crash_with(harness, 2)
        (quarantined_url,) = harness.claim("bob")
        harness.box.drain_worker("bob")
        (more_of_ann,) = harness.claim("ann")
        harness.end("bob", quarantined_url)
        assert harness.claim("ann") == [], "it is kept for the second one"
        for token in (of_ann, more_of_ann):
            harness.end("ann", token)
        (lease,) = harness.box.claim("ann", 0).leases
        assert lease.index in {1, 2}
