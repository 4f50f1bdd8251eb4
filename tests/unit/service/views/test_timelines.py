"""What happened to each URL, as those see it who ask."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from service.rendering.models import JobPage
from tests.plain_backend import WORKER
from workers.contract.messages.outcomes import Altered, Converted, ImageDetails, Uploaded
from workers.contract.messages.round_trip import DownloadReport, Report

URLS = ("https://s.test/0", "https://s.test/1")
CREATED = "2017-12-22T16:48:29.500Z"


def results(api: Any, job_id: str, query: str = "?timeline=1") -> Any:
    return api.get(f"/v1/images/upload/{job_id}{query}").json["results"]


@pytest.fixture
def job_id(api: Any, backend: Any) -> str:
    """A job of which one URL was uploaded at the second attempt."""
    found: str = api.job(*URLS)
    for outcome in ("retry", "upload"):
        (lease,) = backend.mailbox.claim(WORKER, 0).leases
        if outcome == "retry":
            backend.mailbox.fence(WORKER)
            backend.mailbox.register(WORKER)
            continue
        backend.mailbox.begin_upload(
            WORKER, lease.token, DownloadReport(lease.token, 4321, "image/gif", 12)
        )
        done = Uploaded("https://i.imgur.test/a.gif", "hash")
        backend.mailbox.ack(WORKER, Report(lease.token, done))
    return found


def test_what_happened_is_told_in_order(api: Any, job_id: str) -> None:
    first, second = results(api, job_id)

    events = [entry["event"] for entry in first["timeline"]]
    assert events == ["queued", "claimed", "retried", "claimed", "downloaded", "uploaded"]
    queued, claimed, retried, _, downloaded, uploaded = first["timeline"]
    assert queued == {"event": "queued", "at": CREATED}
    assert claimed["attempt"] == 1
    assert retried["reason"] == "worker-crashed"
    assert (downloaded["bytes"], downloaded["type"], downloaded["ms"]) == (4321, "image/gif", 12)
    assert uploaded["ms"] >= 0
    times = [entry["at"] for entry in first["timeline"]]
    assert times == sorted(times)
    assert [entry["event"] for entry in second["timeline"]] == ["queued"]


def test_only_those_who_ask_are_told(api: Any, job_id: str) -> None:
    for query in ("", "?limit=2", "?timeline=0", "?timeline=0&limit=2"):
        assert all("timeline" not in result for result in results(api, job_id, query))


def test_it_comes_by_the_page(api: Any, job_id: str) -> None:
    answer = api.get(f"/v1/images/upload/{job_id}?timeline=1").json
    TypeAdapter(JobPage).validate_python(answer, strict=True)
    assert answer["next"] is None
    assert "uploaded" not in answer

    page = api.get(f"/v1/images/upload/{job_id}?timeline=1&limit=1&cursor=1").json
    assert page["results"] == answer["results"][1:]


def test_the_rest_of_a_result_is_as_without(api: Any, job_id: str) -> None:
    for told, plain in zip(results(api, job_id), results(api, job_id, ""), strict=True):
        told.pop("timeline")
        assert told == plain


def test_one_version_shows_one_timeline(api: Any, backend: Any, job_id: str) -> None:
    (lease,) = backend.mailbox.claim(WORKER, 0).leases
    before = api.get(f"/v1/images/upload/{job_id}?timeline=1")

    backend.mailbox.begin_upload(
        WORKER, lease.token, DownloadReport(lease.token, 1, "image/gif", 1)
    )

    after = api.get(f"/v1/images/upload/{job_id}?timeline=1")
    assert after.headers["ETag"] == before.headers["ETag"]
    assert after.json == before.json


@pytest.mark.parametrize(
    "query", ["timeline=2", "timeline=true", "timeline=", "timeline=1&timeline=1"]
)
def test_what_cannot_be_told_is_refused(api: Any, job_id: str, query: str) -> None:
    answer = api.get(f"/v1/images/upload/{job_id}?{query}")
    assert (answer.status, answer.json["code"]) == (400, "invalid-timeline")


def test_an_image_that_imgur_changed_is_marked(api: Any, backend: Any) -> None:
    job_id = api.job(*URLS)
    link = "https://i.imgur.test/a.jpg"
    backend.work(
        Uploaded(link, "hash", details=ImageDetails(altered=Altered("image/jpeg", 81_000))),
        Uploaded(link, "hash"),
    )

    first, second = api.status(job_id)["results"]

    assert first["altered"] == {"type": "image/jpeg", "bytes": 81_000}
    assert "altered" not in second


def test_an_image_that_was_converted_is_told_of(api: Any, backend: Any) -> None:
    job_id = api.job(*URLS)
    (lease,) = backend.mailbox.claim(WORKER, 0).leases
    download_report = DownloadReport(lease.token, 900, "image/webp", 12, converting=40)
    backend.mailbox.begin_upload(WORKER, lease.token, download_report)
    made = Converted("image/webp", "image/jpeg", 900, 700, 40, 30)
    done = Uploaded("https://i.imgur.test/a.jpg", "hash", details=ImageDetails(converted=made))
    backend.mailbox.ack(WORKER, Report(lease.token, done))

    first, second = results(api, job_id)

    assert first["converted"] == {
        "from": "image/webp",
        "to": "image/jpeg",
        "bytesBefore": 900,
        "bytesAfter": 700,
        "width": 40,
        "height": 30,
    }
    assert "converted" not in second
    *_, downloaded, converted, uploaded = first["timeline"]
    assert (downloaded["bytes"], downloaded["type"], downloaded["ms"]) == (900, "image/webp", 12)
    assert (converted["event"], converted["ms"]) == ("converted", 40)
    assert downloaded["at"] <= converted["at"] <= uploaded["at"]


def test_an_image_that_was_there_already_is_marked(api: Any, backend: Any) -> None:
    job_id = api.job(*URLS)
    backend.work(
        Uploaded("https://i.imgur.test/a.gif", "hash"),
        Uploaded("https://i.imgur.test/a.gif", "", details=ImageDetails(deduplicated=True)),
    )

    first, second = api.status(job_id)["results"]

    assert "deduplicated" not in first
    assert second["deduplicated"] is True
    assert first["link"] == second["link"]
    assert api.get("/v1/images").json["uploaded"] == [first["link"]]
