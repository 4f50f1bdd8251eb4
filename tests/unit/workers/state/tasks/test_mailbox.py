"""Webhooks, deletions and images in one mailbox."""

import math
from itertools import pairwise

import pytest

from tests.lane_mailbox import Mailbox
from workers.contract.job_options import JobOptions
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.outcomes import Deferred, Done, Failed, RetryLater, Uploaded
from workers.contract.messages.round_trip import (
    Directive,
    Lease,
    Report,
    WorkerRequest,
    WorkerResponse,
)
from workers.contract.messages.submission import Submission
from workers.contract.messages.supervision import FenceResult
from workers.contract.messages.tasks import TaskKind
from workers.state.jobs.job_table import JobTable
from workers.state.leases.registry import SILENT_SECONDS

CALLBACK = JobOptions(callback_url="https://client.test/hook")
DONE = Uploaded("https://i.imgur.com/a.jpg", "hash")


class Harness:
    def __init__(self, lanes: int = 16) -> None:
        self.now = 100.0
        self.table = JobTable(clock=lambda: self.now)
        limits = MailboxLimits(lanes=lanes, lease_seconds=300.0)
        self.box = Mailbox(self.table, limits, clock=lambda: self.now)
        self.box.register("w1")

    def put(self, job_id: str, count: int = 1) -> None:
        urls = tuple(f"https://{job_id}.test/{number}" for number in range(count))
        assert self.box.put(Submission(job_id, urls, "", CALLBACK)) is None

    def upload(self, *job_ids: str) -> None:
        for job_id in job_ids:
            self.put(job_id)
        for lease in images(self.box.claim("w1", 0.0, len(job_ids))):
            self.box.ack("w1", Report(lease.token, DONE))


def images(delivery: WorkerResponse) -> list[Lease]:
    return [lease for lease in delivery.leases if lease.kind is TaskKind.IMAGE]


def others(delivery: WorkerResponse) -> list[Lease]:
    return [lease for lease in delivery.leases if lease.kind is not TaskKind.IMAGE]


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_a_task_comes_in_the_trip_that_takes_leases(harness: Harness) -> None:
    harness.put("a")
    (lease,) = images(harness.box.claim("w1", 0.0))
    harness.put("b", 2)
    # The report that ends the job and the task that this makes: one trip.
    delivery = harness.box.exchange(
        "w1", WorkerRequest((Report(lease.token, DONE),), wanted=2), 0.0
    )
    assert [task.job_id for task in others(delivery)] == ["a"]
    assert [lease.job_id for lease in images(delivery)] == ["b"]
    report = Report(others(delivery)[0].token, Done(200))
    delivery = harness.box.exchange("w1", WorkerRequest((report,), wanted=1), 0.0)
    assert [ack.accepted for ack in delivery.acks] == [True]
    assert len(images(delivery)) == 1


def test_those_who_ask_for_nothing_get_nothing(harness: Harness) -> None:
    harness.upload("a")
    assert others(harness.box.exchange("w1", WorkerRequest(), 0.0)) == []
    assert len(others(harness.box.exchange("w1", WorkerRequest(wanted=1), 0.0))) == 1


def test_a_task_takes_no_image_from_its_worker(harness: Harness) -> None:
    harness.upload("a")
    assert len(others(harness.box.claim("w1", 0.0, 1))) == 1
    harness.put("b")
    assert len(images(harness.box.claim("w1", 0.0, 1))) == 1


def test_a_job_that_is_cancelled_tells_its_callback(harness: Harness) -> None:
    harness.put("a", 3)
    harness.box.cancel("a", "")
    (task,) = others(harness.box.claim("w1", 0.0))
    assert b'"failed":3' in task.body
    assert b'"cancelled":true' in task.body


def test_a_job_that_ends_by_crashes_tells_its_callback(harness: Harness) -> None:
    harness.put("a")
    for number in range(1, 4):
        if number > 1:
            harness.box.register(f"w{number}")
        assert images(harness.box.claim(f"w{number}", 0.0))
        harness.box.fence(f"w{number}")
    harness.box.register("w4")
    (task,) = others(harness.box.claim("w4", 0.0))
    assert b'"failed":1' in task.body


def test_imgurs_pause_after_a_deletion_is_everybodys(harness: Harness) -> None:
    harness.upload("a")
    (webhook,) = others(harness.box.claim("w1", 0.0))
    assert harness.box.delete_image("a", 0) is None
    (deletion,) = others(harness.box.claim("w1", 0.0))
    reports = (
        Report(webhook.token, Done(200)),
        Report(deletion.token, Deferred("imgur-rate-limited", "slow down", 60.0)),
    )
    harness.put("b")
    delivery = harness.box.exchange("w1", WorkerRequest(reports, wanted=4), 0.0)
    assert (delivery.directive, delivery.leases) == (Directive.IDLE, ())
    assert harness.box.stats().pause_seconds == pytest.approx(60.0)
    harness.now += 60.0
    delivery = harness.box.claim("w1", 0.0, 4)
    assert (len(others(delivery)), len(images(delivery))) == (1, 1)


def test_a_worker_on_a_task_is_not_taken_for_silent(harness: Harness) -> None:
    harness.upload("a")
    (task,) = others(harness.box.claim("w1", 0.0))
    harness.now += SILENT_SECONDS + 1
    assert harness.box.expired() == ()
    harness.now += 300.0
    assert harness.box.expired() == ("w1",)
    assert harness.box.fence("w1").tasks == 1
    report = Report(task.token, Done(200))
    (ack,) = harness.box.exchange("w1", WorkerRequest((report,)), 0.0).acks
    assert not ack.accepted


def test_what_a_dead_worker_had_goes_to_the_next(harness: Harness) -> None:
    harness.upload("a")
    harness.put("b")
    had = harness.box.claim("w1", 0.0, 2).leases
    assert [lease.kind for lease in had] == [TaskKind.WEBHOOK, TaskKind.IMAGE]
    assert harness.box.fence("w1") == FenceResult(returned=1, failed=0, had_claimed=True, tasks=1)
    harness.box.register("w2")
    again = harness.box.claim("w2", 0.0, 2).leases
    assert [lease.target for lease in again] == [lease.target for lease in had]
    for lease, outcome in zip(had, (Done(200), DONE), strict=True):
        # Neither the dead one's word counts any more, nor its tokens in another's mouth.
        for worker in ("w1", "w2"):
            assert not harness.box.ack(worker, Report(lease.token, outcome)).accepted
    assert harness.table.unfinished() == {"b": 1}


def test_a_webhook_is_no_image_to_upload(harness: Harness) -> None:
    harness.upload("a")
    (webhook,) = harness.box.claim("w1", 0.0).leases
    assert harness.box.begin_upload("w1", webhook.token) is False


def test_a_drain_hands_out_no_more_and_takes_what_comes(harness: Harness) -> None:
    harness.upload("a")
    (task,) = others(harness.box.claim("w1", 0.0, 1))
    harness.upload("b")
    harness.box.close()
    report = Report(task.token, Done(200))
    delivery = harness.box.exchange("w1", WorkerRequest((report,), wanted=1), 0.0)
    assert delivery.directive is Directive.DRAINED
    assert delivery.acks[0].accepted
    assert [key[1][0] for key in harness.box.open_tasks()] == ["b"]


def test_webhooks_without_an_answer_hold_up_neither_deletion_nor_image(harness: Harness) -> None:
    harness.upload(*(f"j{number}" for number in range(64)))
    for worker in ("w2", "w3", "w4"):
        harness.box.register(worker)
    # Four workers of 16 lanes each: 8 places in all, half of them for the one host.
    leased = [others(harness.box.claim(worker, 0.0, 16)) for worker in ("w1", "w2", "w3", "w4")]
    assert [len(tasks) for tasks in leased] == [4, 0, 0, 0]
    assert harness.box.delete_image("j0", 0) is None
    harness.put("k", 12)
    delivery = harness.box.claim("w1", 0.0, 12)
    assert [task.kind for task in others(delivery)] == [TaskKind.DELETION]
    assert len(images(delivery)) == 3  # its share, among four workers
    report = Report(leased[0][0].token, RetryLater("timeout", "No answer.", 5.0))
    delivery = harness.box.exchange("w1", WorkerRequest((report,), wanted=1), 0.0)
    assert [task.kind for task in others(delivery)] == [TaskKind.WEBHOOK]


def test_at_a_single_lane_each_kind_waits_for_one_attempt_of_each_other() -> None:
    harness = Harness(lanes=1)
    jobs = [f"j{number}" for number in range(8)]
    harness.upload(*jobs)
    for job_id in jobs:
        assert harness.box.delete_image(job_id, 0) is None
    harness.put("k", 8)
    seconds = {"webhook": 15.0, "deletion": 30.0, "image": 60.0}
    began: dict[str, list[float]] = {kind: [] for kind in seconds}
    words = WorkerRequest(wanted=1)
    for _ in range(18):
        (lease,) = harness.box.exchange("w1", words, 60.0).leases
        kind = lease.kind.value
        outcome = (
            Failed("late", "Late.") if kind == "image" else RetryLater("timeout", "No answer.", 5.0)
        )
        words = WorkerRequest((Report(lease.token, outcome),), wanted=1)
        began[kind].append(harness.now)
        harness.now += seconds[kind]
    for times in began.values():
        assert len(times) == 6
        waits = [after - before for before, after in pairwise((100.0, *times))]
        assert max(waits) <= sum(seconds.values())


def test_without_tasks_nothing_wakes_for_them(harness: Harness) -> None:
    harness.put("a")
    (lease,) = images(harness.box.claim("w1", 0.0))
    assert harness.box._tasks.next_due(harness.now) == math.inf
    harness.box.ack("w1", Report(lease.token, Failed("empty", "Nothing came.")))
    assert harness.box._tasks.next_due(harness.now) == harness.now


@pytest.mark.parametrize(("kind", "index"), [(TaskKind.WEBHOOK, None), (TaskKind.DELETION, 0)])
def test_what_is_given_up_after_three_deaths_is_told(
    harness: Harness, kind: TaskKind, index: int | None
) -> None:
    harness.upload("a")
    if kind is TaskKind.DELETION:
        (webhook,) = others(harness.box.claim("w1", 0.0))
        harness.box.ack("w1", Report(webhook.token, Done(200)))
        assert harness.box.delete_image("a", 0) is None
    for number in range(1, 4):
        if number > 1:
            harness.box.register(f"w{number}")
        assert others(harness.box.claim(f"w{number}", 0.0))
        assert not harness.box.tend()
        assert harness.box.fence(f"w{number}").tasks == (1 if number < 3 else 0)
    (failed,) = harness.box.tend()
    assert (failed.level, failed.event, failed.logger) == ("warning", "task failed", "tasks")
    told = {"job_id": "a", "task": kind.value, "index": index, "attempt": 1}
    assert told.items() <= failed.fields.items()
    assert failed.fields["reason"] == "worker-crashed"
