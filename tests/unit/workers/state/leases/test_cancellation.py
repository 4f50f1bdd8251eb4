"""A job that is called off; that no order of events breaks it is in test_mailbox_invariants.py."""

import pytest

from tests.job_snapshot import JobSnapshot, snapshot_of
from workers.contract.errors import Reason
from workers.contract.job_messages import Cancellation
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages import (
    ChangesWanted,
    Failed,
    ImageState,
    JobStatus,
    Lease,
    Outcome,
    PutBack,
    Receipt,
    Refusal,
    RefusalCode,
    Report,
    Submission,
    TryAgain,
    Uploaded,
)
from workers.state.jobs.job_table import JobTable
from workers.state.mailbox import Mailbox

BUSY = TryAgain("source-error", "It answered 500.", 60.0)
WAIT = PutBack("imgur-rate-limited", "Imgur asks to wait.", 5.0)
DONE = Uploaded("https://i.imgur.com/a.jpg", "hash")


class Desk:
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

    def report(self, lease: Lease, outcome: Outcome) -> Receipt:
        return self.box.ack("w", Report(lease.token, outcome))

    def job(self, job_id: str = "j") -> JobSnapshot:
        snapshot = snapshot_of(self.table, job_id)
        assert snapshot is not None
        return snapshot

    def reasons(self) -> list[str]:
        troubles = self.job().troubles
        return [troubles[index][0] for index in sorted(troubles)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_what_waits_ends_and_nothing_more_is_handed_out(desk: Desk) -> None:
    desk.put("j", 3)
    assert desk.box.cancel("j", "") == Cancellation(3, is_first=True)
    assert desk.reasons() == [Reason.CANCELLED] * 3
    assert desk.job().status is JobStatus.COMPLETE
    assert desk.job().finished is not None
    assert desk.leases() == 0
    assert desk.box.stats().queued == 0


def test_what_is_in_work_finishes(desk: Desk) -> None:
    desk.put("j", 3)
    lease = desk.claim()
    assert desk.box.cancel("j", "") == Cancellation(2, is_first=True)
    assert desk.job().status is JobStatus.IN_PROGRESS
    assert desk.box.begin_upload("w", lease.token)
    finished = desk.report(lease, DONE).finished
    assert finished is not None
    assert (finished.complete, finished.failed) == (1, 2)
    assert desk.job().links == {0: DONE.link}


@pytest.mark.parametrize("outcome", [BUSY, WAIT])
def test_what_comes_back_without_a_result_ends(desk: Desk, outcome: TryAgain | PutBack) -> None:
    desk.put("j", 1)
    lease = desk.claim()
    desk.box.cancel("j", "")
    assert desk.report(lease, outcome).finished is not None
    reason, message = desk.job().troubles[0]
    assert reason == Reason.CANCELLED
    assert outcome.message in message
    assert desk.box.cancel("j", "") == Cancellation(1, is_first=False)


def test_a_pause_that_imgur_asks_for_holds_all_the_same(desk: Desk) -> None:
    desk.put("j", 1)
    lease = desk.claim()
    desk.box.cancel("j", "")
    desk.report(lease, WAIT)
    assert desk.box.stats().pause_seconds == WAIT.pause_seconds


@pytest.mark.parametrize(
    ("is_uploading", "reason"), [(False, Reason.CANCELLED), (True, Reason.UPLOAD_INTERRUPTED)]
)
def test_what_its_worker_dies_with_ends(desk: Desk, is_uploading: bool, reason: Reason) -> None:  # noqa: FBT001 - a row of the table
    desk.put("j", 1)
    lease = desk.claim()
    if is_uploading:
        assert desk.box.begin_upload("w", lease.token)
    desk.box.cancel("j", "")
    (crashed,) = desk.box.retire("w").failed
    assert (crashed.reason, crashed.finished is not None) == (reason, True)
    assert desk.reasons() == [reason]


def test_what_waits_for_another_attempt_ends_and_never_comes_back(desk: Desk) -> None:
    desk.put("j", 3)
    desk.report(desk.claim(), BUSY)
    desk.put("k", 1)
    desk.box.cancel("j", "")
    assert desk.box.stats().delayed == 0
    assert desk.claim().job_id == "k"
    desk.now += 2 * BUSY.delay_seconds
    assert desk.leases() == 0
    assert desk.job().attempts[0] == 1


def test_what_is_parked_for_its_source_ends_and_its_slot_goes_on() -> None:
    desk = Desk(source_concurrency=1)
    desk.put("j", 3)
    desk.put("k", 1)
    lease = desk.claim()
    assert desk.leases() == 0, "all are parked"
    # A slot that is free passes to a parked URL, which waits with it to be handed out.
    assert desk.box.begin_upload("w", lease.token)
    desk.box.cancel("j", "")
    assert desk.claim().job_id == "k"
    assert desk.reasons() == [Reason.CANCELLED] * 2


def test_suspects_end_and_their_worker_has_other_work() -> None:
    desk = Desk(max_crashes=2)
    desk.put("j", 2)
    desk.claim()
    desk.box.retire("w")
    desk.box.register("w")
    desk.put("k", 1)
    desk.box.cancel("j", "")
    assert desk.claim().job_id == "k"
    assert not desk.box._room._quarantine._crashes


def test_it_is_cancelled_once(desk: Desk) -> None:
    desk.put("j", 2)
    desk.claim()
    assert desk.box.cancel("j", "") == Cancellation(1, is_first=True)
    assert desk.box.cancel("j", "") == Cancellation(1, is_first=False)


def test_a_job_that_ended_by_itself_is_refused(desk: Desk) -> None:
    desk.put("j", 1)
    desk.report(desk.claim(), DONE)
    refusal = desk.box.cancel("j", "")
    assert isinstance(refusal, Refusal)
    assert refusal.code is RefusalCode.JOB_COMPLETE


def test_a_job_of_somebody_else_is_none(desk: Desk) -> None:
    desk.put("j", 1)
    assert desk.box.cancel("j", "bob") is None
    assert desk.box.cancel("no such job", "") is None
    assert desk.job().states[0] == ImageState.PENDING


def test_a_large_job_ends_step_by_step(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.state.leases.cancellation._URLS_A_STEP", 10)
    desk.put("j", 95)
    lease = desk.claim()
    assert desk.box.cancel("j", "") == Cancellation(94, is_first=True)
    desk.report(lease, Failed("empty", "Nothing came."))
    assert desk.job().status is JobStatus.COMPLETE
    assert not desk.box._room._queue._jobs


def test_nothing_is_kept_of_it(desk: Desk) -> None:
    for number in range(20):
        desk.put(f"j{number}", 4)
        desk.report(desk.claim(), BUSY)
        lease = desk.claim()
        desk.box.cancel(f"j{number}", "")
        desk.report(lease, BUSY)
    room = desk.box._room
    assert not room._queue._jobs
    assert not room._sources._slots
    assert not room._queue._parked.size
    assert not room._delays._waiting
    assert len(room._delays._heap) == 0
    assert desk.leases() == 0
    assert not room._queue._line


def test_readers_are_told(desk: Desk) -> None:
    desk.put("j", 1)
    desk.claim()
    before = desk.table.changes(ChangesWanted("j", 0))
    assert before is not None
    assert not before.is_cancelled
    desk.box.cancel("j", "")
    after = desk.table.changes(ChangesWanted("j", before.version))
    assert after is not None
    assert after.is_cancelled
    assert after.version != before.version
