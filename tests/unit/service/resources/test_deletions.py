"""Deleting uploaded images and albums, over HTTP."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from workers.contract.messages.albums import AlbumCreated
from workers.contract.messages.outcomes import Done, Failed, Outcome, RetryLater, Uploaded
from workers.contract.messages.round_trip import Report
from workers.contract.messages.tasks import TaskKind

WORKER = "worker-1"  # that of the plain backend

URLS = ("https://example.com/a.jpg", "https://example.com/b.jpg", "https://example.com/c.jpg")
LINKS = ("https://i.imgur.com/a.jpg", "https://i.imgur.com/b.jpg", "https://i.imgur.com/c.jpg")


def delete(api: Any, job_id: str, index: object) -> Any:
    return api.send("DELETE", f"/v1/images/upload/{job_id}/images/{index}")


def do(backend: Any, outcome: Outcome) -> None:
    """The worker's part: take the task, and report it."""
    (lease,) = backend.mailbox.claim(WORKER, 0).leases
    assert backend.mailbox.ack(WORKER, Report(lease.token, outcome)).accepted


def test_an_image_is_deleted(api: Any, backend: Any) -> None:
    job_id = api.job(*URLS)
    backend.upload(*LINKS)
    before = api.get("/v1/images")
    assert before.json["uploaded"] == list(LINKS)
    answer = delete(api, job_id, 1)
    assert answer.status == 202
    assert answer.json == {"jobId": job_id, "index": 1, "deleted": "pending"}
    results = api.status(job_id)["results"]
    assert [result.get("deleted") for result in results] == [None, "pending", None]
    assert "deletehash" not in api.get(f"/v1/images/upload/{job_id}").result.text

    do(backend, Done())
    status = api.status(job_id)
    assert status["results"][1]["deleted"] == "done"
    # The job tells what was done, and states never change: the upload was complete.
    assert status["results"][1]["state"] == "complete"
    assert status["uploaded"]["complete"] == list(LINKS)
    after = api.get("/v1/images")
    assert after.json["uploaded"] == [LINKS[0], LINKS[2]]
    assert after.headers["ETag"] != before.headers["ETag"]


def test_pages_fit_together_over_a_gap(api: Any, backend: Any) -> None:
    job_id = api.job(*URLS)
    backend.upload(*LINKS)
    first = api.get("/v1/images?limit=2").json
    delete(api, job_id, 0)
    do(backend, Done())
    again = api.get("/v1/images?limit=2").json
    assert (again["uploaded"], again["next"]) == ([LINKS[1]], first["next"])
    second = api.get(f"/v1/images?cursor={first['next']}&limit=2").json
    assert (second["uploaded"], second["next"]) == ([LINKS[2]], None)
    assert api.get("/v1/images").json["uploaded"] == [LINKS[1], LINKS[2]]


def test_links_that_come_later_are_listed(api: Any, backend: Any) -> None:
    job_id = api.job(URLS[0])
    backend.upload(LINKS[0])
    assert api.get("/v1/images").json["uploaded"] == [LINKS[0]]
    delete(api, job_id, 0)
    do(backend, Done())
    assert api.get("/v1/images").json["uploaded"] == []
    api.job(URLS[1])
    backend.upload(LINKS[1])
    assert api.get("/v1/images").json["uploaded"] == [LINKS[1]]


def test_a_failed_deletion_says_why_and_may_be_asked_for_again(api: Any, backend: Any) -> None:
    job_id = api.job(URLS[0])
    backend.upload(LINKS[0])
    delete(api, job_id, 0)
    do(backend, Failed("imgur-error", "It was down."))
    (result,) = api.status(job_id)["results"]
    assert result["deleted"] == "failed"
    assert (result["deletionReason"], result["deletionMessage"]) == ("imgur-error", "It was down.")
    assert (result["reason"], result["message"]) == (None, None)
    assert api.get("/v1/images").json["uploaded"] == [LINKS[0]]
    assert delete(api, job_id, 0).status == 202


class TestRefusals:
    @pytest.mark.parametrize("index", ["3", "-1", "x", "1.0", "99999999999999999999"])
    def test_no_such_image(self, api: Any, backend: Any, index: str) -> None:
        job_id = api.job(*URLS)
        backend.upload(*LINKS)
        answer = delete(api, job_id, index)
        assert (answer.status, answer.json["code"]) == (404, "image-not-found")

    @pytest.mark.parametrize("job_id", ["nonsense", "55355b7c-9b86-4a1a-b32e-6cdd6db07183"])
    def test_no_such_job(self, api: Any, job_id: str) -> None:
        answer = delete(api, job_id, 0)
        assert (answer.status, answer.json["code"]) == (404, "job-not-found")

    def test_not_uploaded(self, api: Any, backend: Any) -> None:
        job_id = api.job(*URLS[:2])
        backend.fail("source-not-found", "gone")
        for index in (0, 1):
            answer = delete(api, job_id, index)
            assert (answer.status, answer.json["code"]) == (409, "image-not-complete")

    def test_without_a_deletehash(self, api: Any, backend: Any) -> None:
        job_id = api.job(URLS[0])
        backend.work(Uploaded(LINKS[0], ""))
        answer = delete(api, job_id, 0)
        assert (answer.status, answer.json["code"]) == (409, "image-not-deletable")

    def test_twice(self, api: Any, backend: Any) -> None:
        job_id = api.job(URLS[0])
        backend.upload(LINKS[0])
        assert delete(api, job_id, 0).status == 202
        assert delete(api, job_id, 0).json["code"] == "image-already-deleted"
        do(backend, Done())
        answer = delete(api, job_id, 0)
        assert (answer.status, answer.json["code"]) == (409, "image-already-deleted")

    def test_while_draining(self, api: Any, backend: Any) -> None:
        job_id = api.job(URLS[0])
        backend.upload(LINKS[0])
        backend.mailbox.close()
        answer = delete(api, job_id, 0)
        assert (answer.status, answer.json["code"]) == (503, "draining")
        assert answer.headers["Retry-After"]

    def test_anothers(self, make_api: Callable[..., Any], backend: Any) -> None:
        api = make_api(API_KEYS="ann:key-a,bob:key-b")
        ann, bob = ({"X-API-Key": f"key-{name}"} for name in "ab")
        job_id = api.job(URLS[0], headers=ann)
        backend.upload(LINKS[0])
        path = f"/v1/images/upload/{job_id}/images/0"
        assert api.send("DELETE", path).status == 401
        assert api.send("DELETE", path, headers=bob).json["code"] == "job-not-found"
        assert api.send("DELETE", path, headers=ann).status == 202


class TestCallbacks:
    BODY = '{"urls": ["https://example.com/a.jpg"], "callbackUrl": "https://client.test/hook"}'
    SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    def test_one_that_cannot_be_told_is_refused(self, api: Any, backend: Any) -> None:
        answer = api.post_body(self.BODY)
        assert (answer.status, answer.json["code"]) == (422, "webhooks-not-configured")
        assert "WEBHOOK_SECRET" in answer.json["detail"]
        assert backend.open_urls == 0

    def test_attempts_are_shown(self, make_api: Callable[..., Any], backend: Any) -> None:
        api = make_api(WEBHOOK_SECRET=self.SECRET)
        job_id = api.post_body(self.BODY).json["jobId"]
        assert "deliveries" not in api.status(job_id)
        backend.upload(LINKS[0])
        tag = api.get(f"/v1/images/upload/{job_id}").headers["ETag"]
        note, key = backend.mailbox._tasks.store.note, (TaskKind.WEBHOOK, (job_id, 0))
        note(key, 1, RetryLater("refused", "Busy.", 5.0, status=503))
        note(key, 2, Failed("timeout", "No answer."))
        answer = api.get(f"/v1/images/upload/{job_id}")
        assert answer.json["deliveries"] == [
            {
                "at": "2017-12-22T16:48:29.500Z",
                "attempt": 1,
                "status": 503,
                "reason": None,
                "next": "2017-12-22T16:48:34.500Z",
            },
            {
                "at": "2017-12-22T16:48:29.500Z",
                "attempt": 2,
                "status": None,
                "reason": "timeout",
                "next": None,
            },
        ]
        assert answer.headers["ETag"] != tag
        assert "client.test" not in answer.result.text


class TestAlbums:
    CREATED = AlbumCreated("aBc", "https://imgur.com/a/aBc", "s3cret")

    def job(self, api: Any) -> str:
        body = json.dumps({"urls": URLS, "album": {"title": "A day"}})
        job_id: str = api.post_body(body).json["jobId"]
        return job_id

    def delete(self, api: Any, job_id: str) -> Any:
        return api.send("DELETE", f"/v1/images/upload/{job_id}/album")

    def test_an_album_is_told_and_deleted(self, api: Any, backend: Any) -> None:
        job_id = self.job(api)
        do(backend, self.CREATED)
        album = {"id": "aBc", "link": "https://imgur.com/a/aBc", "state": "created"}
        assert api.status(job_id)["album"] == album
        refused = self.delete(api, job_id)
        assert (refused.status, refused.json["code"]) == (409, "job-unfinished")
        backend.upload(*LINKS)
        do(backend, Done())
        ordered = api.get(f"/v1/images/upload/{job_id}?limit=1")
        assert ordered.json["album"] == album | {"state": "ordered"}

        answer = self.delete(api, job_id)

        assert (answer.status, answer.json) == (202, {"jobId": job_id, "deleted": "pending"})
        assert api.status(job_id)["album"]["deleted"] == "pending"
        do(backend, Failed("imgur-forbidden", "No."))
        album = api.status(job_id)["album"]
        assert (album["deleted"], album["deletionReason"]) == ("failed", "imgur-forbidden")
        assert self.delete(api, job_id).status == 202
        do(backend, Done())
        assert api.status(job_id)["album"]["deleted"] == "done"
        again = self.delete(api, job_id)
        assert (again.status, again.json["code"]) == (409, "album-already-deleted")
        assert "s3cret" not in api.get(f"/v1/images/upload/{job_id}").result.text

    def test_why_there_is_none(self, api: Any, backend: Any) -> None:
        job_id = self.job(api)
        do(backend, Failed("imgur-refused", "Imgur did not create the album."))
        backend.mailbox.tend()
        status = api.status(job_id)
        assert status["counts"]["failed"] == 3
        assert {result["reason"] for result in status["results"]} == {"album-failed"}
        album = status["album"]
        assert (album["state"], album["reason"]) == ("failed", "imgur-refused")
        refused = self.delete(api, job_id)
        assert (refused.status, refused.json["code"]) == (409, "album-not-created")

    def test_a_job_that_asked_for_none(self, api: Any) -> None:
        job_id = api.job(*URLS)
        assert "album" not in api.status(job_id)
        refused = self.delete(api, job_id)
        assert (refused.status, refused.json["code"]) == (404, "album-not-found")
        nobodys = self.delete(api, "55355b7c-9b86-4a1a-b32e-6cdd6db07183")
        assert (nobodys.status, nobodys.json["code"]) == (404, "job-not-found")
