"""A restart goes on with the webhooks and deletions that were open."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lane_mailbox import Mailbox
from workers.contract.job_options import JobOptions
from workers.contract.logs import LogConfig
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.jobs import ChangesWanted
from workers.contract.messages.outcomes import Done, Outcome, RetryLater, Uploaded
from workers.contract.messages.round_trip import Lease, Report
from workers.contract.messages.submission import Submission
from workers.contract.messages.tasks import DeletionState
from workers.state.jobs.job_table import JobTable
from workers.state.journal.recovery import Recovery

CALLBACK = "https://client.test/hook"
URLS = ("https://s.test/0", "https://s.test/1")


class Run:
    """One life of the service's state, from a start to a kill."""

    def __init__(self, path: Path, now: float = 1000.0) -> None:
        self.now = now
        self.table = JobTable(wall_clock=lambda: self.now, clock=lambda: self.now)
        self.box = Mailbox(self.table, MailboxLimits(), clock=lambda: self.now)
        self.recovery = Recovery(self.table, self.box)
        self.recovery.restore(str(path), LogConfig())
        self.box.register("w1")

    def job(self) -> None:
        assert self.box.put(Submission("j", URLS, "", JobOptions(callback_url=CALLBACK))) is None
        for number, lease in enumerate(self.box.claim("w1", 0.0, 2).leases):
            link = f"https://i.imgur.com/{number}.jpg"
            self.box.ack("w1", Report(lease.token, Uploaded(link, f"hash-{number}")))

    def take(self) -> tuple[Lease, ...]:
        return self.box.claim("w1", 0.0, 8).leases

    def settle(self, lease: Lease, outcome: Outcome) -> None:
        assert self.box.ack("w1", Report(lease.token, outcome)).accepted


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Run]:
    def start_run(before: Run | None = None) -> Run:
        if before is not None:
            before.recovery.close()
        return Run(tmp_path / "journal", 1000.0 if before is None else before.now)

    return start_run


def test_a_webhook_not_tried_yet_is_sent_after_a_restart(start: Callable[..., Run]) -> None:
    run = start()
    run.job()
    (before,) = run.take()
    # The worker's word never came; it may have been delivered: at least once, not exactly.
    for _ in range(2):  # from the records, and from the state they were made short to
        run = start(run)
        (task,) = run.take()
        assert (task.target, task.body, task.attempt) == (CALLBACK, before.body, 1)


def test_the_waits_go_on(start: Callable[..., Run]) -> None:
    run = start()
    run.job()
    (task,) = run.take()
    run.settle(task, RetryLater("refused", "no", 5.0, status=503))
    shown = run.table.changes(ChangesWanted("j"))
    assert shown is not None
    for _ in range(2):
        run.now += 2.0
        run = start(run)
        again = run.table.changes(ChangesWanted("j"))
        assert again is not None
        assert again.deliveries == shown.deliveries
        assert run.take() == ()
    run.now = shown.deliveries[-1].next_at or 0.0
    (task,) = run.take()
    assert task.attempt == 2


def test_a_clock_that_was_set_back_makes_no_wait_longer(start: Callable[..., Run]) -> None:
    run = start()
    run.now += 1_000_000.0
    run.job()
    (task,) = run.take()
    run.settle(task, RetryLater("refused", "no", 5.0, status=503))
    run.now -= 500_000.0
    run = start(run)
    assert run.take() == ()
    run.now += 5.0
    (task,) = run.take()
    assert task.attempt == 2


def test_what_was_delivered_is_not_sent_again(start: Callable[..., Run]) -> None:
    run = start()
    run.job()
    (task,) = run.take()
    run.settle(task, Done(200))
    for _ in range(2):
        run = start(run)
        assert run.take() == ()
        changes = run.table.changes(ChangesWanted("j"))
        assert changes is not None
        assert [attempt.status for attempt in changes.deliveries] == [200]


def test_deletions_wanted_and_done(start: Callable[..., Run]) -> None:
    run = start()
    run.job()
    for task in run.take():
        run.settle(task, Done(200))
    assert run.box.delete_image("j", 0) is None
    assert run.box.delete_image("j", 1) is None
    first, _ = run.take()
    run.settle(first, Done())
    for _ in range(2):
        run = start(run)
        (task,) = run.take()
        assert (task.index, task.target) == (1, "hash-1")
        changes = run.table.changes(ChangesWanted("j"))
        assert changes is not None
        deletions = [changes.details[index].deletion for index in (0, 1)]
        states = [deletion and deletion.state for deletion in deletions]
        assert states == [DeletionState.DONE, DeletionState.PENDING]
        assert run.table.links(0, 9) == ("", "https://i.imgur.com/1.jpg")
