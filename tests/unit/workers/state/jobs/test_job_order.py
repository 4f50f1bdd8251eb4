import hypothesis.strategies as st
import pytest
from hypothesis import given

from tests.lane_mailbox import Mailbox
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.jobs import JobStatus
from workers.contract.messages.outcomes import Failed
from workers.contract.messages.round_trip import Report
from workers.contract.messages.submission import Submission
from workers.state.jobs.job import Job
from workers.state.jobs.job_order import JobOrder
from workers.state.jobs.job_table import JobTable

ALL = tuple(JobStatus)
STATUSES = {name: position for position, name in enumerate(ALL)}


@pytest.mark.unmeasured
@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "advance", "remove"]), st.integers(0, 20)), max_size=60
    ),
    st.lists(st.sampled_from(ALL), unique=True, min_size=1),
    st.integers(1, 5),
)
def test_pages_are_the_list_whatever_happened(
    steps: list[tuple[str, int]], statuses: list[JobStatus], limit: int
) -> None:
    order = JobOrder()
    jobs: list[Job] = []
    for number, (step, which) in enumerate(steps):
        if step == "add":
            jobs.append(Job(Submission(f"j{number}", ("https://s.test/",), "anna"), 0.0))
            order.add(jobs[-1])
            order.add(Job(Submission("of somebody else", ("https://s.test/",), "bob"), 0.0))
            continue
        if not jobs:
            continue
        job = jobs[which % len(jobs)]
        if step == "remove":
            jobs.remove(job)
            order.remove(job)
        elif job.status is not JobStatus.COMPLETE:
            order.advance(job, ALL[STATUSES[job.status] + 1])

    shown: list[int] = []
    before: int | None = None
    while page := order.newest_first("anna", statuses, before, limit):
        assert len(page) <= limit
        shown += [job.number for job in page]
        before = shown[-1]
    expected = [job.number for job in jobs if job.status in statuses]
    assert shown == sorted(expected, reverse=True)


def test_the_table_lists_an_owners_jobs_by_status() -> None:
    now = 0.0
    table = JobTable(clock=lambda: now)
    box = Mailbox(table, MailboxLimits(), lambda: now)
    box.register("w")
    for number in range(5):
        box.put(Submission(f"j{number}", (f"https://s.test/{number}",), "anna"))
    box.put(Submission("k", ("https://s.test/",), "bob"))
    (lease,) = box.claim("w", 0).leases
    box.ack("w", Report(lease.token, Failed("empty", "Nothing came.")))
    for _ in ("bob", "anna"):  # they take turns
        box.claim("w", 0)

    def ids(status: JobStatus | None = None, limit: int = 99) -> list[str]:
        return [job.job_id for job in table.listing("anna", status, None, limit).jobs]

    assert ids() == ["j4", "j3", "j2", "j1", "j0"]
    assert ids(JobStatus.COMPLETE) == ["j0"]
    assert ids(JobStatus.IN_PROGRESS) == ["j1"]
    assert ids(JobStatus.PENDING) == ["j4", "j3", "j2"]
    first = table.listing("anna", None, None, 3)
    second = table.listing("anna", None, first.following, 3)
    assert [job.job_id for job in second.jobs] == ["j1", "j0"]
    assert second.following is None
    now = 10.0
    assert table.evict(1.0) == 1
    assert ids() == ["j4", "j3", "j2", "j1"]
    assert [job.job_id for job in table.listing("nobody", None, None, 9).jobs] == []
