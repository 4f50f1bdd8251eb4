"""A worker is told to leave: it ends what it has, and the others do the rest."""

import threading

import pytest

from tests.waiting import wait_until
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages import (
    Delivery,
    EndCause,
    Failed,
    Report,
    Standing,
    Submission,
    Words,
)
from workers.state.jobs.job_table import JobTable
from workers.state.leases.registry import SILENT_SECONDS
from workers.state.mailbox import Mailbox

SOON = 20.0
END = Failed("empty", "Nothing came.")


class Desk:
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
def desk() -> Desk:
    return Desk()


def test_it_gets_nothing_more_and_others_do(desk: Desk) -> None:
    desk.put(2)
    desk.box.dismiss("bob")
    assert desk.box.claim("bob", 0) == Delivery(Standing.DRAINED)
    assert len(desk.claim("ann")) == 1


def test_one_that_waits_is_woken() -> None:
    box = Mailbox(JobTable(), MailboxLimits())
    for worker_id in ("ann", "bob"):
        box.register(worker_id)
    answers: dict[str, Standing] = {}

    def wait(worker_id: str, seconds: float) -> None:
        answers[worker_id] = box.claim(worker_id, seconds).standing

    threads = {
        worker_id: threading.Thread(target=wait, args=(worker_id, seconds))
        for worker_id, seconds in (("ann", 600.0), ("bob", 600.0))
    }
    for thread in threads.values():
        thread.start()
    wait_until(lambda: box.stats().workers_idle == 2)
    box.dismiss("bob")
    threads["bob"].join(SOON)
    assert answers == {"bob": Standing.DRAINED}
    assert box.stats().workers_idle == 1
    box.close()
    threads["ann"].join(SOON)
    assert answers["ann"] is Standing.DRAINED
    assert box.stats().workers_idle == 0


def test_it_reports_and_is_drained_in_the_same_trip(desk: Desk) -> None:
    desk.put(3)
    (token,) = desk.claim("bob")
    desk.box.dismiss("bob")
    delivery = desk.box.exchange("bob", Words((Report(token, END),), (), 1), 0)
    assert delivery.standing is Standing.DRAINED
    assert [receipt.accepted for receipt in delivery.receipts] == [True]


def test_it_is_neither_ready_nor_has_a_share(desk: Desk) -> None:
    desk.put(4)
    assert len(desk.claim("ann", 4)) == 2, "half for each"
    desk.box.dismiss("bob")
    stats = desk.box.stats()
    assert (stats.workers_ready, stats.workers_leaving, stats.draining) == (1, 1, False)
    assert len(desk.claim("ann", 4)) == 2
    desk.box.retire("bob")
    assert desk.box.stats().workers_leaving == 0


def test_it_is_overdue_like_any_other(desk: Desk) -> None:
    desk.put(1)
    desk.claim("bob")
    desk.box.dismiss("bob")
    desk.now += 99.0
    desk.box.claim("ann", 0)
    assert desk.box.overdue() == ()
    desk.now += 1.0
    assert desk.box.overdue() == ("bob",)


def test_so_is_one_that_has_nothing_and_does_not_go(desk: Desk) -> None:
    desk.box.dismiss("bob")
    desk.now += SILENT_SECONDS
    desk.box.claim("ann", 0)
    assert desk.box.overdue() == ("bob",)


class TestSuspects:
    """URLs whose worker died, to be handed out alone: who takes the next, when one leaves."""

    def crash_with(self, desk: Desk, count: int) -> None:
        desk.box.register("cat")
        assert len(desk.claim("cat", count)) == count
        desk.box.retire("cat", EndCause.KILLED)

    def test_one_that_it_was_to_have_is_anothers(self, desk: Desk) -> None:
        desk.put(6)
        (of_ann,), (of_bob,) = desk.claim("ann"), desk.claim("bob")
        self.crash_with(desk, 1)
        assert desk.claim("bob") == [], "kept for the suspect until its hands are free"
        (more_of_ann,) = desk.claim("ann")
        desk.box.dismiss("bob")
        assert desk.claim("ann") == [], "now it is the one that is kept"
        desk.end("bob", of_bob)
        for token in (of_ann, more_of_ann):
            desk.end("ann", token)
        (lease,) = desk.box.claim("ann", 0).leases
        assert lease.index == 2

    def test_the_next_after_the_one_that_it_has_is_anothers(self, desk: Desk) -> None:
        desk.put(6)
        (of_ann,) = desk.claim("ann")
        self.crash_with(desk, 2)
        (suspect,) = desk.claim("bob")
        desk.box.dismiss("bob")
        (more_of_ann,) = desk.claim("ann")
        desk.end("bob", suspect)
        assert desk.claim("ann") == [], "it is kept for the second one"
        for token in (of_ann, more_of_ann):
            desk.end("ann", token)
        (lease,) = desk.box.claim("ann", 0).leases
        assert lease.index in {1, 2}
