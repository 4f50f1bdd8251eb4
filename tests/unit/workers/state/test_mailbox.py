import threading
import time

import pytest

from tests.clock import Clock
from tests.job_snapshot import snapshot_of
from tests.lane_mailbox import Mailbox
from tests.waiting import wait_until
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.jobs import ImageState, JobStatus
from workers.contract.messages.outcomes import Deferred, Failed, Outcome, RetryLater, Uploaded
from workers.contract.messages.round_trip import (
    Ack,
    Directive,
    DownloadReport,
    Lease,
    Report,
    WorkerRequest,
    WorkerResponse,
)
from workers.contract.messages.submission import RefusalCode, Submission
from workers.contract.messages.supervision import FenceResult, MailboxStats
from workers.state.jobs.job_table import JobTable
from workers.state.leases.registry import SILENT_SECONDS

SOON = 60.0
"""Seconds in which what should happen at once has happened, on the slowest machine."""


def job(job_id: str, count: int) -> Submission:
    return Submission(job_id, tuple(f"https://source.test/{job_id}/{n}.jpg" for n in range(count)))


def uploaded(name: str = "a") -> Uploaded:
    return Uploaded(f"https://i.imgur.com/{name}.jpg", f"delete-{name}")


class Harness:
    """A mailbox with its table, a clock that stands still, and shorthand for what workers do."""

    def __init__(self, **limits: float) -> None:
        self.clock = Clock()
        self.table = JobTable()
        self.box = Mailbox(self.table, MailboxLimits(**limits), self.clock)  # type: ignore[arg-type]

    def hire(self, *worker_ids: str) -> None:
        for worker_id in worker_ids:
            self.box.register(worker_id)

    def claim(self, worker_id: str = "w1") -> Lease:
        (lease,) = self.box.claim(worker_id, 0).leases
        return lease

    def directive(self, worker_id: str = "w1") -> Directive:
        return self.box.claim(worker_id, 0).directive

    def ack(self, lease: Lease, outcome: Outcome, worker_id: str = "w1") -> Ack:
        return self.box.ack(worker_id, Report(lease.token, outcome))

    def crash(self, worker_id: str) -> FenceResult:
        """The worker dies, and another of the same name takes its post."""
        fenced = self.box.fence(worker_id)
        self.box.register(worker_id)
        return fenced

    def state(self, lease: Lease) -> ImageState:
        snapshot = snapshot_of(self.table, lease.job_id)
        assert snapshot is not None
        return ImageState(snapshot.states[lease.index])

    def attempts(self, lease: Lease) -> int:
        snapshot = snapshot_of(self.table, lease.job_id)
        assert snapshot is not None
        return snapshot.attempts[lease.index]


@pytest.fixture
def harness() -> Harness:
    harness = Harness()
    harness.hire("w1", "w2")
    return harness


class Waiting:
    """A claim in a thread of its own, on a mailbox with the real clock."""

    def __init__(self, box: Mailbox, worker_id: str) -> None:
        self._turns: list[WorkerResponse] = []
        self._thread = threading.Thread(
            target=lambda: self._turns.append(box.claim(worker_id, SOON)), daemon=True
        )
        sleepers = len(box._changed._waiters)  # type: ignore[attr-defined] # of the condition
        self._thread.start()
        # It may have its answer by then, where a pause is what it waits for.
        wait_until(lambda: self._turns or len(box._changed._waiters) > sleepers)  # type: ignore[attr-defined]

    def turn(self) -> WorkerResponse:
        self._thread.join(SOON)
        assert self._turns, "the claim still waits"
        return self._turns[0]


@pytest.fixture
def live_box() -> Mailbox:
    box = Mailbox(JobTable(), MailboxLimits())
    box.register("w1")
    box.register("w2")
    return box


class TestPut:
    def test_hands_out_what_was_put_as_a_first_attempt(self, harness: Harness) -> None:
        assert harness.box.put(job("j", 1)) is None

        lease = harness.claim()

        assert (lease.job_id, lease.index, lease.attempt) == ("j", 0, 1)
        assert lease.target == "https://source.test/j/0.jpg"

    def test_a_job_at_the_limit_is_taken_whole(self) -> None:
        harness = Harness(max_open_urls=5)

        assert harness.box.put(job("a", 5)) is None

        assert harness.box.stats().queued == 5

    def test_a_job_that_the_queue_never_has_room_for_is_told_so(self) -> None:
        harness = Harness(max_open_urls=5)

        refusal = harness.box.put(job("a", 6))

        assert refusal is not None
        assert (refusal.code, refusal.retry_after) == (RefusalCode.JOB_TOO_LARGE, None)
        assert "has 6 URLs" in refusal.message
        assert "at most 5 URLs" in refusal.message

    def test_a_job_beyond_the_limit_is_refused_whole(self) -> None:
        harness = Harness(max_open_urls=10)
        harness.box.put(job("a", 3))

        refusal = harness.box.put(job("b", 3))

        assert refusal is not None
        assert refusal.code is RefusalCode.QUEUE_FULL
        assert "2 more URLs" in refusal.message
        assert "has 3" in refusal.message
        assert refusal.retry_after > 0
        assert harness.box.stats().queued == 3
        assert snapshot_of(harness.table, "b") is None

    @pytest.mark.parametrize(
        ("outcome", "frees"),
        [
            pytest.param(uploaded(), True, id="uploaded"),
            pytest.param(Failed("not-an-image", "It is text."), True, id="failed"),
            pytest.param(RetryLater("source-error", "Busy.", 1.0), False, id="try again"),
            pytest.param(Deferred("imgur-rate-limited", "Wait.", 1.0), False, id="put back"),
        ],
    )
    def test_room_is_taken_until_a_url_is_final(self, outcome: Outcome, *, frees: bool) -> None:
        harness = Harness(max_open_urls=1)
        harness.hire("w1")
        harness.box.put(job("a", 1))
        lease = harness.claim()
        assert harness.box.put(job("b", 1)) is not None, "a URL under lease takes room too"

        harness.ack(lease, outcome)

        assert (harness.box.put(job("b", 1)) is None) is frees

    def test_a_job_id_in_use_changes_nothing(self, harness: Harness) -> None:
        harness.box.put(job("a", 2))

        with pytest.raises(ValueError, match="exists already"):
            harness.box.put(job("a", 3))

        assert harness.box.stats().queued == 2

    def test_a_drained_mailbox_takes_nothing(self, harness: Harness) -> None:
        harness.box.close()

        refusal = harness.box.put(job("a", 1))

        assert refusal is not None
        assert refusal.code is RefusalCode.DRAINING
        assert snapshot_of(harness.table, "a") is None


class TestFairness:
    def test_jobs_take_turns(self, harness: Harness) -> None:
        harness.box.put(job("large", 5))
        harness.box.put(job("small", 2))

        order = [harness.claim().job_id for _ in range(7)]

        assert order == ["large", "small", "large", "small", "large", "large", "large"]

    def test_a_job_keeps_its_own_order(self, harness: Harness) -> None:
        harness.box.put(job("a", 3))
        harness.box.put(job("b", 3))

        leases = [harness.claim() for _ in range(6)]

        assert [lease.index for lease in leases if lease.job_id == "a"] == [0, 1, 2]
        assert [lease.index for lease in leases if lease.job_id == "b"] == [0, 1, 2]

    def test_a_late_small_job_comes_before_a_large_one_that_is_at_work(
        self, harness: Harness
    ) -> None:
        harness.box.put(job("large", 1000))
        for _ in range(10):
            harness.claim()
        harness.box.put(job("small", 1))

        assert [harness.claim().job_id for _ in range(2)] == ["small", "large"]

    def test_a_job_whose_url_came_back_rejoins_the_round(self, harness: Harness) -> None:
        harness.box.put(job("a", 1))
        lease = harness.claim()
        harness.box.put(job("b", 3))
        harness.ack(lease, RetryLater("source-error", "Busy.", 0.0))

        assert [harness.claim().job_id for _ in range(4)] == ["b", "a", "b", "b"]


class TestClaim:
    def test_an_idle_claim_ends_in_time(self, live_box: Mailbox) -> None:
        began = time.monotonic()

        turn = live_box.claim("w1", 0.05)

        assert turn == WorkerResponse(Directive.IDLE)
        assert time.monotonic() - began >= 0.05

    def test_a_put_wakes_a_waiting_claim(self, live_box: Mailbox) -> None:
        waiting = Waiting(live_box, "w1")

        live_box.put(job("j", 1))

        assert waiting.turn().directive is Directive.WORK

    def test_a_put_wakes_as_many_as_it_has_urls(self, live_box: Mailbox) -> None:
        waiting = [Waiting(live_box, worker_id) for worker_id in ("w1", "w1", "w2", "w2")]

        live_box.put(job("j", 4))

        assert {lease.index for w in waiting for lease in w.turn().leases} == {0, 1, 2, 3}

    def test_a_waiting_claim_of_a_retired_worker_is_released(self, live_box: Mailbox) -> None:
        waiting = Waiting(live_box, "w1")

        live_box.fence("w1")

        assert waiting.turn() == WorkerResponse(Directive.FENCED)

    def test_what_is_put_after_a_retirement_goes_to_the_living(self, live_box: Mailbox) -> None:
        dead = Waiting(live_box, "w1")
        live_box.fence("w1")
        live_box.put(job("j", 1))

        assert live_box.claim("w2", SOON).directive is Directive.WORK
        assert dead.turn().directive is Directive.FENCED

    def test_draining_releases_a_waiting_claim(self, live_box: Mailbox) -> None:
        waiting = Waiting(live_box, "w1")

        live_box.close()

        assert waiting.turn() == WorkerResponse(Directive.DRAINED)

    def test_a_retry_wakes_a_claim_that_waited_before_it_was_due(self, live_box: Mailbox) -> None:
        live_box.put(job("j", 1))
        (lease,) = live_box.claim("w2", 0).leases
        waiting = Waiting(live_box, "w1")

        live_box.ack("w2", Report(lease.token, RetryLater("source-error", "Busy.", 0.05)))

        (lease,) = waiting.turn().leases
        assert lease.attempt == 2

    def test_every_waiting_claim_learns_of_a_retry(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As the time of any of them may be up before the retry is due."""
        waits: list[float] = []
        wait = harness.box._changed.wait

        def noted(seconds: float) -> bool:
            waits.append(seconds)
            return wait(seconds)

        monkeypatch.setattr(harness.box._changed, "wait", noted)
        harness.box.put(job("j", 1))
        lease = harness.claim("w2")
        waiting = [Waiting(harness.box, "w1") for _ in range(2)]

        harness.ack(lease, RetryLater("source-error", "Busy.", 30.0), "w2")

        wait_until(lambda: waits.count(30.0) == 2, lambda: f"they wait for {waits}")
        harness.box.close()
        assert [one.turn().directive for one in waiting] == [Directive.DRAINED] * 2

    def test_the_end_of_a_pause_wakes_a_waiting_claim(self, live_box: Mailbox) -> None:
        live_box.put(job("j", 1))
        (lease,) = live_box.claim("w2", 0).leases
        live_box.ack("w2", Report(lease.token, Deferred("imgur-rate-limited", "Wait.", 0.05)))

        assert Waiting(live_box, "w1").turn().directive is Directive.WORK

    def test_an_unknown_worker_gets_nothing(self, harness: Harness) -> None:
        harness.box.put(job("j", 1))

        assert harness.directive("never-registered") is Directive.FENCED
        assert harness.box.stats().queued == 1


class TestDraining:
    def test_hands_out_nothing_more(self, harness: Harness) -> None:
        harness.box.put(job("j", 1))

        harness.box.close()

        assert harness.box.claim("w1", 60) == WorkerResponse(Directive.DRAINED)
        assert harness.table.unfinished() == {"j": 1}

    def test_leases_in_force_may_end(self, harness: Harness) -> None:
        harness.box.put(job("j", 1))
        lease = harness.claim()

        harness.box.close()
        response = harness.box.exchange(
            "w1", WorkerRequest((Report(lease.token, uploaded()),), wanted=1), 60
        )

        assert response == WorkerResponse(Directive.DRAINED, acks=(response.acks[0],))
        assert response.acks[0].accepted
        assert harness.table.unfinished() == {}


class TestAck:
    @pytest.mark.parametrize(
        "outcome",
        [
            pytest.param(uploaded("late"), id="uploaded"),
            pytest.param(Failed("not-an-image", "It is text."), id="failed"),
            pytest.param(RetryLater("source-error", "Busy.", 1.0), id="try again"),
            pytest.param(Deferred("imgur-rate-limited", "Wait.", 60.0), id="put back"),
        ],
    )
    def test_a_stale_word_is_refused_and_changes_nothing(
        self, harness: Harness, outcome: Outcome
    ) -> None:
        harness.box.put(job("j", 2))
        stale = harness.claim("w1")
        harness.crash("w1")
        current = harness.claim("w2")
        assert current.index == stale.index
        before = (snapshot_of(harness.table, "j"), harness.box.stats())

        ack = harness.ack(stale, outcome, "w1")

        assert ack == Ack(accepted=False)
        assert (snapshot_of(harness.table, "j"), harness.box.stats()) == before
        assert harness.ack(current, uploaded("current"), "w2").accepted
        assert harness.table.links(0, 10) == ("https://i.imgur.com/current.jpg",)

    def test_another_workers_lease_is_refused(self, harness: Harness) -> None:
        harness.box.put(job("j", 1))
        lease = harness.claim("w1")

        assert not harness.ack(lease, uploaded(), "w2").accepted
        assert harness.ack(lease, uploaded(), "w1").accepted

    def test_a_lease_ends_once(self, harness: Harness) -> None:
        harness.box.put(job("j", 1))
        lease = harness.claim()

        assert harness.ack(lease, Failed("empty", "Nothing came.")).accepted
        assert not harness.ack(lease, uploaded()).accepted
        assert harness.state(lease) is ImageState.FAILED

    def test_the_last_url_finishes_the_job(self, harness: Harness) -> None:
        harness.box.put(job("j", 2))
        first, last = harness.claim(), harness.claim()

        assert harness.ack(first, uploaded()).finished is None
        finished = harness.ack(last, Failed("empty", "Nothing came.")).finished

        assert finished is not None
        assert [finished.fields[name] for name in ("job_id", "complete", "failed")] == ["j", 1, 1]
        snapshot = snapshot_of(harness.table, "j")
        assert snapshot is not None
        assert snapshot.status is JobStatus.COMPLETE


class TestExchange:
    def test_reports_announces_and_claims_in_one(self, harness: Harness) -> None:
        harness.box.put(job("j", 4))
        first, second = harness.claim(), harness.claim()

        words = WorkerRequest(
            (Report(first.token, uploaded()),), (DownloadReport(second.token),), wanted=2
        )
        response = harness.box.exchange("w1", words, 0)

        assert response.acks == (Ack(accepted=True),)
        assert response.cleared == (True,)
        assert [lease.index for lease in response.leases] == [2, 3]

    def test_answers_keep_the_order_of_the_words(self, harness: Harness) -> None:
        harness.box.put(job("j", 3))
        leases = [harness.claim() for _ in range(3)]
        reports = [Report(lease.token, uploaded()) for lease in leases]
        reports.insert(1, Report(99, uploaded()))

        arrivals = (DownloadReport(98), DownloadReport(leases[0].token))
        response = harness.box.exchange("w1", WorkerRequest(tuple(reports), arrivals), 60)

        assert [ack.accepted for ack in response.acks] == [True, False, True, True]
        assert response.acks[-1].finished is not None
        assert response.cleared == (False, False), "one was never lent, the other is done"

    def test_without_words_has_no_answers(self, harness: Harness) -> None:
        assert harness.box.exchange("w1", WorkerRequest(wanted=1), 0) == WorkerResponse(
            Directive.IDLE
        )

    def test_does_not_wait_when_nothing_is_wanted(self, harness: Harness) -> None:
        harness.box.put(job("j", 1))

        assert harness.box.exchange("w1", WorkerRequest(), 600) == WorkerResponse(Directive.IDLE)

    def test_waits_for_work_that_is_wanted(self, live_box: Mailbox) -> None:
        live_box.put(job("j", 2))
        (lease, other) = live_box.claim("w1", 0, 2).leases
        began = time.monotonic()

        words = WorkerRequest((Report(lease.token, uploaded()),), (DownloadReport(other.token),), 1)
        response = live_box.exchange("w1", words, 0.05)

        assert response.directive is Directive.IDLE
        assert time.monotonic() - began >= 0.05


class TestShare:
    def test_a_worker_with_many_lanes_leaves_the_others_theirs(self, harness: Harness) -> None:
        assert harness.directive("w1") is harness.directive("w2") is Directive.IDLE
        harness.box.put(job("j", 10))

        assert len(harness.box.claim("w1", 0, 100).leases) == 5
        assert len(harness.box.claim("w1", 0, 100).leases) == 0
        assert len(harness.box.claim("w2", 0, 100).leases) == 5

    def test_what_the_others_do_not_take_is_not_left(self, harness: Harness) -> None:
        assert harness.directive("w1") is harness.directive("w2") is Directive.IDLE
        harness.box.put(job("j", 10))

        done = 0
        while leases := harness.box.claim("w1", 0, 100).leases:
            for lease in leases:
                harness.ack(lease, uploaded())
            done += len(leases)

        assert done == 10

    def test_a_worker_that_never_asked_has_no_share(self, harness: Harness) -> None:
        harness.box.put(job("j", 10))

        assert len(harness.box.claim("w1", 0, 100).leases) == 10


class TestRetry:
    def test_comes_back_in_time_as_the_next_attempt(self, harness: Harness) -> None:
        harness.box.put(job("j", 1))
        harness.ack(harness.claim(), RetryLater("source-error", "Busy.", 8.0))

        harness.clock.now += 7.9
        assert harness.directive() is Directive.IDLE
        assert harness.box.stats().delayed == 1

        harness.clock.now += 0.1
        assert harness.claim().attempt == 2
        assert harness.box.stats().delayed == 0

    def test_those_due_first_come_first(self, harness: Harness) -> None:
        harness.box.put(job("a", 1))
        harness.box.put(job("b", 1))
        harness.ack(harness.claim(), RetryLater("source-error", "Busy.", 8.0))
        harness.ack(harness.claim(), RetryLater("source-error", "Busy.", 4.0))

        harness.clock.now += 5
        assert harness.claim().job_id == "b"
        assert harness.directive() is Directive.IDLE

    def test_does_not_wait_for_what_its_only_worker_has(self) -> None:
        harness = Harness()
        harness.hire("w1")
        harness.box.put(job("j", 3))
        first, *_ = harness.box.claim("w1", 0, 3).leases
        harness.ack(first, RetryLater("source-error", "Busy.", 8.0))

        harness.clock.now += 8
        assert harness.claim().index == first.index

    def test_says_why_while_it_waits(self, harness: Harness) -> None:
        harness.box.put(job("j", 1))
        lease = harness.claim()
        harness.ack(lease, RetryLater("source-error", "Busy.", 8.0))

        snapshot = snapshot_of(harness.table, "j")
        assert snapshot is not None
        assert snapshot.errors == {0: ("source-error", "Busy.")}
        assert harness.state(lease) is ImageState.PENDING


class TestPause:
    def test_put_back_holds_all_jobs_and_keeps_the_attempt(self, harness: Harness) -> None:
        harness.box.put(job("a", 1))
        harness.box.put(job("b", 1))
        lease = harness.claim()
        harness.ack(lease, Deferred("imgur-rate-limited", "Wait.", 30.0))

        assert harness.attempts(lease) == 0
        assert harness.directive("w1") is Directive.IDLE
        assert harness.directive("w2") is Directive.IDLE
        assert harness.box.stats().pause_seconds == pytest.approx(30.0)

        harness.clock.now += 30
        assert {harness.claim("w1").job_id, harness.claim("w2").job_id} == {"a", "b"}
        assert harness.attempts(lease) == 1
        assert harness.box.stats().pause_seconds == 0

    def test_the_last_upload_of_the_allowance_pauses_all(self, harness: Harness) -> None:
        harness.box.put(job("j", 2))
        lease = harness.claim()

        harness.ack(lease, Uploaded("https://i.imgur.com/a.jpg", "d", pause_seconds=12.0))

        assert harness.state(lease) is ImageState.COMPLETE
        assert harness.directive() is Directive.IDLE
        harness.clock.now += 12
        assert harness.claim().index == 1

    def test_the_longest_pause_wins(self, harness: Harness) -> None:
        harness.box.put(job("j", 3))
        first, second = harness.claim(), harness.claim()
        harness.ack(first, Deferred("imgur-rate-limited", "Wait.", 60.0))
        harness.ack(second, Deferred("imgur-rate-limited", "Wait.", 5.0))

        harness.clock.now += 59
        assert harness.directive() is Directive.IDLE
        harness.clock.now += 1
        assert harness.directive() is Directive.WORK

    def test_work_in_hand_may_end_meanwhile(self, harness: Harness) -> None:
        harness.box.put(job("j", 2))
        first, second = harness.claim(), harness.claim()
        harness.ack(first, Deferred("imgur-rate-limited", "Wait.", 60.0))

        assert harness.ack(second, uploaded()).accepted

    def test_a_retry_that_falls_due_waits_for_its_end(self, harness: Harness) -> None:
        harness.box.put(job("j", 2))
        first, second = harness.claim(), harness.claim()
        harness.ack(first, RetryLater("source-error", "Busy.", 1.0))
        harness.ack(second, Uploaded("https://i.imgur.com/a.jpg", "d", pause_seconds=10.0))

        harness.clock.now += 5
        assert harness.directive() is Directive.IDLE
        harness.clock.now += 5
        assert harness.claim().index == 0


class TestRetire:
    def test_returns_leases_to_the_front_in_order(self, harness: Harness) -> None:
        harness.box.put(job("j", 5))
        for _ in range(3):
            harness.claim("w1")

        fenced = harness.crash("w1")

        assert fenced == FenceResult(returned=3, failed=0, had_claimed=True)
        assert [harness.claim("w2").index for _ in range(5)] == [0, 1, 2, 3, 4]

    def test_a_crash_is_no_attempt_but_is_told(self, harness: Harness) -> None:
        harness.box.put(job("j", 1))
        lease = harness.claim("w1")

        harness.crash("w1")

        snapshot = snapshot_of(harness.table, "j")
        assert snapshot is not None
        assert snapshot.errors[0][0] == "worker-crashed"
        assert harness.attempts(lease) == 0
        assert harness.claim("w2").attempt == 1

    def test_the_third_crash_fails_the_url(self, harness: Harness) -> None:
        harness.box.put(job("j", 1))
        for _ in range(2):
            lease = harness.claim("w1")
            assert harness.crash("w1").returned == 1
        lease = harness.claim("w1")

        fenced = harness.crash("w1")

        assert (fenced.returned, fenced.failed) == (0, 1)
        crashed, finished = harness.box.tend()
        assert (crashed.fields["job_id"], crashed.fields["url"]) == ("j", lease.target)
        assert "3 of 3 times" in crashed.fields["message"]
        assert (finished.event, finished.fields["failed"]) == ("job complete", 1)
        assert harness.state(lease) is ImageState.FAILED
        snapshot = snapshot_of(harness.table, "j")
        assert snapshot is not None
        assert snapshot.errors[0][0] == "worker-crashed"
        assert harness.directive() is Directive.IDLE

    def test_a_worker_that_never_asked_is_told_apart(self, harness: Harness) -> None:
        assert harness.box.fence("w1") == FenceResult(returned=0, failed=0, had_claimed=False)
        assert harness.box.fence("unknown") == FenceResult(returned=0, failed=0, had_claimed=False)

    def test_an_id_in_use_cannot_be_registered_again(self, harness: Harness) -> None:
        harness.box.put(job("j", 1))
        lease = harness.claim("w1")

        with pytest.raises(ValueError, match="registered already"):
            harness.box.register("w1")

        assert harness.ack(lease, uploaded(), "w1").accepted


class TestQuarantine:
    def make_quarantined(self, harness: Harness, count: int) -> None:
        """Let all of job "j" crash twice."""
        harness.box.put(job("j", count))
        for _ in range(2):
            for _ in range(count):
                harness.claim("w1")
            harness.crash("w1")

    def test_suspects_are_handed_out_alone(self, harness: Harness) -> None:
        self.make_quarantined(harness, 2)
        harness.box.put(job("other", 3))

        quarantined_url = harness.claim("w1")

        assert quarantined_url.job_id == "j"
        assert harness.directive("w1") is Directive.IDLE, "nothing beside a suspect"
        assert harness.claim("w2").job_id == "other", "the other workers go on, without the suspect"

    def test_a_busy_worker_first_empties_its_hands(self, harness: Harness) -> None:
        harness.box.put(job("busy", 1))
        leased = harness.claim("w2")
        self.make_quarantined(harness, 1)

        assert harness.directive("w2") is Directive.IDLE
        harness.ack(leased, uploaded(), "w2")

        assert harness.claim("w2").job_id == "j"

    def test_a_busy_worker_goes_on_when_a_free_one_comes(self) -> None:
        harness = Harness()
        harness.hire("w1", "w2", "w3")
        harness.box.put(job("busy", 1))
        harness.claim("w2")
        self.make_quarantined(harness, 1)
        assert harness.directive("w2") is Directive.IDLE
        harness.box.put(job("other", 5))

        assert harness.claim("w3").job_id == "j"
        assert harness.claim("w2").job_id == "other"

    def test_only_the_culprit_fails(self, harness: Harness) -> None:
        self.make_quarantined(harness, 4)
        culprit = 2
        failed: list[str] = []
        for _ in range(4):
            lease = harness.claim("w1")
            if lease.index == culprit:
                harness.crash("w1")
                failed += [line.fields["url"] for line in harness.box.tend()]
            else:
                assert harness.ack(lease, uploaded()).accepted

        assert failed == ["https://source.test/j/2.jpg"]
        snapshot = snapshot_of(harness.table, "j")
        assert snapshot is not None
        assert snapshot.status is JobStatus.COMPLETE
        assert len(snapshot.links) == 3

    def test_suspects_keep_their_order(self, harness: Harness) -> None:
        self.make_quarantined(harness, 3)

        order = []
        for _ in range(3):
            lease = harness.claim("w1")
            order.append(lease.index)
            harness.ack(lease, uploaded())

        assert order == [0, 1, 2]

    @pytest.mark.parametrize(
        "outcome",
        [
            pytest.param(RetryLater("source-error", "Busy.", 1.0), id="try again"),
            pytest.param(Deferred("imgur-rate-limited", "Wait.", 1.0), id="put back"),
        ],
    )
    def test_a_suspect_that_comes_back_is_one_still(
        self, harness: Harness, outcome: Outcome
    ) -> None:
        self.make_quarantined(harness, 1)
        harness.ack(harness.claim("w1"), outcome)
        harness.box.put(job("other", 2))
        harness.clock.now += 1

        assert harness.claim("w1").job_id == "j"
        assert harness.directive("w1") is Directive.IDLE

    def test_others_go_back_to_work_when_the_suspect_is_cleared(self, harness: Harness) -> None:
        self.make_quarantined(harness, 1)
        harness.box.put(job("other", 2))
        harness.ack(harness.claim("w1"), uploaded())

        assert [harness.claim("w1").job_id, harness.claim("w1").job_id] == ["other", "other"]

    def test_a_dead_worker_leaves_the_quarantine_to_the_next(self, harness: Harness) -> None:
        self.make_quarantined(harness, 2)
        harness.claim("w1")
        harness.crash("w1")

        assert harness.claim("w2").job_id == "j"

    def test_with_one_crash_allowed_nobody_is_a_suspect(self) -> None:
        harness = Harness(max_crashes=1)
        harness.hire("w1", "w2")
        harness.box.put(job("j", 3))
        harness.ack(harness.claim("w1"), RetryLater("source-error", "Busy.", 0.0))

        assert harness.directive("w1") is Directive.WORK
        assert harness.directive("w1") is Directive.WORK
        assert harness.crash("w1").failed == 2

    def test_work_wakes_a_lane_that_may_take_it(self, live_box: Mailbox) -> None:
        # While w1 serves a suspect, its other lanes must not swallow the call for w2's.
        live_box.put(job("j", 1))
        for _ in range(2):
            live_box.claim("w1", 0)
            live_box.fence("w1")
            live_box.register("w1")
        assert live_box.claim("w1", 0).directive is Directive.WORK
        kept_from_work = Waiting(live_box, "w1")
        free = Waiting(live_box, "w2")

        live_box.put(job("other", 1))

        assert free.turn().directive is Directive.WORK
        live_box.fence("w1")
        assert kept_from_work.turn().directive is Directive.FENCED


class TestSourceLimits:
    """The limits themselves are in test_source_limits.py and test_fair_queue.py."""

    def test_a_url_counts_against_its_host_until_its_image_has_arrived(self) -> None:
        harness = Harness(source_concurrency=2)
        harness.hire("w1")
        harness.box.put(job("j", 5))
        first, second = harness.claim(), harness.claim()
        assert harness.directive() is Directive.IDLE

        assert harness.box.begin_upload("w1", first.token)
        assert harness.claim().index == 2
        assert harness.directive() is Directive.IDLE
        harness.ack(first, uploaded())
        assert harness.directive() is Directive.IDLE
        harness.ack(second, Failed("empty", "Nothing came."))
        assert harness.claim().index == 3

    @pytest.mark.parametrize("max_crashes", [1, 2, 3], ids=["failed", "suspect", "given back"])
    def test_a_dead_worker_holds_no_slot(self, max_crashes: int) -> None:
        harness = Harness(source_concurrency=1, max_crashes=max_crashes)
        harness.hire("w1", "w2")
        harness.box.put(job("j", 3))
        harness.claim("w1")
        harness.box.fence("w1")

        taken = []
        while leases := harness.box.claim("w2", 0).leases:
            taken.append(leases[0].index)
            harness.ack(leases[0], uploaded(), "w2")

        assert sorted(taken) == [0, 1, 2] if max_crashes > 1 else taken == [1, 2]

    def test_a_suspect_is_not_held_up(self) -> None:
        harness = Harness(source_concurrency=1, max_crashes=2)
        harness.hire("w1", "w2")
        harness.box.put(job("j", 2))
        quarantined_url = harness.claim("w1")
        harness.crash("w1")

        assert harness.claim("w1").index == quarantined_url.index
        assert harness.directive("w2") is Directive.IDLE, "but it is counted"

    def test_an_image_that_has_arrived_wakes_a_waiting_claim(self) -> None:
        box = Mailbox(JobTable(), MailboxLimits(source_concurrency=1))
        for worker_id in ("w1", "w2"):
            box.register(worker_id)
        box.put(job("j", 2))
        (lease,) = box.claim("w1", 0).leases
        waiting = Waiting(box, "w2")

        box.begin_upload("w1", lease.token)

        assert [lease.index for lease in waiting.turn().leases] == [1]

    def test_the_end_of_a_hosts_pause_wakes_a_waiting_claim(self, live_box: Mailbox) -> None:
        live_box.put(job("j", 2))
        (lease,) = live_box.claim("w1", 0).leases
        failed = Failed("source-error", "503.", source_pause_seconds=0.05)
        live_box.ack("w1", Report(lease.token, failed))

        assert [lease.index for lease in Waiting(live_box, "w1").turn().leases] == [1]

    def test_a_paused_host_holds_up_no_other(self, harness: Harness) -> None:
        harness.box.put(job("j", 2))
        lease = harness.claim()
        harness.ack(lease, Failed("source-error", "503.", source_pause_seconds=30.0))
        harness.box.put(Submission("other", ("https://other.test/a.jpg",)))

        assert harness.claim().job_id == "other"
        assert harness.directive() is Directive.IDLE
        harness.clock.now += 30
        assert harness.claim("w2").job_id == "j"

    def test_a_search_broken_off_goes_on_by_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("workers.state.schedule.fair_queue._LOOKS_PER_POP", 10)
        box = Mailbox(JobTable(), MailboxLimits(source_concurrency=1))
        box.register("w1")
        slow = tuple(f"https://slow.test/{n}" for n in range(100))
        box.put(Submission("j", (*slow, "https://fast.test/")))
        box.claim("w1", 0)

        assert [lease.index for lease in box.claim("w1", SOON).leases] == [100]


class TestOverdue:
    def test_names_the_workers_past_their_lease(self) -> None:
        harness = Harness(lease_seconds=100.0)
        harness.hire("w1", "w2")
        harness.box.put(job("j", 4))
        harness.claim("w1")
        harness.claim("w1")
        harness.clock.now += 50
        harness.claim("w2")

        harness.clock.now += 49.9
        assert harness.box.expired() == ()
        harness.clock.now += 0.1
        assert harness.box.expired() == ("w1",)
        harness.clock.now += 50
        assert set(harness.box.expired()) == {"w1", "w2"}

    def test_a_lease_that_ended_is_not_overdue(self) -> None:
        harness = Harness(lease_seconds=100.0)
        harness.hire("w1")
        harness.box.put(job("j", 1))
        lease = harness.claim()
        harness.clock.now += 99
        harness.ack(lease, uploaded())

        harness.clock.now += 2
        assert harness.box.expired() == ()

    def test_a_conversion_extends_its_lease_once(self) -> None:
        harness = Harness(lease_seconds=100.0, conversion_seconds=50.0)
        harness.hire("w1", "w2")
        harness.box.put(job("j", 2))
        converting, other = harness.claim("w1"), harness.claim("w2")
        for worker_id in ("w1", "w1", "w2"):
            harness.box.exchange(worker_id, WorkerRequest(conversions=(converting.token,)), 0)

        harness.clock.now += 100
        assert harness.box.expired() == ("w2",)
        harness.ack(other, uploaded(), "w2")
        harness.box.exchange("w2", WorkerRequest(conversions=(other.token,)), 0)
        harness.clock.now += 49.9
        assert "w1" not in harness.box.expired()
        harness.clock.now += 0.1
        assert "w1" in harness.box.expired()

    def test_names_a_worker_that_has_nothing_in_hand_and_falls_silent(self) -> None:
        harness = Harness(lease_seconds=100.0)
        harness.hire("idle", "stopped", "never-started")

        harness.clock.now += SILENT_SECONDS - 1
        harness.directive("idle")
        harness.directive("stopped")
        assert harness.box.expired() == ()
        harness.clock.now += 1
        assert harness.box.expired() == ("never-started",)
        harness.clock.now += SILENT_SECONDS - 2
        harness.directive("idle")
        harness.clock.now += 1
        assert set(harness.box.expired()) == {"never-started", "stopped"}


def test_stats_count_urls_where_they_are(harness: Harness) -> None:
    harness.box.put(job("j", 6))
    for _ in range(2):
        harness.claim("w1")
    harness.ack(harness.claim("w1"), RetryLater("source-error", "Busy.", 9.0))
    harness.ack(harness.claim("w1"), uploaded())

    stats = harness.box.stats()
    assert 0 < stats.state_bytes < 50_000
    assert stats == MailboxStats(
        queued=3,
        delayed=1,
        leased=2,
        pause_seconds=0.0,
        workers_ready=1,
        draining=False,
        state_bytes=stats.state_bytes,
        max_state_bytes=harness.table.max_bytes,
    )
    harness.box.close()
    assert harness.box.stats().draining


def test_nothing_is_kept_of_a_finished_job(harness: Harness) -> None:
    for number in range(20):
        harness.box.put(job(f"j{number}", 2))
        harness.ack(harness.claim(), RetryLater("source-error", "Busy.", 0.0))
        harness.claim()
        harness.crash("w1")
        for _ in range(2):
            harness.ack(harness.claim(), uploaded())

    assert harness.box.stats().queued == 0
    assert not harness.box._room.queue._jobs
    assert not harness.box._room.quarantine._crashes
    assert not harness.box._leases._leased
