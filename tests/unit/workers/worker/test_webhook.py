"""Webhooks as Standard Webhooks has them."""

import base64
import hmac
import json
from collections.abc import Callable, Iterator

import pytest
import requests
import requests_mock

from workers.contract.download_policy import DownloadPolicy
from workers.contract.messages.jobs import ImageState, JobStatus
from workers.contract.messages.outcomes import Done, Failed, RetryLater
from workers.contract.messages.round_trip import Lease
from workers.contract.messages.submission import Submission
from workers.contract.messages.tasks import TaskKind
from workers.contract.webhook_policy import RETRY_SECONDS, WebhookPolicy
from workers.state.jobs.job import Job
from workers.state.jobs.job_changes import job_complete
from workers.worker.http.loop import TransferLoop
from workers.worker.http.statuses import MAX_RETRY_AFTER
from workers.worker.webhook import NOT_CONFIGURED, WebhookSender, signature

# The vector that the reference implementations of Standard Webhooks share.
KEY = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

URL = "https://client.test/hook"
Make = Callable[..., WebhookSender]


def webhook(job_id: str = "j", attempt: int = 1) -> Lease:
    return Lease(1, job_id, 0, URL, attempt, kind=TaskKind.WEBHOOK, body=BODY)


@pytest.fixture
def site() -> requests_mock.Adapter:
    return requests_mock.Adapter()


@pytest.fixture
def make(site: requests_mock.Adapter, transfers: TransferLoop) -> Iterator[Make]:
    senders: list[WebhookSender] = []

    def sender(*secrets: bytes) -> WebhookSender:
        made = WebhookSender(WebhookPolicy(secrets), DownloadPolicy(), transfers, lambda: TIMESTAMP)
        made._adapter = site
        senders.append(made)
        return made

    yield sender
    for made in senders:
        made.close()


def test_the_signature_is_the_specifications() -> None:
    assert signature(KEY, ID, TIMESTAMP, BODY) == SIGNATURE


@pytest.mark.parametrize(
    "changed",
    [
        (b"x" * 24, ID, TIMESTAMP, BODY),
        (KEY, ID + "x", TIMESTAMP, BODY),
        (KEY, ID, TIMESTAMP + 1, BODY),
        (KEY, ID, TIMESTAMP, BODY + b" "),
    ],
)
def test_it_covers_all_there_is(changed: tuple[bytes, str, int, bytes]) -> None:
    assert not hmac.compare_digest(signature(*changed), SIGNATURE)


def test_a_delivery(make: Make, site: requests_mock.Adapter) -> None:
    site.register_uri("POST", URL, status_code=204)
    assert make(KEY).send(webhook("the-job")) == Done(204)
    (request,) = site.request_history
    assert request.body == BODY
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["webhook-id"] == "msg_the-job"
    assert request.headers["webhook-timestamp"] == str(TIMESTAMP)
    wanted = signature(KEY, "msg_the-job", TIMESTAMP, BODY)
    assert request.headers["webhook-signature"] == wanted


def test_each_secret_signs(make: Make, site: requests_mock.Adapter) -> None:
    site.register_uri("POST", URL)
    make(KEY, b"y" * 24).send(webhook())
    signatures = site.request_history[0].headers["webhook-signature"].split(" ")
    assert signatures == [signature(key, "msg_j", TIMESTAMP, BODY) for key in (KEY, b"y" * 24)]


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (301, {"Location": "https://elsewhere.test/"}, 5.0),
        (400, {}, 5.0),
        (404, {}, 5.0),
        (410, {}, None),
        (429, {"Retry-After": "17"}, 17.0),
        (429, {"Retry-After": "2"}, 5.0),
        (503, {"Retry-After": "9999999999999"}, MAX_RETRY_AFTER),
        (500, {"Retry-After": "17"}, 5.0),
        (503, {"Retry-After": "17"}, 17.0),
    ],
)
def test_what_is_no_success(
    make: Make,
    site: requests_mock.Adapter,
    status: int,
    headers: dict[str, str],
    wait: float | None,
) -> None:
    site.register_uri("POST", URL, status_code=status, headers=headers)
    outcome = make(KEY).send(webhook())
    assert isinstance(outcome, RetryLater | Failed)
    assert (outcome.reason, outcome.status) == ("refused", status)
    if wait is None:
        assert isinstance(outcome, Failed)
    else:
        assert isinstance(outcome, RetryLater)
        assert wait <= outcome.delay_seconds <= wait * 1.1
    assert len(site.request_history) == 1


def test_the_waits_grow_until_there_is_none_left(make: Make, site: requests_mock.Adapter) -> None:
    site.register_uri("POST", URL, status_code=500)
    for attempt, wait in enumerate(RETRY_SECONDS, 1):
        outcome = make(KEY).send(webhook(attempt=attempt))
        assert isinstance(outcome, RetryLater)
        assert wait <= outcome.delay_seconds <= wait * 1.1
    last = make(KEY).send(webhook(attempt=len(RETRY_SECONDS) + 1))
    assert isinstance(last, Failed)
    assert (last.reason, last.status) == ("refused", 500)


def test_without_an_answer_the_reason_says_why(make: Make, site: requests_mock.Adapter) -> None:
    site.register_uri("POST", URL, exc=requests.ReadTimeout)
    outcome = make(KEY).send(webhook())
    assert isinstance(outcome, RetryLater)
    assert (outcome.reason, outcome.status) == ("timeout", None)


def test_without_a_secret_nothing_is_sent(make: Make, site: requests_mock.Adapter) -> None:
    outcome = make().send(webhook())
    assert isinstance(outcome, RetryLater)
    assert outcome.reason == NOT_CONFIGURED
    assert not site.request_history


def test_secrets_are_not_shown() -> None:
    assert "MfKQ" not in repr(WebhookPolicy((KEY,)))
    assert repr(KEY) not in repr(WebhookPolicy((KEY,)))


def test_the_event_is_small_and_says_where_there_is_more() -> None:
    job = Job(
        Submission("the-job", ("https://a.test/1", "https://a.test/2")),
        created=1513961309.5,
        states=bytearray([ImageState.FAILED, ImageState.COMPLETE]),
        status=JobStatus.COMPLETE,
        finished=1513961400.25,
        links={1: "https://i.imgur.com/x.jpg"},
    )
    assert json.loads(job_complete(job)) == {
        "type": "job.complete",
        "timestamp": "2017-12-22T16:50:00.250Z",
        "data": {
            "id": "the-job",
            "status": "complete",
            "created": "2017-12-22T16:48:29.500Z",
            "finished": "2017-12-22T16:50:00.250Z",
            "counts": {"pending": 0, "complete": 1, "failed": 1, "total": 2},
            "links": {"status": "/v1/images/upload/the-job"},
        },
    }
