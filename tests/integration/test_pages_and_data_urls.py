"""Links to pages, and images in the request itself, by the real processes over real sockets."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.loopback_server import LoopbackHandler, LoopbackServer
from tests.running_service import RunningService

SAMPLES = Path(__file__).parents[2] / "sandbox/samples"
JPEG = (SAMPLES / "small.jpg").read_bytes()
PNG = (SAMPLES / "small.png").read_bytes()
LARGE = PNG + bytes(3_000_000)  # behind its end; several pieces


class Site(LoopbackServer):
    """`/page` names `/image`, `/broken` names nothing that is there; each image is told apart."""

    def __init__(self) -> None:
        super().__init__(_Handler)


class _Handler(LoopbackHandler):
    protocol_version = "HTTP/1.0"  # a connection each

    def get(self) -> None:
        pages = {"/page": "image?key=s3cret", "/broken": "gone?key=s3cret"}
        if self.path in pages:
            page = f"<meta property=og:image content='{pages[self.path]}'>"
            self.answer(200, page.encode(), {"Content-Type": "text/html"})
        elif self.path.startswith("/gone"):
            self.answer(404)
        else:
            self.answer(200, JPEG + self.path.encode(), {"Content-Type": "image/jpeg"})


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture(scope="module")
def running(launch_shared: Any, tmp_path_factory: pytest.TempPathFactory) -> RunningService:
    settings = {
        "SOURCE_ALLOWED_NETWORKS": "127.0.0.0/8",
        "JOURNAL_PATH": str(tmp_path_factory.mktemp("links") / "journal"),
        "MAX_ATTEMPTS": "1",
    }
    return launch_shared(is_measured=True, **settings).wait_until_ready()


def data_url(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def post(service: RunningService, urls: list[str], **options: Any) -> str:
    body = {"urls": urls, **options}
    answer = service.http.post(service.url + "/v1/images/upload", json=body, timeout=30)
    assert answer.status_code == 202, answer.text
    return answer.json()["jobId"]


def digests(service: RunningService) -> set[str]:
    return {upload["digest"] for upload in service.sandbox_uploads()["uploads"]}


def test_data_urls_are_uploaded_byte_for_byte(running: RunningService, site: Site) -> None:
    urls = [data_url(PNG), f"{site.url}/image", data_url(LARGE), "data:text/plain,hello"]
    job = running.wait_complete(post(running, urls, title="{number} {name}{host}"))

    assert [result["state"] for result in job["results"]] == [*["complete"] * 3, "failed"]
    last = job["results"][3]
    assert last["reason"] == "not-an-image"
    assert last["message"] == "The data URL holds something else, not an image."
    for content in (PNG, LARGE):
        digest = hashlib.sha256(content).hexdigest()
        assert digest in digests(running)
        assert any(f"SHA-256 {digest[:16]}" in result["url"] for result in job["results"])
    assert max(len(result["url"]) for result in job["results"]) < 100


def test_they_are_short_wherever_they_are_shown(running: RunningService) -> None:
    secret = base64.b64encode(PNG + b"only the image knows").decode()
    job_id = post(running, [f"data:image/png;base64,{secret}", data_url(b"no image")])
    job = running.wait_complete(job_id)

    events = running.get(f"/v1/images/upload/{job_id}/events").text
    page = running.get(f"/v1/images/upload/{job_id}?limit=10&timeline=1").text
    (failed,) = running.wait_for_events("image failed", 1, job_id=job_id)

    assert failed["url"] == job["uploaded"]["failed"][0] == job["results"][1]["url"]
    for told in (json.dumps(job), events, page, running.log_text):
        assert secret not in told
        assert secret[40:] not in told
    for told in (events, page):
        assert "SHA-256" in told


def test_a_retry_sends_them_again(running: RunningService) -> None:
    job_id = post(running, [data_url(PNG + b"retry"), data_url(b"neither an image")])
    running.wait_complete(job_id)

    answer = running.http.post(f"{running.url}/v1/images/upload/{job_id}/retry", timeout=30)
    again = running.wait_complete(answer.json()["jobId"])

    assert again["counts"]["total"] == 1
    assert again["results"][0]["reason"] == "not-an-image"


def test_a_page_is_followed_to_its_image(running: RunningService, site: Site) -> None:
    urls = [f"{site.url}/{name}" for name in ("page", "image?direct", "broken")]
    job = running.wait_complete(post(running, urls, resolvePages=True))

    by_page, direct, broken = job["results"]
    assert by_page["state"] == direct["state"] == "complete"
    assert by_page["resolvedTo"] == f"{site.url}/image?key=s3cret"
    assert "resolvedTo" not in direct
    assert (broken["reason"], broken["resolvedTo"]) == (
        "source-not-found",
        f"{site.url}/gone?key=s3cret",
    )
    assert hashlib.sha256(JPEG + b"/image?key=s3cret").hexdigest() in digests(running)
    (failed,) = running.wait_for_events("image failed", 1, job_id=job["id"])
    assert failed["resolved_to"] == f"{site.url}/gone?key=…"
    assert "s3cret" not in running.log_text

    # By default, and where a job says so, a page is no image.
    for options in ({}, {"resolvePages": False}):
        job = running.wait_complete(post(running, urls[:1], **options))
        assert job["results"][0]["reason"] == "not-an-image"
        assert "resolvedTo" not in job["results"][0]


def test_the_setting_does_it_for_all_jobs_and_a_restart_still_tells_it(
    launch: Any, site: Site, tmp_path: Path
) -> None:
    settings = {
        "SOURCE_ALLOWED_NETWORKS": "127.0.0.0/8",
        "JOURNAL_PATH": str(tmp_path / "journal"),
        "PAGES": "on",
    }
    service = launch(**settings).wait_until_ready()
    job_id = post(service, [f"{site.url}/page", f"{site.url}/broken", data_url(b"neither")])
    before = service.wait_complete(job_id)
    refused = service.wait_complete(post(service, [f"{site.url}/page"], resolvePages=False))
    assert refused["results"][0]["reason"] == "not-an-image"
    service.close()

    after = launch(**settings).wait_until_ready().status(job_id)

    assert after["results"] == before["results"]
    assert [entry.get("resolvedTo") for entry in after["results"]] == [
        f"{site.url}/image?key=s3cret",
        f"{site.url}/gone?key=s3cret",
        None,
    ]


def test_what_waits_is_sent_after_a_kill_of_everything(
    launch: Any, site: Site, tmp_path: Path
) -> None:
    settings = {
        "SOURCE_ALLOWED_NETWORKS": "127.0.0.0/8",
        "JOURNAL_PATH": str(tmp_path / "journal"),
        "WORKER_CONCURRENCY": "1",
        "WORKER_COUNT": "1",
    }
    service = launch(**settings).wait_until_ready()
    slow = f"{service.sandbox}/faults/latency/30000/images/small.png"
    contents = [PNG + bytes([number]) * 500_000 for number in range(4)]
    job_id = post(service, [slow, *map(data_url, contents)])
    service.wait_for("a start", lambda: service.status(job_id)["status"] == "in-progress")
    service.kill_all()

    service = launch(**settings | {"WORKER_CONCURRENCY": "8"}).wait_until_ready()
    service.wait_for("the images", lambda: service.status(job_id)["counts"]["complete"] >= 4)

    wanted = {hashlib.sha256(content).hexdigest() for content in contents}
    assert wanted <= digests(service)
