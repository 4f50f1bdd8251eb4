"""Who is kept apart, and why."""

import pytest

from tests.lane_mailbox import Mailbox
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.outcomes import Uploaded
from workers.contract.messages.round_trip import Report, UrlKey, WorkerRequest
from workers.contract.messages.submission import Submission
from workers.state.jobs.job_table import JobTable
from workers.state.schedule.quarantine import Quarantine

PLACE = ("job", 0)


@pytest.mark.parametrize(
    ("max_crashes", "charges", "quarantined_url"),
    [
        (3, [], False),
        (3, [False], False),
        (3, [False, False], True),
        (3, [True], True),
        (3, [True, False], True),
        (1, [], False),
        (2, [False], True),
    ],
)
def test_what_the_next_crash_may_fail_is_a_suspect(max_crashes, charges, quarantined_url):
    quarantine = Quarantine(max_crashes)
    for last_chance in charges:
        quarantine.charge(PLACE, last_chance=last_chance)
    assert quarantine.is_quarantined(PLACE) is quarantined_url
    quarantine.forget(PLACE)
    assert not quarantine.is_quarantined(PLACE)


def test_what_was_being_uploaded_beside_a_killer_is_uploaded_again_alone():
    """Twice beside another's crash, it would fail for good through no fault of its own."""
    mailbox = Mailbox(JobTable(), MailboxLimits())
    mailbox.put(Submission("job", ("http://killer.test/", "http://innocent.test/")))
    mailbox.register("first")
    killer, innocent = (
        next(iter(mailbox.claim("first", 0).leases), None),
        next(iter(mailbox.claim("first", 0).leases), None),
    )
    assert mailbox.begin_upload("first", innocent.token)
    mailbox.fence("first")

    mailbox.register("second")
    alone = next(iter(mailbox.claim("second", 0).leases), None)
    assert alone.target == innocent.target
    assert not mailbox.claim("second", 0).leases
    assert mailbox.begin_upload("second", alone.token)
    report = Report(alone.token, Uploaded("https://i.test/1", "hash"))
    (after,) = mailbox.exchange("second", WorkerRequest((report,), wanted=1), 0).leases
    assert after.target == killer.target


def quarantined(quarantine: Quarantine, count: int) -> list[UrlKey]:
    places = [("job", index) for index in range(count)]
    for place in reversed(places):
        quarantine.add(place)
    return places


@pytest.mark.parametrize(
    ("waiting", "workers", "serving"),
    [(0, 4, 0), (1, 4, 1), (2, 4, 2), (9, 4, 3), (9, 2, 1), (9, 1, 1)],
    ids=[
        "nothing to do",
        "one for the only suspect",
        "one for each",
        "one worker stays with the ordinary queue",
        "one of two",
        "the only worker serves",
    ],
)
def test_as_many_serve_as_there_are_suspects_for_and_workers_to_spare(waiting, workers, serving):
    quarantine = Quarantine(max_crashes=3)
    quarantined(quarantine, waiting)
    names = [str(number) for number in range(workers)]
    for name in names:
        if quarantine.enter(name, workers, is_free=True):
            quarantine.pop(name)
    assert sum(map(quarantine.holds, names)) == serving


def test_each_that_serves_finds_a_suspect_of_its_own():
    quarantine = Quarantine(max_crashes=3)
    places = quarantined(quarantine, 3)
    for name in "abc":
        assert quarantine.enter(name, 5, is_free=True)
    assert [quarantine.pop(name) for name in "abc"] == places
    assert not quarantine.enter("d", 5, is_free=True)


def test_a_busy_worker_is_taken_only_where_nobody_serves():
    quarantine = Quarantine(max_crashes=3)
    quarantined(quarantine, 3)
    assert quarantine.enter("busy", 4, is_free=False)
    assert not quarantine.enter("too", 4, is_free=False)


@pytest.mark.parametrize(
    ("waiting", "workers"), [(1, 4), (3, 2)], ids=["one suspect", "one worker to spare"]
)
def test_a_free_worker_takes_the_place_of_one_that_is_busy_still(waiting, workers):
    quarantine = Quarantine(max_crashes=3)
    places = quarantined(quarantine, waiting)
    quarantine.enter("busy", workers, is_free=False)
    assert quarantine.enter("free", workers, is_free=True)
    assert not quarantine.holds("busy")
    assert quarantine.pop("free") == places[0]


def test_a_free_worker_serves_beside_a_busy_one_if_there_is_enough_for_both():
    quarantine = Quarantine(max_crashes=3)
    quarantined(quarantine, 2)
    quarantine.enter("busy", 4, is_free=False)
    assert quarantine.enter("free", 4, is_free=True)
    assert quarantine.holds("busy")


def test_one_that_serves_has_the_next_suspect_too():
    quarantine = Quarantine(max_crashes=3)
    first, second = quarantined(quarantine, 2)
    for place in (first, second):
        assert quarantine.enter("a", 2, is_free=True)
        assert quarantine.pop("a") == place
        assert quarantine.leave("a")
    assert not quarantine.enter("a", 2, is_free=True)
    assert not quarantine.holds("a")


def test_a_dead_one_leaves_its_suspect_to_the_next():
    quarantine = Quarantine(max_crashes=3)
    (place,) = quarantined(quarantine, 1)
    quarantine.enter("a", 2, is_free=True)
    quarantine.leave("a")
    assert quarantine.enter("b", 2, is_free=True)
    assert quarantine.pop("b") == place


def test_workers_serve_side_by_side_and_one_stays_with_the_others_work():
    mailbox = Mailbox(JobTable(), MailboxLimits())
    mailbox.put(Submission("killers", ("http://a.test/", "http://b.test/", "http://c.test/")))
    for name in ("first", "second"):
        mailbox.register(name)
        assert len(mailbox.claim(name, 0, 3).leases) == 3
        mailbox.fence(name)
    mailbox.put(Submission("other", tuple(f"http://other.test/{n}" for n in range(9))))
    for name in "abc":
        mailbox.register(name)
        mailbox.claim(name, 0, 0)

    found = {name: mailbox.claim(name, 0, 2).leases for name in "abc"}

    assert [[lease.job_id for lease in leases] for leases in found.values()] == [
        ["killers"],
        ["killers"],
        ["other", "other"],
    ]
