"""What the log says when the process with the job state is lost."""

import pytest
from structlog.testing import capture_logs

from service.exit_codes import log_lost
from workers import BackendLostError


@pytest.mark.parametrize(
    ("journal", "outlives_service", "may_live", "event"),
    [
        (None, False, False, "the job state is lost; exiting so that a fresh start can follow"),
        (None, False, True, "the job state is lost; exiting so that a fresh start can follow"),
        (
            "/data/journal",
            False,
            False,
            "the process with the job state is lost; the next start goes on from the journal",
        ),
        (
            "/data/journal",
            True,
            True,
            "the job state does not respond to this service, and may still exist; exiting",
        ),
        (None, True, False, "the job state is lost; exiting so that a fresh start can follow"),
    ],
)
def test_a_loss_is_called_what_it_is(
    journal: str | None, event: str, *, outlives_service: bool, may_live: bool
) -> None:
    error = BackendLostError("The process is gone.")
    error.may_live = may_live

    with capture_logs() as lines:
        log_lost(error, journal=journal, outlives_service=outlives_service)

    (line,) = lines
    assert line["event"] == event
    assert line["log_level"] == "critical"
    assert line["cause"] == "The process is gone."
    assert line["journal"] == journal
