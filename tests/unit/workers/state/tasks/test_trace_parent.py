"""A job's trace goes on to its callback URL, and to nobody else."""

from collections.abc import Iterator

import pytest
import requests_mock

from tests.lane_mailbox import Mailbox
from workers.contract.download_policy import DownloadPolicy
from workers.contract.job_options import JobOptions
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.outcomes import Uploaded
from workers.contract.messages.round_trip import Lease, Report
from workers.contract.messages.submission import Origin, Submission
from workers.contract.messages.tasks import TaskKind
from workers.contract.webhook_policy import WebhookPolicy
from workers.state.jobs.job_table import JobTable
from workers.worker.http.loop import TransferLoop
from workers.worker.webhook import WebhookSender

WORKER = "worker-1"
CALLBACK = "https://client.test/hook"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ORIGIN = Origin("shop-42", PARENT)


@pytest.fixture
def site() -> requests_mock.Adapter:
    adapter = requests_mock.Adapter()
    adapter.register_uri("POST", CALLBACK, status_code=204)
    return adapter


@pytest.fixture
def sender(site: requests_mock.Adapter, transfers: TransferLoop) -> Iterator[WebhookSender]:
    made = WebhookSender(WebhookPolicy((b"k" * 24,)), DownloadPolicy(), transfers)
    made._adapter = site
    yield made
    made.close()


def webhook_of(origin: Origin | None) -> Lease:
    """What is left to do of a job that came with a callback URL and whose image is uploaded."""
    mailbox = Mailbox(JobTable(), MailboxLimits())
    mailbox.register(WORKER)
    options = JobOptions(callback_url=CALLBACK)
    urls = ("https://example.com/a.jpg",)
    assert mailbox.put(Submission("job", urls, options=options, origin=origin)) is None
    (lease,) = mailbox.claim(WORKER, 0).leases
    assert lease.origin == origin
    mailbox.ack(WORKER, Report(lease.token, Uploaded("https://i.imgur.com/a.jpg", "x")))
    (webhook,) = mailbox.claim(WORKER, 0).leases
    assert webhook.kind is TaskKind.WEBHOOK
    return webhook


@pytest.mark.parametrize("origin", [ORIGIN, Origin("shop-42"), None])
def test_the_origin_comes_along(origin: Origin | None) -> None:
    assert webhook_of(origin).origin == origin


def test_the_callback_url_is_told(sender: WebhookSender, site: requests_mock.Adapter) -> None:
    sender.send(webhook_of(ORIGIN))
    (request,) = site.request_history
    assert request.headers["traceparent"] == PARENT
    assert "shop-42" not in str(request.headers)


@pytest.mark.parametrize("origin", [Origin("shop-42"), None])
def test_without_a_trace_there_is_nothing_to_tell(
    sender: WebhookSender, site: requests_mock.Adapter, origin: Origin | None
) -> None:
    sender.send(webhook_of(origin))
    (request,) = site.request_history
    assert "traceparent" not in request.headers
