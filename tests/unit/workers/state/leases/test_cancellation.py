"""A job that is called off; that no order of events breaks it is in test_mailbox_invariants.py."""

import itertools
from dataclasses import replace

import pytest

from tests.job_snapshot import JobSnapshot, snapshot_of
from tests.lane_mailbox import Mailbox
from workers.contract.errors import Reason
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.jobs import ChangesWanted, ImageState, JobStatus
from workers.contract.messages.outcomes import Deferred, Failed, Outcome, RetryLater, Uploaded
from workers.contract.messages.round_trip import Ack, Lease, Report
from workers.contract.messages.submission import Cancellation, Refusal, RefusalCode, Submission
from workers.state.jobs.job_store import LONGEST_SECONDS
from workers.state.jobs.job_table import JobTable

BUSY = RetryLater("source-error", "It answered 500.", 60.0)
WAIT = Deferred("imgur-rate-limited", "Imgur asks to wait.", 5.0)
DONE = Uploaded("https://i.imgur.com/a.jpg", "hash")


class Harness:
    """A mailbox with one worker, and a clock that stands still."""

    def __init__(self, **limits: float) -> None:
        self.now = 1000.0
        self.table = JobTable()
        self.box = Mailbox(self.table, MailboxLimits(**limits), lambda: self.now)  # type: ignore[arg-type]
        self.box.register("w")

    def put(self, job_id: str, count: int, host: str = "s.test") -> None:
        urls = tuple(f"https://{host}/{job_id}/{n}" for n in range(count))
        assert self.box.put(Submission(job_id, urls)) is None

    def claim(self) -> Lease:
        (lease,) = self.box.claim("w", 0).leases
        return lease

    def leases(self) -> int:
        return len(self.box.claim("w", 0, 100).leases)

    def report(self, lease: Lease, outcome: Outcome) -> Ack:
        return self.box.ack("w", Report(lease.token, outcome))

    def job(self, job_id: str = "j") -> JobSnapshot:
        snapshot = snapshot_of(self.table, job_id)
        assert snapshot is not None
        return snapshot

    def reasons(self) -> list[str]:
        errors = self.job().errors
        return [errors[index][0] for index in sorted(errors)]


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_what_waits_ends_and_nothing_more_is_handed_out(harness: Harness) -> None:
    harness.put("j", 3)
    assert harness.box.cancel("j", "") == Cancellation(3, is_first=True)
    assert harness.reasons() == [Reason.CANCELLED] * 3
    assert harness.job().status is JobStatus.COMPLETE
    assert harness.job().finished is not None
    assert harness.leases() == 0
    assert harness.box.stats().queued == 0


def test_what_is_in_work_finishes(harness: Harness) -> None:
    harness.put("j", 3)
    lease = harness.claim()
    assert harness.box.cancel("j", "") == Cancellation(2, is_first=True)
    assert harness.job().status is JobStatus.IN_PROGRESS
    assert harness.box.begin_upload("w", lease.token)
    finished = harness.report(lease, DONE).finished
    assert finished is not None
    assert (finished.fields["complete"], finished.fields["failed"]) == (1, 2)
    assert harness.job().links == {0: DONE.link}


@pytest.mark.parametrize("outcome", [BUSY, WAIT])
def test_what_comes_back_without_a_result_ends(
    harness: Harness, outcome: RetryLater | Deferred
) -> None:
    harness.put("j", 1)
    lease = harness.claim()
    harness.box.cancel("j", "")
    assert harness.report(lease, outcome).finished is not None
    reason, message = harness.job().errors[0]
    assert reason == Reason.CANCELLED
    assert outcome.message in message
    assert harness.box.cancel("j", "") == Cancellation(1, is_first=False)


def test_a_pause_that_imgur_asks_for_holds_all_the_same(harness: Harness) -> None:
    harness.put("j", 1)
    lease = harness.claim()
    harness.box.cancel("j", "")
    harness.report(lease, WAIT)
    assert harness.box.stats().pause_seconds == WAIT.pause_seconds


@pytest.mark.parametrize(
    ("is_uploading", "reason"), [(False, Reason.CANCELLED), (True, Reason.UPLOAD_INTERRUPTED)]
)
def test_what_its_worker_dies_with_ends(
    harness: Harness,
    is_uploading: bool,  # noqa: FBT001 - a row of the table
    reason: Reason,
) -> None:
    harness.put("j", 1)
    lease = harness.claim()
    if is_uploading:
        assert harness.box.begin_upload("w", lease.token)
    harness.box.cancel("j", "")
    harness.box.fence("w")
    crashed, finished = harness.box.tend()
    assert (crashed.fields["reason"], finished.event) == (reason, "job complete")
    assert harness.reasons() == [reason]


def test_what_waits_for_another_attempt_ends_and_never_comes_back(harness: Harness) -> None:
    harness.put("j", 3)
    harness.report(harness.claim(), BUSY)
    harness.put("k", 1)
    harness.box.cancel("j", "")
    assert harness.box.stats().delayed == 0
    assert harness.claim().job_id == "k"
    harness.now += 2 * BUSY.delay_seconds
    assert harness.leases() == 0
    assert harness.job().attempts[0] == 1


def test_what_is_parked_for_its_source_ends_and_its_slot_goes_on() -> None:
    harness = Harness(source_concurrency=1)
    harness.put("j", 3)
    harness.put("k", 1)
    lease = harness.claim()
    assert harness.leases() == 0, "all are parked"
    # A slot that is free passes to a parked URL, which waits with it to be handed out.
    assert harness.box.begin_upload("w", lease.token)
    harness.box.cancel("j", "")
    assert harness.claim().job_id == "k"
    assert harness.reasons() == [Reason.CANCELLED] * 2


def test_suspects_end_and_their_worker_has_other_work() -> None:
    harness = Harness(max_crashes=2)
    harness.put("j", 2)
    harness.claim()
    harness.box.fence("w")
    harness.box.register("w")
    harness.put("k", 1)
    harness.box.cancel("j", "")
    assert harness.claim().job_id == "k"
    assert not harness.box._room.quarantine._crashes


def test_it_is_cancelled_once(harness: Harness) -> None:
    harness.put("j", 2)
    harness.claim()
    assert harness.box.cancel("j", "") == Cancellation(1, is_first=True)
    assert harness.box.cancel("j", "") == Cancellation(1, is_first=False)


def test_a_job_that_ended_by_itself_is_refused(harness: Harness) -> None:
    harness.put("j", 1)
    harness.report(harness.claim(), DONE)
    refusal = harness.box.cancel("j", "")
    assert isinstance(refusal, Refusal)
    assert refusal.code is RefusalCode.JOB_COMPLETE


def test_a_job_of_somebody_else_is_none(harness: Harness) -> None:
    harness.put("j", 1)
    assert harness.box.cancel("j", "bob") is None
    assert harness.box.cancel("no such job", "") is None
    assert harness.job().states[0] == ImageState.PENDING


def test_a_large_job_ends_step_by_step(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.state.leases.waiting_urls._URLS_A_STEP", 10)
    harness.put("j", 95)
    lease = harness.claim()
    assert harness.box.cancel("j", "") == Cancellation(94, is_first=True)
    harness.report(lease, Failed("empty", "Nothing came."))
    assert harness.job().status is JobStatus.COMPLETE
    assert not harness.box._room.queue._jobs


def test_what_a_call_has_no_time_for_ends_in_the_next_upkeep(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.state.leases.waiting_urls._URLS_A_STEP", 10)
    harness.put("j", 95)
    harness.put("k", 1)
    a_look = itertools.count(0.0, 1.0)
    waiting = replace(harness.box._waiting, clock=lambda: next(a_look))
    monkeypatch.setattr(harness.box, "_waiting", waiting)
    assert waiting.cancel("j", "") == Cancellation(95, is_first=True)
    counts = [len(harness.reasons())]
    assert 10 <= counts[0] < 95
    assert harness.claim().job_id == "k", "the rest of the other is not leased"
    while harness.job().status is not JobStatus.COMPLETE:
        harness.box.tend()
        counts.append(len(harness.reasons()))
        assert counts[-2] < counts[-1] < counts[-2] + 40, "not all in one call"
    assert set(harness.reasons()) == {Reason.CANCELLED}
    assert harness.box.stats().queued == 0
    assert list(harness.box._room.queue._jobs) == ["k"]


def test_many_jobs_whose_albums_fail_at_once_end_in_several_calls(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [f"j{number}" for number in range(40)]
    for job_id in jobs:
        harness.put(job_id, 1)
    a_look = itertools.count(0.0, LONGEST_SECONDS / 4)
    waiting = replace(harness.box._waiting, clock=lambda: next(a_look))
    monkeypatch.setattr(harness.box, "_waiting", waiting)
    failure = Failed(Reason.ALBUM_FAILED, "Imgur did not create it.")
    harness.box._dispatcher.failed_jobs += [(job_id, failure) for job_id in jobs]

    left = [len(jobs)]
    while left[-1]:
        harness.box.tend()
        left.append(len(harness.table.unfinished()))
        assert left[-2] - 20 < left[-1] < left[-2], "not all in one call"
    assert harness.box.stats().queued == 0


def test_nothing_is_kept_of_it(harness: Harness) -> None:
    for number in range(20):
        harness.put(f"j{number}", 4)
        harness.report(harness.claim(), BUSY)
        lease = harness.claim()
        harness.box.cancel(f"j{number}", "")
        harness.report(lease, BUSY)
    room = harness.box._room
    assert not room.queue._jobs
    assert not room._sources._slots
    assert not room.queue._parked.size
    assert not room._delays._waiting
    assert len(room._delays._heap) == 0
    assert harness.leases() == 0
    assert not room.queue._tenant_turns


def test_readers_are_told(harness: Harness) -> None:
    harness.put("j", 1)
    harness.claim()
    before = harness.table.changes(ChangesWanted("j", 0))
    assert before is not None
    assert before.cancelled is None
    harness.box.cancel("j", "")
    after = harness.table.changes(ChangesWanted("j", before.version))
    assert after is not None
    assert after.cancelled is not None
    assert after.version != before.version
