"""What a job asks for beside its URLs, done by the real processes over real sockets."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.loopback_server import LoopbackHandler, LoopbackServer
from tests.running_service import Launch, RunningService

HEADER = {"Authorization": "Bearer s3cret", "X-Kind": "source"}
JPEG = b"\xff\xd8\xff\xe0" + bytes(600)


class Site(LoopbackServer):
    """A source and an Imgur on one port: notes what it is asked for.

    `/image/N` is an image of its own, `/to?URL` a redirect, and a POST an upload.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.forms: list[bytes] = []
        super().__init__(_Handler)

    def form_with(self, text: str) -> bytes:
        (form,) = [form for form in self.forms if text.encode() in form]
        return form


class _Handler(LoopbackHandler):
    server: Site

    def get(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        where = self.path.partition("?")[2]
        if where:
            self.answer(302, headers={"Location": where})
        else:
            self.answer(200, JPEG + self.path.encode())

    def post(self) -> None:
        forms = self.server.forms
        forms.append(self.read_body())
        link = f"{self.server.url}/stored/{len(forms)}.jpg"
        data = {"link": link, "deletehash": f"hash-{len(forms)}"}
        self.answer(200, json.dumps({"data": data, "success": True, "status": 200}).encode())


@pytest.fixture(scope="module")
def sites() -> Iterator[tuple[Site, Site]]:
    both = (Site(), Site())
    yield both
    for site in both:
        site.close()


@pytest.fixture(scope="module")
def imgur() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture(scope="module")
def service(
    launch_shared: Launch,
    tmp_path_factory: pytest.TempPathFactory,
    imgur: Site,
) -> RunningService:
    return launch_shared(
        IMGUR_CLIENT_ID="id",
        IMGUR_API_URL=imgur.url,
        IMGUR_ALBUM="usual",
        SOURCE_ALLOWED_NETWORKS="127.0.0.0/8",
        DEDUPE="content",
        JOURNAL_PATH=str(tmp_path_factory.mktemp("options") / "journal"),
        is_measured=True,
    ).wait_until_ready()


def send(service: RunningService, urls: list[str], **options: Any) -> dict[str, Any]:
    answer = service.http.post(
        service.url + "/v1/images/upload", json={"urls": urls, **options}, timeout=30
    )
    assert answer.status_code == 202, answer.text
    return service.wait_complete(answer.json()["jobId"])


def test_headers_go_to_their_origin_and_no_further(
    service: RunningService, sites: tuple[Site, Site]
) -> None:
    near, far = sites
    urls = [
        f"{near.url}/image/1",
        f"{near.url}/to?{near.url}/image/2",
        f"{near.url}/to?{far.url}/to?{near.url}/image/3",
        f"{far.url}/image/4",
    ]

    job = send(service, urls, sourceHeaders={near.url: HEADER})

    assert job["counts"]["complete"] == 4
    asked = dict(near.asked)
    assert asked["/image/1"] == asked["/image/2"] == HEADER["Authorization"]
    assert asked["/image/3"] is None, "it was led there by another"
    assert {header for _, header in far.asked} == {None}
    service.must_not_log("s3cret")
    assert "s3cret" not in json.dumps(job)


def test_texts_and_album_reach_imgur(
    service: RunningService, sites: tuple[Site, Site], imgur: Site
) -> None:
    urls = [f"{sites[0].url}/image/text-{n}.jpg" for n in range(2)]

    send(service, urls, title="{number} of {count}", description="{name}", album="other")
    send(service, [f"{sites[0].url}/image/plain"])

    form = imgur.form_with("2 of 2")
    assert b'name="title"\r\n\r\n2 of 2\r\n' in form
    assert b'name="description"\r\n\r\ntext-1.jpg\r\n' in form
    assert b'name="album"\r\n\r\nother\r\n' in form
    assert b'name="album"\r\n\r\nusual\r\n' in imgur.form_with("/image/plain")


def test_the_same_bytes_are_uploaded_once(
    service: RunningService, sites: tuple[Site, Site], imgur: Site
) -> None:
    # The same path at both sites is the same image.
    near, far = (f"{site.url}/image/twice" for site in sites)
    first = send(service, [near])["results"][0]
    uploads = len(imgur.forms)

    second = send(service, [far])["results"][0]

    assert len(imgur.forms) == uploads
    assert second["link"] == first["link"]
    assert second["deduplicated"] is True
    assert "deduplicated" not in first
    assert service.get("/v1/images").json()["uploaded"].count(first["link"]) == 1

    third = send(service, [near], title="other")["results"][0]
    assert third["link"] != first["link"]


def test_a_timeline_tells_what_was_done(service: RunningService, sites: tuple[Site, Site]) -> None:
    job = send(service, [f"{sites[0].url}/image/timeline"])
    assert "timeline" not in job["results"][0]

    page = service.get(f"/v1/images/upload/{job['id']}?timeline=1").json()

    timeline = page["results"][0]["timeline"]
    events = [entry["event"] for entry in timeline]
    assert events == ["queued", "claimed", "downloaded", "uploaded"]
    assert timeline[2]["bytes"] == len(JPEG) + len("/image/timeline")
    assert timeline[2]["type"] == "image/jpeg"
    times = [entry["at"] for entry in timeline]
    assert times == sorted(times)
    assert times[0] == job["created"]


def test_the_journal_is_for_its_owner_alone(service: RunningService) -> None:
    path = Path(service.wait_for_event("journal read: going on from there")["journal"])
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_done_is_refused_whole(service: RunningService) -> None:
    body = {"urls": ["https://a.test/"], "title": "{x}", "priority": "urgent"}
    answer = requests.post(service.url + "/v1/images/upload", json=body, timeout=30)

    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [error["code"] for error in answer.json()["errors"]] == [
        "unknown-placeholder",
        "unknown-priority",
    ]
