"""Who is kept apart, and why."""

import pytest

from workers.job_table import JobTable
from workers.mailbox import Mailbox, MailboxLimits
from workers.messages import Report, Submission, Uploaded
from workers.quarantine import Quarantine

PLACE = ("job", 0)


@pytest.mark.parametrize(
    ("max_crashes", "charges", "suspect"),
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
def test_what_the_next_crash_may_fail_is_a_suspect(max_crashes, charges, suspect):
    quarantine = Quarantine(max_crashes)
    for last_chance in charges:
        quarantine.charge(PLACE, last_chance=last_chance)
    assert quarantine.is_suspect(PLACE) is suspect
    quarantine.forget(PLACE)
    assert not quarantine.is_suspect(PLACE)


def test_what_was_being_uploaded_beside_a_killer_is_uploaded_again_alone():
    """Twice beside another's crash, it would fail for good through no fault of its own."""
    mailbox = Mailbox(JobTable(), MailboxLimits())
    mailbox.put(Submission("job", ("http://killer.test/", "http://innocent.test/")))
    mailbox.register("first")
    killer, innocent = mailbox.claim("first", 0).lease, mailbox.claim("first", 0).lease
    assert mailbox.begin_upload("first", innocent.token)
    mailbox.retire("first")

    mailbox.register("second")
    alone = mailbox.claim("second", 0).lease
    assert alone.url == innocent.url
    assert mailbox.claim("second", 0).lease is None
    assert mailbox.begin_upload("second", alone.token)
    report = Report(alone.token, Uploaded("https://i.test/1", "hash"))
    after = mailbox.turn("second", report, 0).lease or mailbox.claim("second", 0).lease
    assert after.url == killer.url
