"""Each webhook and deletion that ends is a line of the log, without secrets."""

import pytest
import structlog

from workers.contract.messages import (
    Done,
    Failed,
    Lease,
    Outcome,
    PutBack,
    Receipt,
    TaskKind,
    TryAgain,
)
from workers.worker.task_log import log_outcome

HOOK = "https://client.test/hook?key=s3cret"
WEBHOOK = Lease(1, "j", 0, HOOK, 2, kind=TaskKind.WEBHOOK, body=b"{}")
DELETION = Lease(1, "j", 3, "s3cret-hash", 1, kind=TaskKind.DELETION)
ACCEPTED, REFUSED = Receipt(accepted=True), Receipt(accepted=False)


@pytest.mark.parametrize(
    ("outcome", "receipt", "event", "level"),
    [
        (Done(200), ACCEPTED, "errand done", "info"),
        (
            TryAgain("refused", "no", 5.04, status=503),
            ACCEPTED,
            "errand will be tried again",
            "info",
        ),
        (Failed("refused", "no", status=410), ACCEPTED, "errand failed", "warning"),
        (PutBack("imgur-rate-limited", "wait", 9.0), ACCEPTED, "errand put off", "warning"),
        (Done(200), REFUSED, "errand refused: it had passed to another worker", "warning"),
    ],
)
def test_it_is_logged_without_secrets(
    outcome: Outcome, receipt: Receipt, event: str, level: str
) -> None:
    for task in (WEBHOOK, DELETION):
        with structlog.testing.capture_logs() as logs:
            log_outcome(task, outcome, receipt)
        (line,) = logs
        assert (line["event"], line["log_level"]) == (event, level)
        assert (line["job_id"], line["attempt"]) == ("j", task.attempt)
        assert line["errand"] == task.kind.value
        assert "s3cret" not in repr(line)
