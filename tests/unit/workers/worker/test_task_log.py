"""Each webhook and deletion that ends is a line of the log, without secrets."""

import pytest
import structlog

from workers.contract.messages.outcomes import Deferred, Done, Failed, Outcome, RetryLater
from workers.contract.messages.round_trip import Ack, Lease
from workers.contract.messages.tasks import TaskKind
from workers.worker.task_log import log_outcome

HOOK = "https://client.test/hook?key=s3cret"
WEBHOOK = Lease(1, "j", 0, HOOK, 2, kind=TaskKind.WEBHOOK, body=b"{}")
DELETION = Lease(1, "j", 3, "s3cret-hash", 1, kind=TaskKind.DELETION)
ACCEPTED, REFUSED = Ack(accepted=True), Ack(accepted=False)


@pytest.mark.parametrize(
    ("outcome", "ack", "event", "level"),
    [
        (Done(200), ACCEPTED, "task done", "info"),
        (
            RetryLater("refused", "no", 5.04, status=503),
            ACCEPTED,
            "task will be tried again",
            "info",
        ),
        (Failed("refused", "no", status=410), ACCEPTED, "task failed", "warning"),
        (Deferred("imgur-rate-limited", "wait", 9.0), ACCEPTED, "task deferred", "warning"),
        (Done(200), REFUSED, "task refused: the lease had passed to another worker", "warning"),
    ],
)
def test_it_is_logged_without_secrets(outcome: Outcome, ack: Ack, event: str, level: str) -> None:
    for task in (WEBHOOK, DELETION):
        with structlog.testing.capture_logs() as logs:
            log_outcome(task, outcome, ack)
        (line,) = logs
        assert (line["event"], line["log_level"]) == (event, level)
        assert (line["job_id"], line["attempt"]) == ("j", task.attempt)
        assert line["task"] == task.kind.value
        assert "s3cret" not in repr(line)
