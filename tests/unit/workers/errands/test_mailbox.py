"""Errands and images in one mailbox."""

import math

import pytest

from workers.errands.book import ErrandLimits
from workers.errands.messages import Done, ErrandReport, PutOff
from workers.job_table import JobTable
from workers.jobs.job_options import JobOptions
from workers.mailbox import Mailbox
from workers.messages import Failed, Report, Standing, Submission, Uploaded, Words
from workers.queueing.leases import SILENT_SECONDS
from workers.queueing.mailbox_limits import MailboxLimits

CALLBACK = JobOptions(callback_url="https://client.test/hook")
DONE = Uploaded("https://i.imgur.com/a.jpg", "hash")


class Desk:
    def __init__(self) -> None:
        self.now = 100.0
        self.table = JobTable(clock=lambda: self.now)
        limits = MailboxLimits(errands=ErrandLimits(at_once=2, lease_seconds=300.0))
        self.box = Mailbox(self.table, limits, clock=lambda: self.now)
        self.box.register("w1")

    def put(self, job_id: str, count: int = 1) -> None:
        urls = tuple(f"https://{job_id}.test/{number}" for number in range(count))
        assert self.box.put(Submission(job_id, urls, "", CALLBACK)) is None

    def upload(self, job_id: str) -> None:
        self.put(job_id)
        (lease,) = self.box.claim("w1", 0.0).leases
        self.box.ack("w1", Report(lease.token, DONE))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_errand_comes_in_the_trip_that_takes_leases(desk: Desk) -> None:
    desk.put("a")
    (lease,) = desk.box.claim("w1", 0.0).leases
    desk.put("b", 2)
    # The report that ends the job and the errand that this makes: one trip.
    delivery = desk.box.exchange("w1", Words((Report(lease.token, DONE),), wanted=2), 0.0)
    assert [errand.job_id for errand in delivery.errands] == ["a"]
    assert [lease.job_id for lease in delivery.leases] == ["b"]
    report = ErrandReport(delivery.errands[0].token, Done(200))
    delivery = desk.box.exchange("w1", Words(errands=(report,), wanted=1), 0.0)
    assert [receipt.accepted for receipt in delivery.errand_receipts] == [True]
    assert len(delivery.leases) == 1


def test_those_who_ask_for_nothing_get_nothing(desk: Desk) -> None:
    desk.upload("a")
    assert desk.box.exchange("w1", Words(), 0.0).errands == ()
    assert len(desk.box.exchange("w1", Words(wanted=1), 0.0).errands) == 1


def test_an_errand_takes_no_image_from_its_worker(desk: Desk) -> None:
    desk.upload("a")
    assert len(desk.box.claim("w1", 0.0, 1).errands) == 1
    desk.put("b")
    assert len(desk.box.claim("w1", 0.0, 1).leases) == 1


def test_a_job_that_is_cancelled_tells_its_callback(desk: Desk) -> None:
    desk.put("a", 3)
    desk.box.cancel("a", "")
    (errand,) = desk.box.claim("w1", 0.0).errands
    assert b'"failed":3' in errand.body
    assert b'"cancelled":true' in errand.body


def test_a_job_that_ends_by_crashes_tells_its_callback(desk: Desk) -> None:
    desk.put("a")
    for number in range(1, 4):
        if number > 1:
            desk.box.register(f"w{number}")
        assert desk.box.claim(f"w{number}", 0.0).leases
        desk.box.retire(f"w{number}")
    desk.box.register("w4")
    (errand,) = desk.box.claim("w4", 0.0).errands
    assert b'"failed":1' in errand.body


def test_imgurs_pause_after_a_deletion_is_everybodys(desk: Desk) -> None:
    desk.upload("a")
    (webhook,) = desk.box.claim("w1", 0.0).errands
    assert desk.box.delete_image("a", 0) is None
    (deletion,) = desk.box.claim("w1", 0.0).errands
    reports = (
        ErrandReport(webhook.token, Done(200)),
        ErrandReport(deletion.token, PutOff("slow down", 60.0)),
    )
    desk.put("b")
    delivery = desk.box.exchange("w1", Words(errands=reports, wanted=4), 0.0)
    assert (delivery.standing, delivery.errands, delivery.leases) == (Standing.IDLE, (), ())
    assert desk.box.stats().pause_seconds == pytest.approx(60.0)
    desk.now += 60.0
    delivery = desk.box.claim("w1", 0.0, 4)
    assert (len(delivery.errands), len(delivery.leases)) == (1, 1)


def test_a_worker_on_an_errand_is_not_taken_for_silent(desk: Desk) -> None:
    desk.upload("a")
    (errand,) = desk.box.claim("w1", 0.0).errands
    desk.now += SILENT_SECONDS + 1
    assert desk.box.overdue() == ()
    desk.now += 300.0
    assert desk.box.overdue() == ("w1",)
    assert desk.box.retire("w1").errands == 1
    report = ErrandReport(errand.token, Done(200))
    (receipt,) = desk.box.exchange("w1", Words(errands=(report,)), 0.0).errand_receipts
    assert not receipt.accepted


def test_a_drain_hands_out_no_more_and_takes_what_comes(desk: Desk) -> None:
    desk.upload("a")
    (errand,) = desk.box.claim("w1", 0.0, 1).errands
    desk.upload("b")
    desk.box.close()
    report = ErrandReport(errand.token, Done(200))
    delivery = desk.box.exchange("w1", Words(errands=(report,), wanted=1), 0.0)
    assert delivery.standing is Standing.DRAINED
    assert delivery.errand_receipts[0].accepted
    assert [key[1] for key in desk.box.open_errands()] == ["b"]


def test_without_errands_nothing_wakes_for_them(desk: Desk) -> None:
    desk.put("a")
    (lease,) = desk.box.claim("w1", 0.0).leases
    assert desk.box._errands.next_due(desk.now) == math.inf
    desk.box.ack("w1", Report(lease.token, Failed("empty", "Nothing came.")))
    assert desk.box._errands.next_due(desk.now) == desk.now
