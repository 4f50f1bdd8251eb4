"""Which webhook or deletion goes out when, how often."""

import math
from typing import Any

import pytest

from workers.contract.job_options import JobOptions, NewAlbum
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.jobs import ChangesWanted
from workers.contract.messages.outcomes import Deferred, Done, Failed, Outcome, RetryLater, Uploaded
from workers.contract.messages.round_trip import Lease, TaskKey
from workers.contract.messages.submission import Submission
from workers.contract.messages.tasks import DeletionState, TaskKind
from workers.state.jobs.job_table import JobTable
from workers.state.tasks.task_queue import TaskQueue
from workers.state.tasks.task_store import TaskStore

CALLBACK = "https://client.test/hook?key=secret"
WALL = 1_700_000_000.0


class Harness:
    def __init__(self, lanes: int = 96) -> None:
        self.now = 100.0
        self.table = JobTable(wall_clock=lambda: WALL + self.now)
        self.wakes = 0
        self.workers = 1
        self.store = TaskStore(self.table)
        limits = MailboxLimits(lanes=lanes)
        self.queue = TaskQueue(self.store, limits, self._wake, lambda: self.workers)
        self.table.on_task = lambda kind, place: self.queue.add(kind, place, self.now)

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
        deletion = changes.details[0].deletion
        assert deletion is not None
        return deletion


def key_of(lease: Lease) -> TaskKey:
    return lease.kind, (lease.job_id, lease.index)


@pytest.fixture
def harness() -> Harness:
    return Harness()


class TestWebhooks:
    def test_a_complete_job_tells_its_callback(self, harness: Harness) -> None:
        harness.job()
        assert harness.wakes
        (lease,) = harness.take()
        assert (lease.kind, lease.job_id, lease.attempt) == (TaskKind.WEBHOOK, "j", 1)
        assert lease.target == CALLBACK
        assert b'"type":"job.complete"' in lease.body
        assert b'"complete":1,"failed":0,"total":1' in lease.body
        assert "secret" not in repr(lease)
        harness.settle(lease, Done(204))
        assert harness.deliveries() == [(1, 204, None, True)]
        assert not list(harness.queue.keys())
        assert harness.take() == ()

    def test_one_without_a_callback_does_not(self, harness: Harness) -> None:
        harness.job(callback=None)
        assert harness.take() == ()
        assert harness.queue.next_due(0.0) == math.inf

    def test_refusals_are_tried_again_after_their_waits(self, harness: Harness) -> None:
        harness.job()
        bodies = set()
        for attempt in (1, 2):
            (lease,) = harness.take()
            bodies.add(lease.body)
            assert lease.attempt == attempt
            harness.settle(lease, RetryLater("refused", "no", 60.0, status=500))
            assert harness.take() == ()
            assert harness.queue.next_due(0.0) == harness.now + 60.0
            harness.now += 60.0
        (lease,) = harness.take()
        harness.settle(lease, Failed("timeout", "no"))
        assert bodies == {lease.body}
        assert harness.deliveries() == [
            (1, 500, None, False),
            (2, 500, None, False),
            (3, None, "timeout", True),
        ]
        assert not list(harness.queue.keys())

    def test_a_job_with_an_open_task_is_not_forgotten(self, harness: Harness) -> None:
        harness.job()
        (lease,) = harness.take()
        assert harness.table.evict(0.0) == 0
        harness.settle(lease, Done(200))
        assert harness.table.evict(0.0) == 1


class TestDeletions:
    def test_done(self, harness: Harness) -> None:
        harness.job(callback=None)
        harness.delete()
        assert harness.deletion().state is DeletionState.PENDING
        assert harness.table.links(0, 9) == ("https://i.imgur.com/j.jpg",)
        (lease,) = harness.take()
        assert (lease.kind, lease.target) == (TaskKind.DELETION, "hash-j")
        assert "hash-j" not in repr(lease)
        harness.settle(lease, Done())
        assert harness.deletion().state is DeletionState.DONE
        assert harness.table.links(0, 9) == ("",)
        assert harness.table.links_removed() == 1

    def test_one_that_failed_may_be_asked_for_again(self, harness: Harness) -> None:
        harness.job(callback=None)
        harness.delete()
        (lease,) = harness.take()
        harness.settle(lease, RetryLater("imgur-error", "down", 1.0))
        harness.now += 1.0
        (lease,) = harness.take()
        assert lease.attempt == 2
        harness.settle(lease, Failed("imgur-error", "down"))
        deletion = harness.deletion()
        assert (deletion.state, deletion.reason) == (DeletionState.FAILED, "imgur-error")
        assert harness.table.links_removed() == 0
        harness.delete()
        assert harness.take()[0].attempt == 1

    def test_imgurs_pause_holds_up_deletions_only(self, harness: Harness) -> None:
        harness.job(callback=None)
        harness.delete()
        harness.job("k")
        (lease,) = harness.take(pause=60.0)
        assert lease.kind is TaskKind.WEBHOOK
        assert harness.queue.next_due(harness.now + 60.0) == harness.now + 60.0
        harness.now += 60.0
        (lease,) = harness.take()
        assert lease.kind is TaskKind.DELETION
        harness.settle(lease, Deferred("imgur-rate-limited", "wait", 30.0))
        assert harness.take(pause=30.0) == ()
        harness.now += 30.0
        (lease,) = harness.take()
        assert lease.attempt == 1


class TestLeases:
    def test_no_more_than_lanes_are_free(self, harness: Harness) -> None:
        harness.job("a")
        harness.job("b")
        assert harness.take(lanes=0) == ()
        assert len(harness.take(lanes=1)) == 1

    def test_a_dead_workers_task_goes_to_the_next(self, harness: Harness) -> None:
        harness.job()
        (lease,) = harness.take()
        harness.queue.crashed(key_of(lease), harness.now)
        (again,) = harness.take()
        assert (again.job_id, again.attempt) == ("j", 1)
        harness.settle(again, Done(200))
        assert harness.deliveries() == [(1, 200, None, True)]

    def test_after_three_deaths_it_is_given_up(self, harness: Harness) -> None:
        harness.job()
        harness.delete()
        for _ in range(3):
            for lease in harness.take():
                harness.queue.crashed(key_of(lease), harness.now)
        assert harness.take() == ()
        assert harness.deletion().reason == "worker-crashed"
        assert harness.deliveries() == [(1, None, "worker-crashed", True)]


class TestBounds:
    def webhooks(self, harness: Harness, hosts: str) -> None:
        """One for each letter, which is its host."""
        for number, host in enumerate(hosts):
            harness.job(f"{host}{number}", f"https://{host}.test/hook")

    def names(self, leases: tuple[Lease, ...]) -> str:
        """The host of each webhook; D for a deletion."""
        kinds = {TaskKind.DELETION: "D"}
        return "".join(kinds.get(lease.kind, lease.job_id[0]) for lease in leases)

    def test_only_so_many_webhooks_are_out_at_once(self) -> None:
        harness = Harness(lanes=16)
        self.webhooks(harness, "abc")
        first, _ = harness.take()
        assert harness.take() == ()
        assert harness.queue.next_due(0.0) == math.inf
        wakes = harness.wakes
        harness.settle(first, Done(200))
        assert harness.wakes > wakes
        assert self.names(harness.take()) == "c"

    def test_webhooks_without_an_answer_leave_deletions_their_places(self) -> None:
        harness = Harness(lanes=16)
        self.webhooks(harness, "abcdefgh")
        assert self.names(harness.take()) == "ab"
        for number in range(3):
            harness.delete(f"{'abc'[number]}{number}")
        assert harness.queue.next_due(0.0) == harness.now
        assert self.names(harness.take()) == "DD"

    def test_deletions_leave_webhooks_theirs(self) -> None:
        harness = Harness(lanes=16)
        for number in range(8):
            harness.job(f"j{number}", callback=None)
            harness.delete(f"j{number}")
        assert self.names(harness.take()) == "DD"
        self.webhooks(harness, "abc")
        assert harness.queue.next_due(0.0) == harness.now
        assert self.names(harness.take()) == "ab"

    def test_the_bounds_go_with_the_number_of_workers(self) -> None:
        harness = Harness(lanes=8)
        self.webhooks(harness, "abcdefghijklmnopqrstuvwxyz")
        assert len(harness.take(lanes=99)) == 1
        harness.workers = 3
        assert len(harness.take(lanes=99)) == 2
        harness.workers = 99
        assert len(harness.take(lanes=99)) == 13
        harness.workers = 1
        assert harness.take(lanes=99) == ()

    def test_one_host_has_half_of_the_places_at_most(self) -> None:
        harness = Harness(lanes=32)
        self.webhooks(harness, "aaaaaab")
        first, *others = harness.take()
        assert self.names((first, *others)) == "aba"
        assert harness.queue.next_due(0.0) == math.inf
        assert harness.take() == ()
        harness.settle(first, Done(200))
        assert self.names(harness.take()) == "a"

    def test_hosts_take_turns_at_a_single_place(self) -> None:
        harness = Harness(lanes=1)
        self.webhooks(harness, "aaa")
        taken = harness.take()
        harness.now += 1.0
        self.webhooks(harness, "bb")
        turns = ""
        while taken:
            turns += self.names(taken)
            harness.settle(taken[0], Done(200))
            taken = harness.take()
        assert turns == "ababa"

    @pytest.mark.parametrize("kind", [TaskKind.DELETION, TaskKind.ALBUM])
    def test_at_imgur_owners_take_turns(self, kind: TaskKind) -> None:
        harness = Harness(lanes=1)
        options = JobOptions(album=NewAlbum() if kind is TaskKind.ALBUM else None)
        for number, owner in enumerate("aaab"):
            job_id = f"{owner}{number}"
            harness.table.open(Submission(job_id, ("https://a.test/1",), owner, options))
            if kind is TaskKind.DELETION:
                harness.table.record(job_id, 0, Uploaded(f"https://i.imgur.com/{job_id}", "hash"))
                assert harness.store.want_deletion(job_id, 0, owner) is None
        turns = ""
        while taken := harness.take():
            turns += taken[0].job_id[0]
            harness.settle(taken[0], Failed("imgur-error", "No."))
        assert turns == "abaa"

    def test_one_that_is_tried_again_goes_behind_its_hosts_others(self) -> None:
        harness = Harness(lanes=1)
        self.webhooks(harness, "aa")
        (lease,) = harness.take()
        harness.settle(lease, RetryLater("timeout", "no answer", 5.0))
        harness.now += 5.0
        assert [one.job_id for one in harness.take()] == ["a1"]

    def test_at_a_single_lane_both_kinds_and_images_take_turns(self) -> None:
        harness = Harness(lanes=1)
        self.webhooks(harness, "aaaa")
        for number in range(4):
            harness.delete(f"a{number}")
        turns = ""
        for _ in range(9):
            taken = harness.take(lanes=1, images=True)
            turns += self.names(taken) or "i"
            for lease in taken:
                harness.settle(lease, Done(200))
        assert turns == "aDiaDiaDi"

    def test_images_have_every_other_turn_if_one_kind_is_due(self) -> None:
        harness = Harness(lanes=1)
        self.webhooks(harness, "aa")
        (lease,) = harness.take(lanes=1, images=True)
        harness.settle(lease, Done(200))
        assert harness.take(lanes=1, images=True) == ()
        assert len(harness.take(lanes=1, images=True)) == 1

    def test_a_task_of_a_job_that_is_gone_keeps_no_place(self) -> None:
        harness = Harness(lanes=1)
        harness.queue.add(TaskKind.DELETION, ("gone", 0), harness.now)
        assert harness.take() == ()
        harness.job(callback=None)
        harness.delete()
        assert self.names(harness.take()) == "D"
