"""Which webhook or deletion goes out when, how often."""

import math
from typing import Any

import pytest

from workers.contract.job_options import JobOptions
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages import (
    ChangesWanted,
    DeletionState,
    Done,
    Failed,
    Lease,
    Outcome,
    PutBack,
    Submission,
    TaskKey,
    TaskKind,
    TryAgain,
    Uploaded,
)
from workers.state.jobs.job_table import JobTable
from workers.state.tasks.task_queue import TaskQueue
from workers.state.tasks.task_store import TaskStore

CALLBACK = "https://client.test/hook?key=secret"
WALL = 1_700_000_000.0


class Desk:
    def __init__(self, lanes: int = 96) -> None:
        self.now = 100.0
        self.table = JobTable(wall_clock=lambda: WALL + self.now)
        self.wakes = 0
        self.workers = 1
        self.store = TaskStore(self.table)
        limits = MailboxLimits(lanes=lanes)
        self.queue = TaskQueue(self.store, limits, self._wake, lambda: self.workers)
        self.table.on_complete = lambda job_id: self.queue.add(
            TaskKind.WEBHOOK, (job_id, 0), self.now
        )

    def _wake(self) -> None:
        self.wakes += 1

    def job(self, job_id: str = "j", callback: str | None = CALLBACK) -> None:
        options = JobOptions(callback_url=callback)
        self.table.open(Submission(job_id, ("https://a.test/1",), "", options))
        link = f"https://i.imgur.com/{job_id}.jpg"
        self.table.record(job_id, 0, Uploaded(link, f"hash-{job_id}"))

    def delete(self, job_id: str = "j") -> None:
        assert self.store.want_deletion(job_id, 0, "") is None
        self.queue.add(TaskKind.DELETION, (job_id, 0), self.now)

    def take(
        self, lanes: int = 8, *, pause: float = 0.0, images: bool = False
    ) -> tuple[Lease, ...]:
        leases: list[Lease] = []
        while len(leases) < lanes:
            key = self.queue.take(self.now, resume_at=self.now + pause, images_wait=images)
            if key is None:
                break
            lease = self.queue.lease(key, 1, self.now)
            if lease is not None:
                leases.append(lease)
        return tuple(leases)

    def settle(self, lease: Lease, outcome: Outcome) -> None:
        self.queue.settle(key_of(lease), outcome, self.now)

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


def key_of(lease: Lease) -> TaskKey:
    return lease.kind, (lease.job_id, lease.index)


@pytest.fixture
def desk() -> Desk:
    return Desk()


class TestWebhooks:
    def test_a_complete_job_tells_its_callback(self, desk: Desk) -> None:
        desk.job()
        assert desk.wakes
        (lease,) = desk.take()
        assert (lease.kind, lease.job_id, lease.attempt) == (TaskKind.WEBHOOK, "j", 1)
        assert lease.target == CALLBACK
        assert b'"type":"job.complete"' in lease.body
        assert b'"complete":1,"failed":0,"total":1' in lease.body
        assert "secret" not in repr(lease)
        desk.settle(lease, Done(204))
        assert desk.deliveries() == [(1, 204, None, True)]
        assert not list(desk.queue.keys())
        assert desk.take() == ()

    def test_one_without_a_callback_does_not(self, desk: Desk) -> None:
        desk.job(callback=None)
        assert desk.take() == ()
        assert desk.queue.next_due(0.0) == math.inf

    def test_refusals_are_tried_again_after_their_waits(self, desk: Desk) -> None:
        desk.job()
        bodies = set()
        for attempt in (1, 2):
            (lease,) = desk.take()
            bodies.add(lease.body)
            assert lease.attempt == attempt
            desk.settle(lease, TryAgain("refused", "no", 60.0, status=500))
            assert desk.take() == ()
            assert desk.queue.next_due(0.0) == desk.now + 60.0
            desk.now += 60.0
        (lease,) = desk.take()
        desk.settle(lease, Failed("timeout", "no"))
        assert bodies == {lease.body}
        assert desk.deliveries() == [
            (1, 500, None, False),
            (2, 500, None, False),
            (3, None, "timeout", True),
        ]
        assert not list(desk.queue.keys())

    def test_a_job_with_an_open_task_is_not_forgotten(self, desk: Desk) -> None:
        desk.job()
        (lease,) = desk.take()
        assert desk.table.evict(0.0) == 0
        desk.settle(lease, Done(200))
        assert desk.table.evict(0.0) == 1


class TestDeletions:
    def test_done(self, desk: Desk) -> None:
        desk.job(callback=None)
        desk.delete()
        assert desk.deletion().state is DeletionState.PENDING
        assert desk.table.links(0, 9) == ("https://i.imgur.com/j.jpg",)
        (lease,) = desk.take()
        assert (lease.kind, lease.target) == (TaskKind.DELETION, "hash-j")
        assert "hash-j" not in repr(lease)
        desk.settle(lease, Done())
        assert desk.deletion().state is DeletionState.DONE
        assert desk.table.links(0, 9) == ("",)
        assert desk.table.links_removed() == 1

    def test_one_that_failed_may_be_asked_for_again(self, desk: Desk) -> None:
        desk.job(callback=None)
        desk.delete()
        (lease,) = desk.take()
        desk.settle(lease, TryAgain("imgur-error", "down", 1.0))
        desk.now += 1.0
        (lease,) = desk.take()
        assert lease.attempt == 2
        desk.settle(lease, Failed("imgur-error", "down"))
        deletion = desk.deletion()
        assert (deletion.state, deletion.reason) == (DeletionState.FAILED, "imgur-error")
        assert desk.table.links_removed() == 0
        desk.delete()
        assert desk.take()[0].attempt == 1

    def test_imgurs_pause_holds_up_deletions_only(self, desk: Desk) -> None:
        desk.job(callback=None)
        desk.delete()
        desk.job("k")
        (lease,) = desk.take(pause=60.0)
        assert lease.kind is TaskKind.WEBHOOK
        assert desk.queue.next_due(desk.now + 60.0) == desk.now + 60.0
        desk.now += 60.0
        (lease,) = desk.take()
        assert lease.kind is TaskKind.DELETION
        desk.settle(lease, PutBack("imgur-rate-limited", "wait", 30.0))
        assert desk.take(pause=30.0) == ()
        desk.now += 30.0
        (lease,) = desk.take()
        assert lease.attempt == 1


class TestLeases:
    def test_no_more_than_lanes_are_free(self, desk: Desk) -> None:
        desk.job("a")
        desk.job("b")
        assert desk.take(lanes=0) == ()
        assert len(desk.take(lanes=1)) == 1

    def test_a_dead_workers_task_goes_to_the_next(self, desk: Desk) -> None:
        desk.job()
        (lease,) = desk.take()
        desk.queue.crashed(key_of(lease), desk.now)
        (again,) = desk.take()
        assert (again.job_id, again.attempt) == ("j", 1)
        desk.settle(again, Done(200))
        assert desk.deliveries() == [(1, 200, None, True)]

    def test_after_three_deaths_it_is_given_up(self, desk: Desk) -> None:
        desk.job()
        desk.delete()
        for _ in range(3):
            for lease in desk.take():
                desk.queue.crashed(key_of(lease), desk.now)
        assert desk.take() == ()
        assert desk.deletion().reason == "worker-crashed"
        assert desk.deliveries() == [(1, None, "worker-crashed", True)]


class TestBounds:
    def webhooks(self, desk: Desk, hosts: str) -> None:
        """One for each letter, which is its host."""
        for number, host in enumerate(hosts):
            desk.job(f"{host}{number}", f"https://{host}.test/hook")

    def names(self, leases: tuple[Lease, ...]) -> str:
        """The host of each webhook; D for a deletion."""
        kinds = {TaskKind.DELETION: "D"}
        return "".join(kinds.get(lease.kind, lease.job_id[0]) for lease in leases)

    def test_only_so_many_webhooks_are_out_at_once(self) -> None:
        desk = Desk(lanes=16)
        self.webhooks(desk, "abc")
        first, _ = desk.take()
        assert desk.take() == ()
        assert desk.queue.next_due(0.0) == math.inf
        wakes = desk.wakes
        desk.settle(first, Done(200))
        assert desk.wakes > wakes
        assert self.names(desk.take()) == "c"

    def test_webhooks_without_an_answer_leave_deletions_their_places(self) -> None:
        desk = Desk(lanes=16)
        self.webhooks(desk, "abcdefgh")
        assert self.names(desk.take()) == "ab"
        for number in range(3):
            desk.delete(f"{'abc'[number]}{number}")
        assert desk.queue.next_due(0.0) == desk.now
        assert self.names(desk.take()) == "DD"

    def test_deletions_leave_webhooks_theirs(self) -> None:
        desk = Desk(lanes=16)
        for number in range(8):
            desk.job(f"j{number}", callback=None)
            desk.delete(f"j{number}")
        assert self.names(desk.take()) == "DD"
        self.webhooks(desk, "abc")
        assert desk.queue.next_due(0.0) == desk.now
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
        assert desk.queue.next_due(0.0) == math.inf
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
        (lease,) = desk.take()
        desk.settle(lease, TryAgain("timeout", "no answer", 5.0))
        desk.now += 5.0
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
            for lease in taken:
                desk.settle(lease, Done(200))
        assert turns == "aDiaDiaDi"

    def test_images_have_every_other_turn_if_one_kind_is_due(self) -> None:
        desk = Desk(lanes=1)
        self.webhooks(desk, "aa")
        (lease,) = desk.take(lanes=1, images=True)
        desk.settle(lease, Done(200))
        assert desk.take(lanes=1, images=True) == ()
        assert len(desk.take(lanes=1, images=True)) == 1

    def test_a_task_of_a_job_that_is_gone_keeps_no_place(self) -> None:
        desk = Desk(lanes=1)
        desk.queue.add(TaskKind.DELETION, ("gone", 0), desk.now)
        assert desk.take() == ()
        desk.job(callback=None)
        desk.delete()
        assert self.names(desk.take()) == "D"
