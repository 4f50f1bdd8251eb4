"""A lane on a plain mailbox."""

from collections.abc import Callable
from typing import Any

import pytest
import structlog

from tests.job_snapshot import snapshot_of
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.jobs import JobStatus
from workers.contract.messages.outcomes import Deferred, Failed, Outcome, RetryLater, Uploaded
from workers.contract.messages.round_trip import Lease, WorkerRequest, WorkerResponse
from workers.contract.messages.submission import Submission
from workers.state.jobs.job_table import JobTable
from workers.state.mailbox import Mailbox
from workers.worker.concurrency_limiter import FEWEST, ConcurrencyLimiter
from workers.worker.request_batcher import LaneClient, RequestBatcher
from workers.worker.worker import process_tasks

Process = Callable[[Lease], Outcome]


class Harness:
    def __init__(self) -> None:
        self.table = JobTable()
        self.box = Mailbox(self.table, MailboxLimits())
        self.box.register("w1")
        self.trips = 0

    def put(self, count: int) -> None:
        urls = tuple(f"https://me:pw@source.test/{n}.jpg?token=secret" for n in range(count))
        self.box.put(Submission("j", urls))

    def run(self, process: Process) -> list[Any]:
        """Run a lane until all is done; returns what it logged."""

        def exchange(words: WorkerRequest, wait_seconds: float) -> WorkerResponse:
            self.trips += 1
            response = self.box.exchange("w1", words, min(wait_seconds, 0.01))
            if not self.table.unfinished():
                self.box.close()
            return response

        batcher = RequestBatcher(exchange, ConcurrencyLimiter(FEWEST))
        with structlog.testing.capture_logs() as logs:
            process_tasks(LaneClient(batcher), process)
        batcher.close()
        return logs


@pytest.fixture
def harness() -> Harness:
    return Harness()


def uploaded(lease: Lease) -> Uploaded:
    return Uploaded(f"https://i.imgur.com/{lease.index}.jpg", "secret-hash")


def test_works_through_a_job(harness: Harness) -> None:
    harness.put(3)

    logs = harness.run(uploaded)

    assert harness.table.links(0, 9) == tuple(f"https://i.imgur.com/{n}.jpg" for n in range(3))
    (complete,) = logs
    assert complete["event"] == "job complete"
    assert (complete["job_id"], complete["complete"], complete["failed"]) == ("j", 3, 0)


def test_one_round_trip_a_url(harness: Harness) -> None:
    harness.put(50)

    harness.run(uploaded)

    assert harness.trips <= 50 + 3


def test_a_failure_is_logged_once_with_its_reason(harness: Harness) -> None:
    harness.put(2)

    logs = harness.run(
        lambda lease: uploaded(lease) if lease.index else Failed("not-an-image", "It is text.")
    )

    (failed,) = [event for event in logs if event["event"] == "image failed"]
    assert failed["log_level"] == "warning"
    assert (failed["job_id"], failed["index"], failed["attempts"]) == ("j", 0, 1)
    assert (failed["reason"], failed["message"]) == ("not-an-image", "It is text.")
    assert "source.test/0.jpg" in failed["url"]


def test_a_retry_is_logged_as_such_and_worked(harness: Harness) -> None:
    harness.put(1)

    logs = harness.run(
        lambda lease: uploaded(lease) if lease.attempt > 1 else RetryLater("e", "Busy.", 0.01)
    )

    assert [event["event"] for event in logs] == ["image will be tried again", "job complete"]
    assert (logs[0]["log_level"], logs[0]["attempt"]) == ("info", 1)


def test_a_pause_is_logged_and_outlived(harness: Harness) -> None:
    harness.put(1)
    outcomes: list[Outcome] = [Deferred("imgur-rate-limited", "Wait.", 0.02)]

    logs = harness.run(lambda lease: outcomes.pop() if outcomes else uploaded(lease))

    assert logs[0]["log_level"] == "warning"
    assert logs[0]["reason"] == "imgur-rate-limited"
    snapshot = snapshot_of(harness.table, "j")
    assert snapshot is not None
    assert (snapshot.status, list(snapshot.attempts)) == (JobStatus.COMPLETE, [1])


@pytest.mark.parametrize(
    ("first", "event"),
    [
        pytest.param(Failed("empty", "Nothing came."), "image failed", id="failures"),
        pytest.param(
            RetryLater("source-error", "Busy.", 0), "image will be tried again", id="retries"
        ),
    ],
)
def test_of_a_large_job_a_hundred_are_logged_and_the_others_summed_up(
    harness: Harness, first: Outcome, event: str
) -> None:
    harness.put(250)

    logs = harness.run(lambda lease: first if lease.attempt == 1 else uploaded(lease))

    assert sum(line["event"] == event for line in logs) == 100
    (complete,) = [line for line in logs if line["event"] == "job complete"]
    if isinstance(first, Failed):
        assert complete["failed"] == 250
        assert complete["failures_not_logged"] == {"empty": 150}
    else:
        assert "failures_not_logged" not in complete


def test_nothing_secret_is_logged(harness: Harness) -> None:
    harness.put(3)
    outcomes: list[Outcome] = [
        Failed("e", "It."),
        RetryLater("e", "It.", 0),
        Deferred("e", "It.", 0),
    ]

    logs = harness.run(lambda lease: outcomes.pop() if outcomes else uploaded(lease))

    assert len(logs) >= 4
    assert "secret" not in str(logs)
    assert "pw" not in str(logs)


def test_a_late_result_is_told_as_refused_not_as_failed(harness: Harness) -> None:
    harness.put(1)

    def overtaken(lease: Lease) -> Outcome:
        harness.box.fence("w1")
        return Failed("empty", "Nothing came.")

    logs = harness.run(overtaken)

    (event,) = logs
    assert event["event"].startswith("result refused")
    assert (event["job_id"], event["index"]) == ("j", 0)
    assert harness.table.unfinished() == {"j": 1}


@pytest.mark.parametrize("stop", ["close", "fence"])
def test_leaves_when_told_to(harness: Harness, stop: str) -> None:
    if stop == "close":
        harness.box.close()
    else:
        harness.box.fence("w1")

    assert harness.run(uploaded) == []
    assert harness.trips == 1


def test_what_is_in_hand_at_a_drain_is_reported(harness: Harness) -> None:
    harness.put(2)

    def drained_meanwhile(lease: Lease) -> Outcome:
        harness.box.close()
        return uploaded(lease)

    harness.run(drained_meanwhile)

    assert harness.table.links(0, 9) == ("https://i.imgur.com/0.jpg",)
    assert harness.table.unfinished() == {"j": 1}
