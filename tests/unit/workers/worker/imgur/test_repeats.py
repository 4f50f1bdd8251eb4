"""How often one image is sent, by what Imgur answers: pipeline and client together."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
import requests_mock

from tests.plain_fitter import plain_fitter
from workers.contract.backoff import Backoff
from workers.contract.image_type import ImageType
from workers.contract.messages.outcomes import Failed, MaybeBlocked, Outcome, RetryLater, Uploaded
from workers.contract.messages.round_trip import Lease
from workers.worker.imgur.client import ImgurClient
from workers.worker.pipeline import Pipeline
from workers.worker.source.body import Download

UPLOAD = "https://api.imgur.com/3/image"
LINK = "https://i.imgur.com/abc.jpg"
MAX_ATTEMPTS = 4

STORED = json.dumps({"data": {"link": LINK}, "success": True, "status": 200})
PAGE = "<html>Bad gateway</html>"


def refused(text: str) -> str:
    return json.dumps({"data": {"error": text}, "success": False})


class Shelf:
    """A source that always has the same image."""

    def fetch(self, *_: object, **__: object) -> Download:
        data = b"\x89PNG picture"
        return Download(io.BytesIO(data), len(data), ImageType("PNG", "image/png", "png"))


class Silent:
    """Nobody is told anything."""

    def send(self, lease: Lease) -> Outcome:
        raise AssertionError(lease)


def carry(client: ImgurClient) -> list[Outcome]:
    """Attempt after attempt, as the mailbox would, until one is the last."""
    pipeline = Pipeline(
        Shelf(),
        client,
        MAX_ATTEMPTS,
        Backoff(0.0, 0.0),
        lambda _download_report: True,
        callbacks=Silent(),
        fitter=plain_fitter(),
    )
    outcomes: list[Outcome] = []
    while not outcomes or isinstance(outcomes[-1], RetryLater):
        lease = Lease(7, "j", 3, "https://source.test/a.png", len(outcomes) + 1)
        outcome = pipeline.process(lease)
        # As if no other image had anything to say about it.
        outcomes.append(outcome.otherwise if isinstance(outcome, MaybeBlocked) else outcome)
    return outcomes


@pytest.mark.parametrize(
    ("answers", "sent", "end"),
    [
        pytest.param([(200, STORED)], 1, LINK, id="stored"),
        pytest.param([(200, STORED + PAGE)], 1, LINK, id="a page behind the link"),
        pytest.param([(500, STORED)], 1, LINK, id="a link under 500"),
        pytest.param([(400, refused("File type invalid"))], 1, "imgur-refused", id="refused"),
        pytest.param([(200, refused("No."))], 1, "imgur-refused", id="refused under 200"),
        pytest.param([(302, PAGE)], 1, "imgur-bad-answer", id="redirect"),
        pytest.param([(417, refused("Expectation")), (200, STORED)], 2, LINK, id="417 once"),
        pytest.param([(417, refused("Expectation"))], 2, "imgur-refused", id="417 always"),
        pytest.param([(500, PAGE), (417, "")], 2, "imgur-refused", id="417 at last"),
        pytest.param([(400, refused("Please try again")), (200, STORED)], 2, LINK, id="try again"),
        pytest.param([(400, refused("Please try again"))], 4, "imgur-error", id="for ever"),
        pytest.param([(200, '{"success": true}')], 2, "imgur-bad-answer", id="yes, no link"),
        pytest.param([(200, PAGE)], 2, "imgur-bad-answer", id="a page"),
        pytest.param([(200, "")], 2, "imgur-bad-answer", id="empty"),
        pytest.param([(502, PAGE)], 4, "imgur-error", id="gateway"),
    ],
)
def test_how_often_an_image_is_sent(
    make_client: Callable[..., ImgurClient],
    api: requests_mock.Adapter,
    answers: list[tuple[int, str]],
    sent: int,
    end: str,
) -> None:
    api.register_uri(
        "POST", UPLOAD, [{"status_code": code, "text": text} for code, text in answers]
    )
    last = carry(make_client())[-1]
    assert (last.link if isinstance(last, Uploaded) else getattr(last, "reason", None)) == end
    assert len(api.request_history) == sent


@pytest.mark.parametrize(
    ("answer", "maybe_stored"),
    [
        pytest.param({"status_code": 502, "text": PAGE}, True, id="gateway"),
        pytest.param({"status_code": 504, "text": ""}, True, id="gateway gave up"),
        pytest.param({"status_code": 200, "text": ""}, True, id="yes, no link"),
        pytest.param({"exc": requests.ConnectionError("lost")}, True, id="no answer"),
        pytest.param({"status_code": 500, "text": refused("Oops")}, False, id="500 of the API"),
        pytest.param({"status_code": 503, "text": ""}, False, id="over capacity"),
        pytest.param({"status_code": 417, "text": refused("Expectation")}, False, id="417"),
        pytest.param({"status_code": 400, "text": refused("Try again")}, False, id="try again"),
    ],
)
def test_which_answers_leave_a_doubt(
    make_client: Callable[..., ImgurClient],
    api: requests_mock.Adapter,
    answer: dict[str, Any],
    *,
    maybe_stored: bool,
) -> None:
    api.register_uri("POST", UPLOAD, [answer, {"text": STORED}])
    first, last = carry(make_client())
    assert isinstance(first, RetryLater)
    assert first.maybe_stored is maybe_stored
    assert isinstance(last, Uploaded)


def test_a_417_is_told_as_what_it_mostly_means(
    make_client: Callable[..., ImgurClient], api: requests_mock.Adapter
) -> None:
    api.register_uri("POST", UPLOAD, status_code=417, text=refused("Internal expectation failed"))
    last = carry(make_client())[-1]
    assert isinstance(last, Failed)
    assert "animation above its limit of 10 MB" in last.message
    assert "Internal expectation failed" in last.message
