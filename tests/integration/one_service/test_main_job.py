"""The main job from POST to link, through the real processes and sockets."""

import re
import uuid

import pytest

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ACCEPTED = ("photo.jpg", "drawing.png", "small.png", "large.png", "animation.gif", "animated.png")

# The path of a source in the sandbox, and the reason that its failure must carry.
FAILING = [
    ("/faults/html", "not-an-image"),
    ("/faults/empty", "empty"),
    ("/faults/status/404", "source-not-found"),
    ("/faults/status/410", "source-not-found"),
    ("/faults/status/403", "source-refused"),
    ("/faults/redirect-loop", "too-many-redirects"),
    ("/faults/redirect-to?url=http://127.0.0.1:1/", "address-not-allowed"),
    ("/faults/redirect-to?url=file:///etc/passwd", "url-scheme"),
    ("/images/imgur-fault/file-type-invalid.png", "imgur-refused"),
    ("/images/imgur-fault/403-forbidden.png", "imgur-forbidden"),
]


def test_post_answers_202_with_location_and_job_id(service):
    url = service.sandbox + "/images/photo.jpg"
    answer = service.http.post(service.url + "/v1/images/upload", json={"urls": [url]}, timeout=30)
    assert answer.status_code == 202
    assert list(answer.json()) == ["jobId"]
    job_id = answer.json()["jobId"]
    assert str(uuid.UUID(job_id)) == job_id
    assert answer.headers["Location"] == f"/v1/images/upload/{job_id}"
    assert service.status(job_id)["id"] == job_id


def test_every_accepted_sample_ends_with_a_link_that_serves_its_bytes(service):
    urls = [f"{service.sandbox}/images/{name}" for name in ACCEPTED]
    status = service.upload_all(urls)
    assert status["uploaded"]["failed"] == []
    assert status["uploaded"]["pending"] == []
    links = {result["url"]: result["link"] for result in status["results"]}
    assert list(links) == urls
    assert sorted(status["uploaded"]["complete"]) == sorted(links.values())
    for url, link in links.items():
        source, copy = (service.http.get(where, timeout=30) for where in (url, link))
        assert copy.status_code == 200
        assert copy.content == source.content
    assert set(links.values()) <= set(service.get("/v1/images").json()["uploaded"])


def test_samples_that_imgur_refuses_are_converted(service):
    paths = (
        "images/picture.webp",
        "images/picture.avif",
        "images/picture.heic",
        "faults/too-large",
    )
    results = service.upload_all([f"{service.sandbox}/{path}" for path in paths])["results"]

    converted = [result["converted"] for result in results]
    assert [made["from"] for made in converted] == [
        *("image/webp", "image/avif", "image/heic", "image/jpeg")
    ]
    for result, made in zip(results, converted, strict=True):
        copy = service.http.get(result["link"], timeout=30)
        assert copy.headers["Content-Type"] == made["to"] == "image/jpeg"
        assert len(copy.content) == made["bytesAfter"]


def test_an_image_that_imgur_changes_is_marked(service):
    urls = [f"{service.sandbox}/images/{name}" for name in ("imgur-fault/altered.png", "small.png")]
    changed, as_sent = service.upload_all(urls)["results"]

    size = len(service.http.get(urls[0], timeout=30).content)
    assert changed["altered"] == {"type": "image/jpeg", "bytes": size // 2}
    assert as_sent["state"] == "complete"
    assert "altered" not in as_sent


def test_an_image_that_comes_compressed_is_taken(service):
    status = service.upload_all([service.sandbox + "/faults/gzip"])

    (result,) = status["results"]
    assert result["state"] == "complete"
    source = service.http.get(service.sandbox + "/faults/gzip", timeout=30)
    assert service.http.get(result["link"], timeout=30).content == source.content


def test_a_job_goes_from_pending_to_complete_and_stamps_follow_iso_8601(service, gate):
    job_id = service.submit(gate.urls(service.sandbox, "stamps", 1))
    seen = []

    def complete():
        status = service.status(job_id)
        if status["status"] not in seen:
            seen.append(status["status"])
        assert (status["finished"] is None) == (status["status"] != "complete")
        if status["status"] == "in-progress":
            gate.open()
        return status["status"] == "complete" and status

    status = service.wait_for("complete job", complete)
    assert seen in (["pending", "in-progress", "complete"], ["in-progress", "complete"])
    assert STAMP.fullmatch(status["created"])
    assert STAMP.fullmatch(status["finished"])
    assert status["finished"] >= status["created"]


@pytest.fixture(scope="module")
def mixed(service):
    good = service.sandbox + "/images/small.png"
    urls = [good, *(service.sandbox + path for path, _ in FAILING)]
    return service.upload_all(urls)


@pytest.mark.parametrize(("path", "reason"), FAILING, ids=[path for path, _ in FAILING])
def test_each_failing_kind_has_its_reason(service, mixed, path, reason):
    (result,) = [r for r in mixed["results"] if r["url"] == service.sandbox + path]
    assert (result["state"], result["reason"]) == ("failed", reason)
    assert result["message"].endswith((".", '"'))
    assert result["link"] is None
    assert result["url"] in mixed["uploaded"]["failed"]
    wanted = sum(1 for _, other in FAILING if other == reason)
    # A worker logs what it reported when the answer is there; the job may be seen complete before.
    told = {"job_id": mixed["id"], "reason": reason}
    assert len(service.wait_for_events("image failed", wanted, **told)) == wanted


def test_failures_do_not_keep_a_job_from_its_end(service, mixed):
    assert len(mixed["uploaded"]["complete"]) == 1
    assert len(mixed["uploaded"]["failed"]) == len(FAILING)
    assert STAMP.fullmatch(mixed["finished"])


def test_a_job_of_failures_only_finishes_too(service):
    status = service.upload_all([service.sandbox + "/faults/status/404"])
    assert status["status"] == "complete"
    assert STAMP.fullmatch(status["finished"])


def test_addresses_that_are_not_public_are_refused(service):
    urls = ["http://127.0.0.1:1/a.png", "http://[::1]/a.png", "http://0x7f000001/a.png"]
    status = service.upload_all(urls)
    assert {result["reason"] for result in status["results"]} == {"address-not-allowed"}


def test_duplicates_are_stripped_and_the_first_order_is_kept(service):
    first, second = (f"{service.sandbox}/images/numbered/dup-{n}.png" for n in (1, 2))
    status = service.upload_all([second, first, second, first])
    assert [result["url"] for result in status["results"]] == [second, first]


def test_what_passes_is_tried_again_until_it_works(service):
    urls = [
        service.sandbox + "/faults/flaky/2/passing/images/small.png",
        service.sandbox + "/images/imgur-fault/503~1.png",
    ]
    status = service.upload_all(urls)
    assert [result["state"] for result in status["results"]] == ["complete", "complete"]
    assert [result["attempts"] for result in status["results"]] == [3, 2]


@pytest.mark.parametrize("shape", ["429-string-1", "429-object-1", "429-errors-1", "429-html-1"])
def test_a_429_in_each_shape_pauses_and_is_not_held_against_the_image(service, shape):
    url = f"{service.sandbox}/images/imgur-fault/{shape}~1.png"
    status = service.upload_all([url])
    (result,) = status["results"]
    assert (result["state"], result["attempts"]) == ("complete", 1)
    assert service.wait_for_event("uploads paused for all workers: Imgur asked to wait")


def test_a_callback_that_cannot_be_told_is_refused(service):
    body = {"urls": ["https://example.com/a.jpg"], "callbackUrl": "https://example.com/hook"}
    answer = service.http.post(service.url + "/v1/images/upload", json=body, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (422, "webhooks-not-configured")
    assert "WEBHOOK_SECRET" in answer.json()["detail"]


def test_an_unknown_job_is_404(service):
    answer = service.get(f"/v1/images/upload/{uuid.uuid4()}")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_every_place_says_that_it_is_the_sandbox(service):
    status = service.upload_all([service.sandbox + "/images/small.png"])
    assert status["sandbox"] is True
    links = service.get("/v1/images")
    assert links.json()["sandbox"] is True
    assert "X-Sandbox" in links.headers
    assert service.get("/readyz").json()["imgur"] == "sandbox"
    assert all("/sandbox/" in link and "imgur.com" not in link for link in links.json()["uploaded"])


def test_a_small_job_does_not_wait_behind_a_large_one(service):
    slow = f"{service.sandbox}/faults/latency/1000/images/numbered"
    large = service.submit([f"{slow}/big-{n}.png" for n in range(1500)])
    small = service.upload_all([service.sandbox + "/images/numbered/small.png"])
    assert small["uploaded"]["failed"] == []
    assert service.status(large)["status"] == "in-progress"
    service.http.delete(f"{service.url}/v1/images/upload/{large}", timeout=30)
    service.wait_complete(large)
