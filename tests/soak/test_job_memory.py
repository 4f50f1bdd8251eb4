"""What a URL costs for as long as its job is kept, and that forgetting gives it back."""

import gc
import tracemalloc

import pytest

from tests.lane_mailbox import Mailbox
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.outcomes import Failed, Uploaded
from workers.contract.messages.round_trip import Report
from workers.contract.messages.submission import Submission
from workers.state.jobs.job_table import JobTable

JOBS = 2
URLS = 1000
MAX_BYTES = 1000


@pytest.mark.unmeasured
@pytest.mark.parametrize("ends_well", [True, False], ids=["uploaded", "failed"])
def test_a_url_takes_less_than_a_kilobyte_and_is_given_back(ends_well, record_property):
    now = 0.0
    table = JobTable(clock=lambda: now)
    mailbox = Mailbox(table, MailboxLimits())
    mailbox.register("worker")
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        _fill(mailbox, ends_well=ends_well)
        gc.collect()
        kept = (tracemalloc.get_traced_memory()[0] - before) / (JOBS * URLS)
        now = 10.0
        while table.evict(5.0):
            pass
        gc.collect()
        left = (tracemalloc.get_traced_memory()[0] - before) / (JOBS * URLS)
    finally:
        tracemalloc.stop()
    record_property("bytes a URL", round(kept))
    assert kept < MAX_BYTES
    # The list of all links stays; of what failed, nothing does.
    assert left < (200 if ends_well else 20)


def _fill(mailbox: Mailbox, *, ends_well: bool) -> None:
    for job in range(JOBS):
        urls = tuple(
            f"https://farm3.staticflickr.test/2879/{job:04d}{number:09d}_681b3c2c00_b_d.jpg"
            for number in range(URLS)
        )
        mailbox.put(Submission(f"55355b7c-9b86-4a1a-b32e-6cdd6db0{job:04d}", urls))
    lease = next(iter(mailbox.claim("worker", 0).leases), None)
    while lease is not None:
        mailbox.begin_upload("worker", lease.token)
        name = f"{lease.job_id[-4:]}{lease.index}"
        if ends_well:
            outcome = Uploaded(f"https://i.imgur.test/{name:>10}.jpg", f"{name:>15}")
        else:
            outcome = Failed("source-not-found", "The source answered 404.")
        mailbox.ack("worker", Report(lease.token, outcome))
        lease = next(iter(mailbox.claim("worker", 0).leases), None)
