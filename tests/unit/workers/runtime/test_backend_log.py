"""What is logged at the end of a backend."""

from structlog.testing import capture_logs

from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.outcomes import Failed, MaybeBlocked
from workers.contract.messages.round_trip import DownloadReport, Report, WorkerRequest
from workers.contract.messages.submission import Submission
from workers.runtime.backend_log import close_state
from workers.runtime.state_objects import make_objects


def test_an_image_that_is_refused_during_the_drain_has_its_line() -> None:
    objects = make_objects(MailboxLimits())
    mailbox = objects.mailbox
    mailbox.register("w")
    mailbox.put(Submission("j", ("https://s.test/1",)))
    (lease,) = mailbox.exchange("w", WorkerRequest(wanted=1), 0.0).leases
    mailbox.close()
    mailbox.exchange("w", WorkerRequest(uploads=(DownloadReport(lease.token),)), 0.0)
    refusal = MaybeBlocked(Failed("imgur-forbidden", "Forbidden."))
    mailbox.exchange("w", WorkerRequest((Report(lease.token, refusal),)), 0.0)

    with capture_logs() as logs:
        assert close_state(objects, None) == {}

    assert [line["event"] for line in logs] == ["image failed", "job complete"]
    assert logs[0]["reason"] == "imgur-forbidden"
