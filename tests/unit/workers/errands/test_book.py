"""Which errand goes out when, to whom, how often."""

import math
from typing import Any

import pytest

from workers.backoff import Backoff
from workers.errands.book import ErrandBook, ErrandLimits
from workers.errands.ledger import ErrandLedger
from workers.errands.messages import (
    DeletionState,
    Done,
    Errand,
    ErrandKind,
    ErrandOutcome,
    ErrandReport,
    PutOff,
    Undone,
)
from workers.job_table import JobTable
from workers.jobs.job_options import JobOptions
from workers.messages import ChangesWanted, Submission, Uploaded

CALLBACK = "https://client.test/hook?key=secret"
WALL = 1_700_000_000.0
WAITS = (5.0, 300.0)


class Desk:
    def __init__(self, **limits: Any) -> None:
        self.now = 100.0
        self.table = JobTable(wall_clock=lambda: WALL + self.now)
        self.wakes = 0
        self.workers = 1
        limits = {"retry_seconds": WAITS, "deletion_backoff": Backoff(1.0, 1.0)} | limits
        self.book = ErrandBook(
            ErrandLedger(self.table), ErrandLimits(**limits), self._wake, lambda: self.workers
        )
        self.table.on_complete = lambda job_id: self.book.add(
            (ErrandKind.WEBHOOK, job_id, 0), self.now
        )

    def _wake(self) -> None:
        self.wakes += 1

    def job(self, job_id: str = "j", callback: str | None = CALLBACK) -> None:
        options = JobOptions(callback_url=callback)
        self.table.open(Submission(job_id, ("https://a.test/1",), "", options))
        link = f"https://i.imgur.com/{job_id}.jpg"
        self.table.record(job_id, 0, Uploaded(link, f"hash-{job_id}"))

    def delete(self, job_id: str = "j") -> None:
        assert ErrandLedger(self.table).want_deletion(job_id, 0, "") is None
        self.book.add((ErrandKind.DELETION, job_id, 0), self.now)

    def take(
        self, lanes: int = 8, worker: str = "w1", *, pause: float = 0.0, images: bool = False
    ) -> tuple[Errand, ...]:
        resume_at = self.now + pause
        return self.book.take(worker, lanes, self.now, resume_at=resume_at, images_wait=images)

    def settle(self, errand: Errand, outcome: ErrandOutcome, worker: str = "w1") -> float | None:
        receipt = self.book.settle(worker, ErrandReport(errand.token, outcome), self.now)
        assert receipt.accepted
        return receipt.retry_seconds

    def deliveries(self, job_id: str = "j") -> list[tuple[int, int | None, str | None, bool]]:
        changes = self.table.changes(ChangesWanted(job_id))
        assert changes is not None
        return [
            (one.attempt, one.status, one.reason, one.next_at is None) for one in changes.deliveries
        ]

    def deletion(self, job_id: str = "j") -> Any:
        changes = self.table.changes(ChangesWanted(job_id))
        assert changes is not None
        return changes.deletions[0]


@pytest.fixture
def desk() -> Desk:
    return Desk()


class TestWebhooks:
    def test_a_complete_job_tells_its_callback(self, desk: Desk) -> None:
        desk.job()
        assert desk.wakes
        (errand,) = desk.take()
        assert (errand.kind, errand.job_id, errand.attempt) == (ErrandKind.WEBHOOK, "j", 1)
        assert errand.target == CALLBACK
        assert b'"type":"job.complete"' in errand.body
        assert b'"complete":1,"failed":0,"total":1' in errand.body
        assert "secret" not in repr(errand)
        assert desk.settle(errand, Done(204)) is None
        assert desk.deliveries() == [(1, 204, None, True)]
        assert not len(desk.book)
        assert desk.take() == ()

    def test_one_without_a_callback_does_not(self, desk: Desk) -> None:
        desk.job(callback=None)
        assert desk.take() == ()
        assert desk.book.next_due(0.0) == math.inf

    def test_refusals_are_tried_again_with_growing_waits(self, desk: Desk) -> None:
        desk.job()
        bodies = set()
        for attempt, least in enumerate((*WAITS, None), 1):
            (errand,) = desk.take()
            bodies.add(errand.body)
            assert errand.attempt == attempt
            wait = desk.settle(errand, Undone("refused", "no", status=500))
            if least is None or wait is None:
                assert wait is least
                continue
            assert least <= wait <= least * 1.1
            assert desk.take() == ()
            assert desk.book.next_due(0.0) == pytest.approx(desk.now + wait)
            desk.now += wait
        assert len(bodies) == 1
        assert [entry[0] for entry in desk.deliveries()] == [1, 2, 3]
        assert desk.deliveries()[-1] == (3, 500, None, True)
        assert not len(desk.book)

    def test_the_other_side_may_ask_for_a_longer_wait(self, desk: Desk) -> None:
        desk.job()
        (errand,) = desk.take()
        assert desk.settle(errand, Undone("refused", "no", status=429, retry_after=77.0)) == 77.0

    def test_a_final_refusal_ends_it(self, desk: Desk) -> None:
        desk.job()
        (errand,) = desk.take()
        assert desk.settle(errand, Undone("address-not-allowed", "no", is_final=True)) is None
        assert desk.deliveries() == [(1, None, "address-not-allowed", True)]

    def test_a_job_with_an_open_errand_is_not_forgotten(self, desk: Desk) -> None:
        desk.job()
        (errand,) = desk.take()
        assert desk.table.evict(0.0) == 0
        desk.settle(errand, Done(200))
        assert desk.table.evict(0.0) == 1


class TestDeletions:
    def test_done(self, desk: Desk) -> None:
        desk.job(callback=None)
        desk.delete()
        assert desk.deletion().state is DeletionState.PENDING
        assert desk.table.links(0, 9) == ("https://i.imgur.com/j.jpg",)
        (errand,) = desk.take()
        assert (errand.kind, errand.target) == (ErrandKind.DELETION, "hash-j")
        assert "hash-j" not in repr(errand)
        assert desk.settle(errand, Done()) is None
        assert desk.deletion().state is DeletionState.DONE
        assert desk.table.links(0, 9) == ("",)
        assert desk.table.links_removed() == 1

    def test_troubles_that_pass_are_tried_again_so_often(self) -> None:
        desk = Desk(deletion_attempts=2)
        desk.job(callback=None)
        desk.delete()
        (errand,) = desk.take()
        wait = desk.settle(errand, Undone("imgur-error", "down"))
        assert wait is not None
        desk.now += wait
        (errand,) = desk.take()
        assert desk.settle(errand, Undone("imgur-error", "down")) is None
        deletion = desk.deletion()
        assert (deletion.state, deletion.reason) == (DeletionState.FAILED, "imgur-error")
        assert desk.table.links_removed() == 0
        desk.delete()  # it may be asked for again

    def test_imgurs_pause_holds_up_deletions_only(self, desk: Desk) -> None:
        desk.job(callback=None)
        desk.delete()
        desk.job("k")
        (errand,) = desk.take(pause=60.0)
        assert errand.kind is ErrandKind.WEBHOOK
        assert desk.book.next_due(desk.now + 60.0) == desk.now + 60.0
        desk.now += 60.0
        (errand,) = desk.take()
        assert errand.kind is ErrandKind.DELETION
        assert desk.settle(errand, PutOff("wait", 30.0)) == 0.0
        assert desk.take(pause=30.0) == ()
        desk.now += 30.0
        (errand,) = desk.take()
        assert errand.attempt == 1


class TestLeases:
    def test_no_more_than_lanes_are_free(self, desk: Desk) -> None:
        desk.job("a")
        desk.job("b")
        assert desk.take(lanes=0) == ()
        assert len(desk.take(lanes=1)) == 1

    def test_a_dead_workers_errand_goes_to_the_next(self, desk: Desk) -> None:
        desk.job()
        (errand,) = desk.take(worker="w1")
        assert desk.book.holders() == {"w1"}
        assert len(desk.book.retire("w1", desk.now)) == 1
        late = ErrandReport(errand.token, Done(200))
        assert not desk.book.settle("w1", late, desk.now).accepted
        (again,) = desk.take(worker="w2")
        assert (again.job_id, again.attempt) == ("j", 1)
        # Nor can the dead one's token be used by another.
        assert not desk.book.settle("w2", late, desk.now).accepted
        desk.settle(again, Done(200), worker="w2")
        assert desk.deliveries() == [(1, 200, None, True)]

    def test_after_three_deaths_it_is_given_up(self, desk: Desk) -> None:
        desk.job(callback=None)
        desk.delete()
        for worker in ("w1", "w2", "w3"):
            assert len(desk.take(worker=worker)) == 1
            desk.book.retire(worker, desk.now)
        assert desk.take() == ()
        assert desk.deletion().reason == "worker-crashed"

    def test_one_kept_too_long_is_told(self) -> None:
        desk = Desk(lease_seconds=30.0)
        desk.job()
        desk.take()
        assert desk.book.overdue(desk.now + 29.9) == frozenset()
        assert desk.book.overdue(desk.now + 30.0) == {"w1"}


class TestBounds:
    def webhooks(self, desk: Desk, hosts: str) -> None:
        """One for each letter, which is its host."""
        for number, host in enumerate(hosts):
            desk.job(f"{host}{number}", f"https://{host}.test/hook")

    def names(self, errands: tuple[Errand, ...]) -> str:
        """The host of each webhook; D for a deletion."""
        kinds = {ErrandKind.DELETION: "D"}
        return "".join(kinds.get(errand.kind, errand.job_id[0]) for errand in errands)

    def test_only_so_many_webhooks_are_out_at_once(self) -> None:
        desk = Desk(lanes=16)
        self.webhooks(desk, "abc")
        first, _ = desk.take()
        assert desk.take(worker="w2") == ()
        assert desk.book.next_due(0.0) == math.inf
        wakes = desk.wakes
        desk.settle(first, Done(200))
        assert desk.wakes > wakes
        assert self.names(desk.take(worker="w2")) == "c"

    def test_webhooks_without_an_answer_leave_deletions_their_places(self) -> None:
        desk = Desk(lanes=16)
        self.webhooks(desk, "abcdefgh")
        assert self.names(desk.take()) == "ab"
        for number in range(3):
            desk.delete(f"{'abc'[number]}{number}")
        assert desk.book.next_due(0.0) == desk.now
        assert self.names(desk.take()) == "DD"

    def test_deletions_leave_webhooks_theirs(self) -> None:
        desk = Desk(lanes=16)
        for number in range(8):
            desk.job(f"j{number}", callback=None)
            desk.delete(f"j{number}")
        assert self.names(desk.take()) == "DD"
        self.webhooks(desk, "abc")
        assert desk.book.next_due(0.0) == desk.now
        assert self.names(desk.take()) == "ab"

    def test_the_bounds_go_with_the_number_of_workers(self) -> None:
        desk = Desk(lanes=8)
        self.webhooks(desk, "abcdefghijklmnopqrstuvwxyz")
        assert len(desk.take(lanes=99)) == 1
        desk.workers = 3
        assert len(desk.take(lanes=99)) == 2
        desk.workers = 99
        assert len(desk.take(lanes=99)) == 13
        desk.workers = 1
        assert desk.take(lanes=99) == ()

    def test_one_host_has_half_of_the_places_at_most(self) -> None:
        desk = Desk(lanes=32)
        self.webhooks(desk, "aaaaaab")
        first, *others = desk.take()
        assert self.names((first, *others)) == "aba"
        assert desk.book.next_due(0.0) == math.inf
        assert desk.take() == ()
        desk.settle(first, Done(200))
        assert self.names(desk.take()) == "a"

    def test_hosts_take_turns_at_a_single_place(self) -> None:
        desk = Desk(lanes=1)
        self.webhooks(desk, "aaa")
        taken = desk.take()
        desk.now += 1.0
        self.webhooks(desk, "bb")
        turns = ""
        while taken:
            turns += self.names(taken)
            desk.settle(taken[0], Done(200))
            taken = desk.take()
        assert turns == "ababa"

    def test_one_that_is_tried_again_goes_behind_its_hosts_others(self) -> None:
        desk = Desk(lanes=1)
        self.webhooks(desk, "aa")
        (errand,) = desk.take()
        wait = desk.settle(errand, Undone("timeout", "no answer"))
        assert wait is not None
        desk.now += wait
        assert [one.job_id for one in desk.take()] == ["a1"]

    def test_at_a_single_lane_both_kinds_and_images_take_turns(self) -> None:
        desk = Desk(lanes=1)
        self.webhooks(desk, "aaaa")
        for number in range(4):
            desk.delete(f"a{number}")
        turns = ""
        for _ in range(9):
            taken = desk.take(lanes=1, images=True)
            turns += self.names(taken) or "i"
            for errand in taken:
                desk.settle(errand, Done(200))
        assert turns == "aDiaDiaDi"

    def test_images_have_every_other_turn_if_one_kind_is_due(self) -> None:
        desk = Desk(lanes=1)
        self.webhooks(desk, "aa")
        (errand,) = desk.take(lanes=1, images=True)
        desk.settle(errand, Done(200))
        assert desk.take(lanes=1, images=True) == ()
        assert len(desk.take(lanes=1, images=True)) == 1

    def test_an_errand_of_a_job_that_is_gone_keeps_no_place(self) -> None:
        desk = Desk(lanes=1)
        desk.book.add((ErrandKind.DELETION, "gone", 0), desk.now)
        assert desk.take() == ()
        desk.job(callback=None)
        desk.delete()
        assert self.names(desk.take()) == "D"
