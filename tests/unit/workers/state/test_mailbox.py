import threading
import time

import pytest

from tests.clock import Clock
from tests.job_snapshot import snapshot_of
from tests.waiting import wait_until
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages import (
    Arrival,
    Delivery,
    Failed,
    ImageState,
    JobStatus,
    Lease,
    MailboxStats,
    Outcome,
    PutBack,
    Receipt,
    RefusalCode,
    Report,
    Retirement,
    Standing,
    Submission,
    TryAgain,
    Uploaded,
    Words,
)
from workers.state.jobs.job_table import JobTable
from workers.state.leases.registry import SILENT_SECONDS
from workers.state.mailbox import Mailbox

SOON = 10.0
"""Seconds in which what should happen at once has happened, on the slowest machine."""


def job(job_id: str, count: int) -> Submission:
    return Submission(job_id, tuple(f"https://source.test/{job_id}/{n}.jpg" for n in range(count)))


def uploaded(name: str = "a") -> Uploaded:
    return Uploaded(f"https://i.imgur.com/{name}.jpg", f"delete-{name}")


class Desk:
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

    def standing(self, worker_id: str = "w1") -> Standing:
        return self.box.claim(worker_id, 0).standing

    def ack(self, lease: Lease, outcome: Outcome, worker_id: str = "w1") -> Receipt:
        return self.box.ack(worker_id, Report(lease.token, outcome))

    def crash(self, worker_id: str) -> Retirement:
        """The worker dies, and another of the same name takes its post."""
        retirement = self.box.retire(worker_id)
        self.box.register(worker_id)
        return retirement

    def state(self, lease: Lease) -> ImageState:
        snapshot = snapshot_of(self.table, lease.job_id)
        assert snapshot is not None
        return ImageState(snapshot.states[lease.index])

    def attempts(self, lease: Lease) -> int:
        snapshot = snapshot_of(self.table, lease.job_id)
        assert snapshot is not None
        return snapshot.attempts[lease.index]


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.hire("w1", "w2")
    return desk


class Waiting:
    """A claim in a thread of its own, on a mailbox with the real clock."""

    def __init__(self, box: Mailbox, worker_id: str, seconds: float = 60.0) -> None:
        self._turns: list[Delivery] = []
        self._thread = threading.Thread(
            target=lambda: self._turns.append(box.claim(worker_id, seconds)), daemon=True
        )
        sleepers = len(box._changed._waiters)  # type: ignore[attr-defined] # of the condition
        self._thread.start()
        wait_until(lambda: len(box._changed._waiters) > sleepers)  # type: ignore[attr-defined]

    def turn(self) -> Delivery:
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
    def test_hands_out_what_was_put_as_a_first_attempt(self, desk: Desk) -> None:
        assert desk.box.put(job("j", 1)) is None

        lease = desk.claim()

        assert (lease.job_id, lease.index, lease.attempt) == ("j", 0, 1)
        assert lease.target == "https://source.test/j/0.jpg"

    def test_a_job_at_the_limit_is_taken_whole(self) -> None:
        desk = Desk(max_open_urls=5)

        assert desk.box.put(job("a", 6)) is not None
        assert desk.box.put(job("a", 5)) is None

        assert desk.box.stats().queued == 5

    def test_a_job_beyond_the_limit_is_refused_whole(self) -> None:
        desk = Desk(max_open_urls=10)
        desk.box.put(job("a", 3))

        refusal = desk.box.put(job("b", 3))

        assert refusal is not None
        assert refusal.code is RefusalCode.QUEUE_FULL
        assert "2 more URLs" in refusal.message
        assert "has 3" in refusal.message
        assert refusal.retry_after > 0
        assert desk.box.stats().queued == 3
        assert snapshot_of(desk.table, "b") is None

    @pytest.mark.parametrize(
        ("outcome", "frees"),
        [
            pytest.param(uploaded(), True, id="uploaded"),
            pytest.param(Failed("not-an-image", "It is text."), True, id="failed"),
            pytest.param(TryAgain("source-error", "Busy.", 1.0), False, id="try again"),
            pytest.param(PutBack("imgur-rate-limited", "Wait.", 1.0), False, id="put back"),
        ],
    )
    def test_room_is_taken_until_a_url_is_final(self, outcome: Outcome, *, frees: bool) -> None:
        desk = Desk(max_open_urls=1)
        desk.hire("w1")
        desk.box.put(job("a", 1))
        lease = desk.claim()
        assert desk.box.put(job("b", 1)) is not None, "a URL under lease takes room too"

        desk.ack(lease, outcome)

        assert (desk.box.put(job("b", 1)) is None) is frees

    def test_a_job_id_in_use_changes_nothing(self, desk: Desk) -> None:
        desk.box.put(job("a", 2))

        with pytest.raises(ValueError, match="exists already"):
            desk.box.put(job("a", 3))

        assert desk.box.stats().queued == 2

    def test_a_drained_mailbox_takes_nothing(self, desk: Desk) -> None:
        desk.box.close()

        refusal = desk.box.put(job("a", 1))

        assert refusal is not None
        assert refusal.code is RefusalCode.DRAINING
        assert snapshot_of(desk.table, "a") is None


class TestFairness:
    def test_jobs_take_turns(self, desk: Desk) -> None:
        desk.box.put(job("large", 5))
        desk.box.put(job("small", 2))

        order = [desk.claim().job_id for _ in range(7)]

        assert order == ["large", "small", "large", "small", "large", "large", "large"]

    def test_a_job_keeps_its_own_order(self, desk: Desk) -> None:
        desk.box.put(job("a", 3))
        desk.box.put(job("b", 3))

        leases = [desk.claim() for _ in range(6)]

        assert [lease.index for lease in leases if lease.job_id == "a"] == [0, 1, 2]
        assert [lease.index for lease in leases if lease.job_id == "b"] == [0, 1, 2]

    def test_a_late_small_job_comes_before_a_large_one_that_is_at_work(self, desk: Desk) -> None:
        desk.box.put(job("large", 1000))
        for _ in range(10):
            desk.claim()
        desk.box.put(job("small", 1))

        assert [desk.claim().job_id for _ in range(2)] == ["small", "large"]

    def test_a_job_whose_url_came_back_rejoins_the_round(self, desk: Desk) -> None:
        desk.box.put(job("a", 1))
        lease = desk.claim()
        desk.box.put(job("b", 3))
        desk.ack(lease, TryAgain("source-error", "Busy.", 0.0))

        assert [desk.claim().job_id for _ in range(4)] == ["b", "a", "b", "b"]


class TestClaim:
    def test_an_idle_claim_ends_in_time(self, live_box: Mailbox) -> None:
        began = time.monotonic()

        turn = live_box.claim("w1", 0.05)

        assert turn == Delivery(Standing.IDLE)
        assert 0.05 <= time.monotonic() - began < SOON

    def test_a_put_wakes_a_waiting_claim(self, live_box: Mailbox) -> None:
        waiting = Waiting(live_box, "w1")

        live_box.put(job("j", 1))

        assert waiting.turn().standing is Standing.WORK

    def test_a_put_wakes_as_many_as_it_has_urls(self, live_box: Mailbox) -> None:
        waiting = [Waiting(live_box, worker_id) for worker_id in ("w1", "w1", "w2", "w2")]

        live_box.put(job("j", 4))

        assert {lease.index for w in waiting for lease in w.turn().leases} == {0, 1, 2, 3}

    def test_a_waiting_claim_of_a_retired_worker_is_released(self, live_box: Mailbox) -> None:
        waiting = Waiting(live_box, "w1")

        live_box.retire("w1")

        assert waiting.turn() == Delivery(Standing.RETIRED)

    def test_what_is_put_after_a_retirement_goes_to_the_living(self, live_box: Mailbox) -> None:
        dead = Waiting(live_box, "w1")
        live_box.retire("w1")
        live_box.put(job("j", 1))

        assert live_box.claim("w2", SOON).standing is Standing.WORK
        assert dead.turn().standing is Standing.RETIRED

    def test_draining_releases_a_waiting_claim(self, live_box: Mailbox) -> None:
        waiting = Waiting(live_box, "w1")

        live_box.close()

        assert waiting.turn() == Delivery(Standing.DRAINED)

    def test_a_retry_wakes_a_claim_that_waited_before_it_was_due(self, live_box: Mailbox) -> None:
        live_box.put(job("j", 1))
        (lease,) = live_box.claim("w2", 0).leases
        waiting = Waiting(live_box, "w1")

        live_box.ack("w2", Report(lease.token, TryAgain("source-error", "Busy.", 0.05)))

        (lease,) = waiting.turn().leases
        assert lease.attempt == 2

    def test_every_waiting_claim_learns_of_a_retry(self, live_box: Mailbox) -> None:
        live_box.put(job("j", 1))
        (lease,) = live_box.claim("w2", 0).leases
        leaves_early = Waiting(live_box, "w1", seconds=0.3)
        stays = Waiting(live_box, "w1")

        live_box.ack("w2", Report(lease.token, TryAgain("source-error", "Busy.", 0.6)))

        assert leaves_early.turn().standing is Standing.IDLE
        assert stays.turn().standing is Standing.WORK

    def test_the_end_of_a_pause_wakes_a_waiting_claim(self, live_box: Mailbox) -> None:
        live_box.put(job("j", 1))
        (lease,) = live_box.claim("w2", 0).leases
        live_box.ack("w2", Report(lease.token, PutBack("imgur-rate-limited", "Wait.", 0.05)))

        assert Waiting(live_box, "w1").turn().standing is Standing.WORK

    def test_an_unknown_worker_gets_nothing(self, desk: Desk) -> None:
        desk.box.put(job("j", 1))

        assert desk.standing("never-registered") is Standing.RETIRED
        assert desk.box.stats().queued == 1


class TestDraining:
    def test_hands_out_nothing_more(self, desk: Desk) -> None:
        desk.box.put(job("j", 1))

        desk.box.close()

        assert desk.box.claim("w1", 60) == Delivery(Standing.DRAINED)
        assert desk.table.unfinished() == {"j": 1}

    def test_leases_in_force_may_end(self, desk: Desk) -> None:
        desk.box.put(job("j", 1))
        lease = desk.claim()

        desk.box.close()
        delivery = desk.box.exchange("w1", Words((Report(lease.token, uploaded()),), wanted=1), 60)

        assert delivery == Delivery(Standing.DRAINED, receipts=(delivery.receipts[0],))
        assert delivery.receipts[0].accepted
        assert desk.table.unfinished() == {}


class TestAck:
    @pytest.mark.parametrize(
        "outcome",
        [
            pytest.param(uploaded("late"), id="uploaded"),
            pytest.param(Failed("not-an-image", "It is text."), id="failed"),
            pytest.param(TryAgain("source-error", "Busy.", 1.0), id="try again"),
            pytest.param(PutBack("imgur-rate-limited", "Wait.", 60.0), id="put back"),
        ],
    )
    def test_a_stale_word_is_refused_and_changes_nothing(
        self, desk: Desk, outcome: Outcome
    ) -> None:
        desk.box.put(job("j", 2))
        stale = desk.claim("w1")
        desk.crash("w1")
        current = desk.claim("w2")
        assert current.index == stale.index
        before = (snapshot_of(desk.table, "j"), desk.box.stats())

        receipt = desk.ack(stale, outcome, "w1")

        assert receipt == Receipt(accepted=False)
        assert (snapshot_of(desk.table, "j"), desk.box.stats()) == before
        assert desk.ack(current, uploaded("current"), "w2").accepted
        assert desk.table.links(0, 10) == ("https://i.imgur.com/current.jpg",)

    def test_another_workers_lease_is_refused(self, desk: Desk) -> None:
        desk.box.put(job("j", 1))
        lease = desk.claim("w1")

        assert not desk.ack(lease, uploaded(), "w2").accepted
        assert desk.ack(lease, uploaded(), "w1").accepted

    def test_a_lease_ends_once(self, desk: Desk) -> None:
        desk.box.put(job("j", 1))
        lease = desk.claim()

        assert desk.ack(lease, Failed("empty", "Nothing came.")).accepted
        assert not desk.ack(lease, uploaded()).accepted
        assert desk.state(lease) is ImageState.FAILED

    def test_the_last_url_finishes_the_job(self, desk: Desk) -> None:
        desk.box.put(job("j", 2))
        first, last = desk.claim(), desk.claim()

        assert desk.ack(first, uploaded()).finished is None
        finished = desk.ack(last, Failed("empty", "Nothing came.")).finished

        assert finished is not None
        assert (finished.job_id, finished.complete, finished.failed) == ("j", 1, 1)
        snapshot = snapshot_of(desk.table, "j")
        assert snapshot is not None
        assert snapshot.status is JobStatus.COMPLETE


class TestExchange:
    def test_reports_announces_and_claims_in_one(self, desk: Desk) -> None:
        desk.box.put(job("j", 4))
        first, second = desk.claim(), desk.claim()

        words = Words((Report(first.token, uploaded()),), (Arrival(second.token),), wanted=2)
        delivery = desk.box.exchange("w1", words, 0)

        assert delivery.receipts == (Receipt(accepted=True),)
        assert delivery.cleared == (True,)
        assert [lease.index for lease in delivery.leases] == [2, 3]

    def test_answers_keep_the_order_of_the_words(self, desk: Desk) -> None:
        desk.box.put(job("j", 3))
        leases = [desk.claim() for _ in range(3)]
        reports = [Report(lease.token, uploaded()) for lease in leases]
        reports.insert(1, Report(99, uploaded()))

        arrivals = (Arrival(98), Arrival(leases[0].token))
        delivery = desk.box.exchange("w1", Words(tuple(reports), arrivals), 60)

        assert [receipt.accepted for receipt in delivery.receipts] == [True, False, True, True]
        assert delivery.receipts[-1].finished is not None
        assert delivery.cleared == (False, False), "one was never lent, the other is done"

    def test_without_words_has_no_answers(self, desk: Desk) -> None:
        assert desk.box.exchange("w1", Words(wanted=1), 0) == Delivery(Standing.IDLE)

    def test_does_not_wait_when_nothing_is_wanted(self, desk: Desk) -> None:
        desk.box.put(job("j", 1))

        assert desk.box.exchange("w1", Words(), 600) == Delivery(Standing.IDLE)

    def test_waits_for_work_that_is_wanted(self, live_box: Mailbox) -> None:
        live_box.put(job("j", 2))
        (lease, other) = live_box.claim("w1", 0, 2).leases
        began = time.monotonic()

        words = Words((Report(lease.token, uploaded()),), (Arrival(other.token),), 1)
        delivery = live_box.exchange("w1", words, 0.05)

        assert delivery.standing is Standing.IDLE
        assert time.monotonic() - began >= 0.05


class TestShare:
    def test_a_worker_with_many_lanes_leaves_the_others_theirs(self, desk: Desk) -> None:
        assert desk.standing("w1") is desk.standing("w2") is Standing.IDLE
        desk.box.put(job("j", 10))

        assert len(desk.box.claim("w1", 0, 100).leases) == 5
        assert len(desk.box.claim("w1", 0, 100).leases) == 0
        assert len(desk.box.claim("w2", 0, 100).leases) == 5

    def test_what_the_others_do_not_take_is_not_left(self, desk: Desk) -> None:
        assert desk.standing("w1") is desk.standing("w2") is Standing.IDLE
        desk.box.put(job("j", 10))

        done = 0
        while leases := desk.box.claim("w1", 0, 100).leases:
            for lease in leases:
                desk.ack(lease, uploaded())
            done += len(leases)

        assert done == 10

    def test_a_worker_that_never_asked_has_no_share(self, desk: Desk) -> None:
        desk.box.put(job("j", 10))

        assert len(desk.box.claim("w1", 0, 100).leases) == 10


class TestRetry:
    def test_comes_back_in_time_as_the_next_attempt(self, desk: Desk) -> None:
        desk.box.put(job("j", 1))
        desk.ack(desk.claim(), TryAgain("source-error", "Busy.", 8.0))

        desk.clock.now += 7.9
        assert desk.standing() is Standing.IDLE
        assert desk.box.stats().delayed == 1

        desk.clock.now += 0.1
        assert desk.claim().attempt == 2
        assert desk.box.stats().delayed == 0

    def test_those_due_first_come_first(self, desk: Desk) -> None:
        desk.box.put(job("a", 1))
        desk.box.put(job("b", 1))
        desk.ack(desk.claim(), TryAgain("source-error", "Busy.", 8.0))
        desk.ack(desk.claim(), TryAgain("source-error", "Busy.", 4.0))

        desk.clock.now += 5
        assert desk.claim().job_id == "b"
        assert desk.standing() is Standing.IDLE

    def test_says_why_while_it_waits(self, desk: Desk) -> None:
        desk.box.put(job("j", 1))
        lease = desk.claim()
        desk.ack(lease, TryAgain("source-error", "Busy.", 8.0))

        snapshot = snapshot_of(desk.table, "j")
        assert snapshot is not None
        assert snapshot.troubles == {0: ("source-error", "Busy.")}
        assert desk.state(lease) is ImageState.PENDING


class TestPause:
    def test_put_back_holds_all_jobs_and_keeps_the_attempt(self, desk: Desk) -> None:
        desk.box.put(job("a", 1))
        desk.box.put(job("b", 1))
        lease = desk.claim()
        desk.ack(lease, PutBack("imgur-rate-limited", "Wait.", 30.0))

        assert desk.attempts(lease) == 0
        assert desk.standing("w1") is Standing.IDLE
        assert desk.standing("w2") is Standing.IDLE
        assert desk.box.stats().pause_seconds == pytest.approx(30.0)

        desk.clock.now += 30
        assert {desk.claim("w1").job_id, desk.claim("w2").job_id} == {"a", "b"}
        assert desk.attempts(lease) == 1
        assert desk.box.stats().pause_seconds == 0

    def test_the_last_upload_of_the_allowance_pauses_all(self, desk: Desk) -> None:
        desk.box.put(job("j", 2))
        lease = desk.claim()

        desk.ack(lease, Uploaded("https://i.imgur.com/a.jpg", "d", pause_seconds=12.0))

        assert desk.state(lease) is ImageState.COMPLETE
        assert desk.standing() is Standing.IDLE
        desk.clock.now += 12
        assert desk.claim().index == 1

    def test_the_longest_pause_wins(self, desk: Desk) -> None:
        desk.box.put(job("j", 3))
        first, second = desk.claim(), desk.claim()
        desk.ack(first, PutBack("imgur-rate-limited", "Wait.", 60.0))
        desk.ack(second, PutBack("imgur-rate-limited", "Wait.", 5.0))

        desk.clock.now += 59
        assert desk.standing() is Standing.IDLE
        desk.clock.now += 1
        assert desk.standing() is Standing.WORK

    def test_work_in_hand_may_end_meanwhile(self, desk: Desk) -> None:
        desk.box.put(job("j", 2))
        first, second = desk.claim(), desk.claim()
        desk.ack(first, PutBack("imgur-rate-limited", "Wait.", 60.0))

        assert desk.ack(second, uploaded()).accepted

    def test_a_retry_that_falls_due_waits_for_its_end(self, desk: Desk) -> None:
        desk.box.put(job("j", 2))
        first, second = desk.claim(), desk.claim()
        desk.ack(first, TryAgain("source-error", "Busy.", 1.0))
        desk.ack(second, Uploaded("https://i.imgur.com/a.jpg", "d", pause_seconds=10.0))

        desk.clock.now += 5
        assert desk.standing() is Standing.IDLE
        desk.clock.now += 5
        assert desk.claim().index == 0


class TestRetire:
    def test_returns_leases_to_the_front_in_order(self, desk: Desk) -> None:
        desk.box.put(job("j", 5))
        for _ in range(3):
            desk.claim("w1")

        retirement = desk.crash("w1")

        assert retirement == Retirement(returned=3, failed=(), had_claimed=True)
        assert [desk.claim("w2").index for _ in range(5)] == [0, 1, 2, 3, 4]

    def test_a_crash_is_no_attempt_but_is_told(self, desk: Desk) -> None:
        desk.box.put(job("j", 1))
        lease = desk.claim("w1")

        desk.crash("w1")

        snapshot = snapshot_of(desk.table, "j")
        assert snapshot is not None
        assert snapshot.troubles[0][0] == "worker-crashed"
        assert desk.attempts(lease) == 0
        assert desk.claim("w2").attempt == 1

    def test_the_third_crash_fails_the_url(self, desk: Desk) -> None:
        desk.box.put(job("j", 1))
        for _ in range(2):
            lease = desk.claim("w1")
            assert desk.crash("w1").returned == 1
        lease = desk.claim("w1")

        retirement = desk.crash("w1")

        assert retirement.returned == 0
        (crashed,) = retirement.failed
        assert (crashed.job_id, crashed.url) == ("j", lease.target)
        assert "3 of 3 times" in crashed.message
        assert crashed.finished is not None
        assert crashed.finished.failed == 1
        assert desk.state(lease) is ImageState.FAILED
        snapshot = snapshot_of(desk.table, "j")
        assert snapshot is not None
        assert snapshot.troubles[0][0] == "worker-crashed"
        assert desk.standing() is Standing.IDLE

    def test_a_worker_that_never_asked_is_told_apart(self, desk: Desk) -> None:
        assert desk.box.retire("w1") == Retirement(returned=0, failed=(), had_claimed=False)
        assert desk.box.retire("unknown") == Retirement(returned=0, failed=(), had_claimed=False)

    def test_an_id_in_use_cannot_be_registered_again(self, desk: Desk) -> None:
        desk.box.put(job("j", 1))
        lease = desk.claim("w1")

        with pytest.raises(ValueError, match="registered already"):
            desk.box.register("w1")

        assert desk.ack(lease, uploaded(), "w1").accepted


class TestQuarantine:
    def make_suspects(self, desk: Desk, count: int) -> None:
        """Let all of job "j" crash twice."""
        desk.box.put(job("j", count))
        for _ in range(2):
            for _ in range(count):
                desk.claim("w1")
            desk.crash("w1")

    def test_suspects_are_handed_out_alone(self, desk: Desk) -> None:
        self.make_suspects(desk, 2)
        desk.box.put(job("other", 3))

        suspect = desk.claim("w1")

        assert suspect.job_id == "j"
        assert desk.standing("w1") is Standing.IDLE, "nothing beside a suspect"
        assert desk.claim("w2").job_id == "other", "the other workers go on, without the suspect"

    def test_a_busy_worker_first_empties_its_hands(self, desk: Desk) -> None:
        desk.box.put(job("busy", 1))
        in_hand = desk.claim("w2")
        self.make_suspects(desk, 1)

        assert desk.standing("w2") is Standing.IDLE
        desk.ack(in_hand, uploaded(), "w2")

        assert desk.claim("w2").job_id == "j"

    def test_a_busy_worker_goes_on_when_a_free_one_comes(self) -> None:
        desk = Desk()
        desk.hire("w1", "w2", "w3")
        desk.box.put(job("busy", 1))
        desk.claim("w2")
        self.make_suspects(desk, 1)
        assert desk.standing("w2") is Standing.IDLE
        desk.box.put(job("other", 5))

        assert desk.claim("w3").job_id == "j"
        assert desk.claim("w2").job_id == "other"

    def test_only_the_culprit_fails(self, desk: Desk) -> None:
        self.make_suspects(desk, 4)
        culprit = 2
        failed: list[str] = []
        for _ in range(4):
            lease = desk.claim("w1")
            if lease.index == culprit:
                failed += [crashed.url for crashed in desk.crash("w1").failed]
            else:
                assert desk.ack(lease, uploaded()).accepted

        assert failed == ["https://source.test/j/2.jpg"]
        snapshot = snapshot_of(desk.table, "j")
        assert snapshot is not None
        assert snapshot.status is JobStatus.COMPLETE
        assert len(snapshot.links) == 3

    def test_suspects_keep_their_order(self, desk: Desk) -> None:
        self.make_suspects(desk, 3)

        order = []
        for _ in range(3):
            lease = desk.claim("w1")
            order.append(lease.index)
            desk.ack(lease, uploaded())

        assert order == [0, 1, 2]

    @pytest.mark.parametrize(
        "outcome",
        [
            pytest.param(TryAgain("source-error", "Busy.", 1.0), id="try again"),
            pytest.param(PutBack("imgur-rate-limited", "Wait.", 1.0), id="put back"),
        ],
    )
    def test_a_suspect_that_comes_back_is_one_still(self, desk: Desk, outcome: Outcome) -> None:
        self.make_suspects(desk, 1)
        desk.ack(desk.claim("w1"), outcome)
        desk.box.put(job("other", 2))
        desk.clock.now += 1

        assert desk.claim("w1").job_id == "j"
        assert desk.standing("w1") is Standing.IDLE

    def test_others_go_back_to_work_when_the_suspect_is_cleared(self, desk: Desk) -> None:
        self.make_suspects(desk, 1)
        desk.box.put(job("other", 2))
        desk.ack(desk.claim("w1"), uploaded())

        assert [desk.claim("w1").job_id, desk.claim("w1").job_id] == ["other", "other"]

    def test_a_dead_worker_leaves_the_quarantine_to_the_next(self, desk: Desk) -> None:
        self.make_suspects(desk, 2)
        desk.claim("w1")
        desk.crash("w1")

        assert desk.claim("w2").job_id == "j"

    def test_with_one_crash_allowed_nobody_is_a_suspect(self) -> None:
        desk = Desk(max_crashes=1)
        desk.hire("w1", "w2")
        desk.box.put(job("j", 3))
        desk.ack(desk.claim("w1"), TryAgain("source-error", "Busy.", 0.0))

        assert desk.standing("w1") is Standing.WORK
        assert desk.standing("w1") is Standing.WORK
        assert len(desk.crash("w1").failed) == 2

    def test_work_wakes_a_lane_that_may_take_it(self, live_box: Mailbox) -> None:
        # While w1 serves a suspect, its other lanes must not swallow the call for w2's.
        live_box.put(job("j", 1))
        for _ in range(2):
            live_box.claim("w1", 0)
            live_box.retire("w1")
            live_box.register("w1")
        assert live_box.claim("w1", 0).standing is Standing.WORK
        kept_from_work = Waiting(live_box, "w1")
        free = Waiting(live_box, "w2")

        live_box.put(job("other", 1))

        assert free.turn().standing is Standing.WORK
        live_box.retire("w1")
        assert kept_from_work.turn().standing is Standing.RETIRED


class TestSourceLimits:
    """The limits themselves are in test_source_limits.py and test_fair_queue.py."""

    def test_a_url_counts_against_its_host_until_its_image_has_arrived(self) -> None:
        desk = Desk(source_concurrency=2)
        desk.hire("w1")
        desk.box.put(job("j", 5))
        first, second = desk.claim(), desk.claim()
        assert desk.standing() is Standing.IDLE

        assert desk.box.begin_upload("w1", first.token)
        assert desk.claim().index == 2
        assert desk.standing() is Standing.IDLE
        desk.ack(first, uploaded())
        assert desk.standing() is Standing.IDLE
        desk.ack(second, Failed("empty", "Nothing came."))
        assert desk.claim().index == 3

    @pytest.mark.parametrize("max_crashes", [1, 2, 3], ids=["failed", "suspect", "given back"])
    def test_a_dead_worker_holds_no_slot(self, max_crashes: int) -> None:
        desk = Desk(source_concurrency=1, max_crashes=max_crashes)
        desk.hire("w1", "w2")
        desk.box.put(job("j", 3))
        desk.claim("w1")
        desk.box.retire("w1")

        taken = []
        while leases := desk.box.claim("w2", 0).leases:
            taken.append(leases[0].index)
            desk.ack(leases[0], uploaded(), "w2")

        assert sorted(taken) == [0, 1, 2] if max_crashes > 1 else taken == [1, 2]

    def test_a_suspect_is_not_held_up(self) -> None:
        desk = Desk(source_concurrency=1, max_crashes=2)
        desk.hire("w1", "w2")
        desk.box.put(job("j", 2))
        suspect = desk.claim("w1")
        desk.crash("w1")

        assert desk.claim("w1").index == suspect.index
        assert desk.standing("w2") is Standing.IDLE, "but it is counted"

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

    def test_a_paused_host_holds_up_no_other(self, desk: Desk) -> None:
        desk.box.put(job("j", 2))
        lease = desk.claim()
        desk.ack(lease, Failed("source-error", "503.", source_pause_seconds=30.0))
        desk.box.put(Submission("other", ("https://other.test/a.jpg",)))

        assert desk.claim().job_id == "other"
        assert desk.standing() is Standing.IDLE
        desk.clock.now += 30
        assert desk.claim("w2").job_id == "j"

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
        desk = Desk(lease_seconds=100.0)
        desk.hire("w1", "w2")
        desk.box.put(job("j", 4))
        desk.claim("w1")
        desk.claim("w1")
        desk.clock.now += 50
        desk.claim("w2")

        desk.clock.now += 49.9
        assert desk.box.overdue() == ()
        desk.clock.now += 0.1
        assert desk.box.overdue() == ("w1",)
        desk.clock.now += 50
        assert set(desk.box.overdue()) == {"w1", "w2"}

    def test_a_lease_that_ended_is_not_overdue(self) -> None:
        desk = Desk(lease_seconds=100.0)
        desk.hire("w1")
        desk.box.put(job("j", 1))
        lease = desk.claim()
        desk.clock.now += 99
        desk.ack(lease, uploaded())

        desk.clock.now += 2
        assert desk.box.overdue() == ()

    def test_names_a_worker_that_has_nothing_in_hand_and_falls_silent(self) -> None:
        desk = Desk(lease_seconds=100.0)
        desk.hire("idle", "stopped", "never-started")

        desk.clock.now += SILENT_SECONDS - 1
        desk.standing("idle")
        desk.standing("stopped")
        assert desk.box.overdue() == ()
        desk.clock.now += 1
        assert desk.box.overdue() == ("never-started",)
        desk.clock.now += SILENT_SECONDS - 2
        desk.standing("idle")
        desk.clock.now += 1
        assert set(desk.box.overdue()) == {"never-started", "stopped"}


def test_stats_count_urls_where_they_are(desk: Desk) -> None:
    desk.box.put(job("j", 6))
    for _ in range(2):
        desk.claim("w1")
    desk.ack(desk.claim("w1"), TryAgain("source-error", "Busy.", 9.0))
    desk.ack(desk.claim("w1"), uploaded())

    stats = desk.box.stats()
    assert 0 < stats.state_bytes < 50_000
    assert stats == MailboxStats(
        queued=3,
        delayed=1,
        leased=2,
        pause_seconds=0.0,
        workers_ready=1,
        draining=False,
        state_bytes=stats.state_bytes,
        max_state_bytes=desk.table.max_bytes,
    )
    desk.box.close()
    assert desk.box.stats().draining


def test_nothing_is_kept_of_a_finished_job(desk: Desk) -> None:
    for number in range(20):
        desk.box.put(job(f"j{number}", 2))
        desk.ack(desk.claim(), TryAgain("source-error", "Busy.", 0.0))
        desk.claim()
        desk.crash("w1")
        for _ in range(2):
            desk.ack(desk.claim(), uploaded())

    assert desk.box.stats().queued == 0
    assert not desk.box._room._queue._jobs
    assert not desk.box._room._quarantine._crashes
    assert not desk.box._leases._leased
