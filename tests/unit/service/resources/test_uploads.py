"""POST /v1/images/upload and GET /v1/images/upload/{job_id}."""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from service.views.forecast import Forecasts
from workers import BackendLostError, Submission
from workers.contract.messages.outcomes import Uploaded

A, B, C = (f"https://example.com/{name}.jpg" for name in "abc")
LINK_A, LINK_B = "https://i.imgur.com/aaa.jpg", "https://i.imgur.com/bbb.jpg"


class TestSending:
    def test_a_job_is_accepted_at_once(self, api: Any, backend: Any) -> None:
        answer = api.post([A, B])
        assert answer.status == 202
        assert list(answer.json) == ["jobId"]
        job_id = answer.json["jobId"]
        assert str(uuid.UUID(job_id)) == job_id
        assert answer.headers["location"] == f"/v1/images/upload/{job_id}"
        assert answer.headers["content-type"] == "application/json"
        assert backend.open_urls == 2

    def test_a_large_job_that_is_refused_is_not_sent_to_the_backend(
        self,
        make_backend: Callable[..., Any],
        make_api: Callable[..., Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Its message would hold up all others who ask the backend."""
        backend = make_backend(max_open_urls=3000)
        api = make_api(backend)
        urls = [f"https://example.com/{number}?{100 * 'x'}" for number in range(2500)]
        api.job(*urls)
        sent: list[Submission] = []
        put = backend._mailbox.put
        monkeypatch.setattr(backend._mailbox, "put", lambda job: sent.append(job) or put(job))
        answer = api.post(urls)
        assert (answer.status, answer.json["code"]) == (503, "queue-full")
        assert int(answer.headers["retry-after"]) > 0
        assert sent == []
        # With a key it may be the same request again.
        again = api.post(urls, headers={"Idempotency-Key": "k"})
        assert (again.status, again.json["code"]) == (503, "queue-full")
        api.post([A])
        assert [len(job.urls) for job in sent] == [len(urls), 1]

    def test_the_location_leads_to_the_job(self, api: Any) -> None:
        answer = api.post([A])
        assert api.get(answer.headers["location"]).json["id"] == answer.json["jobId"]

    def test_each_job_has_an_id_of_its_own(self, api: Any) -> None:
        assert api.job(A) != api.job(A)

    def test_duplicates_are_stripped_and_the_first_order_kept(self, api: Any) -> None:
        job_id = api.job(B, A, B, C, A)
        assert api.status(job_id)["uploaded"]["pending"] == [B, A, C]

    @pytest.mark.parametrize(
        "other",
        ["https://example.com/a.jpg?x", "https://EXAMPLE.com/a.jpg", "http://example.com/a.jpg"],
    )
    def test_only_the_same_text_is_a_duplicate(self, api: Any, other: str) -> None:
        job_id = api.job(A, other)
        assert api.status(job_id)["uploaded"]["pending"] == [A, other]

    def test_a_job_is_logged(self, make_api: Callable[..., Any], logged: list[Any]) -> None:
        job_id = make_api().job(A, A, B)
        (entry,) = [entry for entry in logged if entry["event"] != "request"]
        assert entry["event"] == "job accepted"
        assert entry["job_id"] == job_id
        assert (entry["urls"], entry["duplicates"]) == (2, 1)
        assert entry["client"] == "127.0.0.1"

    def test_a_full_queue_refuses_and_keeps_nothing(
        self, make_api: Callable[..., Any], make_backend: Callable[..., Any]
    ) -> None:
        backend = make_backend(max_open_urls=2)
        api = make_api(backend)
        assert api.post([A, B]).status == 202
        answer = api.post([C])
        assert answer.status == 503
        assert answer.json["code"] == "queue-full"
        assert int(answer.headers["retry-after"]) > 0
        assert backend.open_urls == 2

    def test_a_draining_backend_refuses(self, api: Any, backend: Any) -> None:
        backend.mailbox.close()
        answer = api.post([A])
        assert answer.status == 503
        assert answer.json["code"] == "draining"
        assert int(answer.headers["retry-after"]) > 0

    def test_a_lost_backend_is_said(self, api: Any, backend: Any) -> None:
        backend.failure = BackendLostError("gone")
        answer = api.post([A])
        assert answer.status == 503
        assert answer.json["code"] == "state-lost"


class TestStatus:
    def test_a_new_job_is_pending(self, api: Any) -> None:
        job_id = api.job(A, B)
        assert api.status(job_id) == {
            "id": job_id,
            "created": "2017-12-22T16:48:29.500Z",
            "finished": None,
            "status": "pending",
            "uploaded": {"pending": [A, B], "complete": [], "failed": []},
            "results": [
                {
                    "url": url,
                    "state": "pending",
                    "link": None,
                    "reason": None,
                    "message": None,
                    "attempts": 0,
                }
                for url in (A, B)
            ],
            "counts": {"pending": 2, "complete": 0, "failed": 0, "total": 2},
        }

    def test_a_job_in_work(self, api: Any, backend: Any) -> None:
        job_id = api.job(A, B, C)
        backend.upload(LINK_A)
        backend.fail("not-an-image", "This is a web page.")
        backend.put_off("source-error", "The source had an error.")
        status = api.status(job_id)
        assert status["status"] == "in-progress"
        assert status["finished"] is None
        assert status["uploaded"] == {"pending": [C], "complete": [LINK_A], "failed": [B]}
        assert status["results"] == [
            {
                "url": A,
                "state": "complete",
                "link": LINK_A,
                "reason": None,
                "message": None,
                "attempts": 1,
            },
            {
                "url": B,
                "state": "failed",
                "link": None,
                "reason": "not-an-image",
                "message": "This is a web page.",
                "attempts": 1,
            },
            {
                "url": C,
                "state": "pending",
                "link": None,
                "reason": "source-error",
                "message": "The source had an error.",
                "attempts": 1,
            },
        ]

    @pytest.mark.parametrize("last", ["upload", "fail"])
    def test_a_job_is_complete_with_its_last_url(self, api: Any, backend: Any, last: str) -> None:
        job_id = api.job(A, B)
        backend.fail("empty", "Nothing came.")
        backend.now = 1513961400.25
        backend.upload(LINK_B) if last == "upload" else backend.fail("empty", "Nothing came.")
        status = api.status(job_id)
        assert status["status"] == "complete"
        assert status["finished"] == "2017-12-22T16:50:00.250Z"
        assert status["uploaded"]["pending"] == []

    def test_lists_are_in_the_order_of_submission(self, api: Any, backend: Any) -> None:
        job_id = api.job(A, B)
        claim = backend.mailbox.claim
        first, second = (next(iter(claim("worker-1", 0).leases), None) for _ in range(2))
        for lease, link in ((second, LINK_B), (first, LINK_A)):
            backend.table.record(job_id, lease.index, Uploaded(link, "deletehash"))
        assert api.status(job_id)["uploaded"]["complete"] == [LINK_A, LINK_B]

    @pytest.mark.parametrize(
        "job_id",
        ["55355b7c-9b86-4a1a-b32e-6cdd6db07183", "nonsense", "42", "%00", "x" * 5000, "ü"],
    )
    def test_an_unknown_job_is_404(self, api: Any, job_id: str) -> None:
        answer = api.get(f"/v1/images/upload/{job_id}")
        assert answer.status == 404
        assert answer.json["code"] == "job-not-found"

    def test_what_is_no_id_does_not_trouble_the_backend(self, api: Any, backend: Any) -> None:
        api.get("/v1/images/upload/nonsense")
        assert backend.calls == 0

    def test_an_id_in_capitals_is_the_same(self, api: Any) -> None:
        job_id = api.job(A)
        assert api.status(job_id.upper())["id"] == job_id

    def test_a_status_is_kept_by_its_client_alone_and_asked_for_again(self, api: Any) -> None:
        answer = api.get(f"/v1/images/upload/{api.job(A)}")
        assert answer.headers["cache-control"] == "private, no-cache"

    def test_head_is_the_header_alone(self, api: Any) -> None:
        path = f"/v1/images/upload/{api.job(A)}"
        answer = api.send("HEAD", path)
        assert answer.status == 200
        assert answer.result.content == b""
        assert answer.headers["content-length"] == api.get(path).headers["content-length"]

    def test_a_lost_backend_is_said(self, api: Any, backend: Any) -> None:
        job_id = api.job(A)
        backend.failure = BackendLostError("gone")
        answer = api.get(f"/v1/images/upload/{job_id}")
        assert answer.status == 503
        assert answer.json["code"] == "state-lost"
        assert int(answer.headers["retry-after"]) > 0

    def test_half_a_surrogate_pair_does_not_hide_the_job(self, api: Any, backend: Any) -> None:
        job_id = api.job(A)
        backend.fail("imgur-refused", "Imgur says: \ud83d")
        answer = api.get(f"/v1/images/upload/{job_id}")
        assert answer.status == 200
        assert json.loads(answer.result.content)["results"][0]["message"] == "Imgur says: \ud83d"

    def test_the_answer_for_a_large_job_is_whole(self, api: Any, backend: Any) -> None:
        urls = [f"https://example.com/{number}.jpg" for number in range(20_000)]
        job_id = api.job(*urls)
        status = api.status(job_id)
        assert status["uploaded"]["pending"] == urls
        assert [result["url"] for result in status["results"]] == urls


class TestForecast:
    @pytest.mark.parametrize("is_before", [True, False])
    def test_a_job_that_ends_meanwhile(
        self, api: Any, backend: Any, monkeypatch: pytest.MonkeyPatch, *, is_before: bool
    ) -> None:
        """A client may rely on a forecast wherever the status is not complete."""
        job_id = api.job(A)
        forecast_of = Forecasts.of

        def ending(forecasts: Forecasts, of: str) -> Any:
            if is_before:
                backend.upload(LINK_A)
            found = forecast_of(forecasts, of)
            if not is_before:
                backend.upload(LINK_A)
            return found

        monkeypatch.setattr(Forecasts, "of", ending)
        answer = api.get(f"/v1/images/upload/{job_id}/forecast").json
        assert (answer["status"] == "complete") is (answer["forecast"] is None)


class TestSandbox:
    def test_every_answer_says_so(self, make_api: Callable[..., Any], backend: Any) -> None:
        api = make_api(IMGUR_CLIENT_ID="")
        job_id = api.job(A)
        backend.upload("http://127.0.0.1:8001/aaa.jpg")
        for path in (f"/v1/images/upload/{job_id}", "/v1/images"):
            answer = api.get(path)
            assert answer.json["sandbox"] is True
            assert re.search("sandbox", answer.headers["x-sandbox"])
        for path in ("/", "/readyz"):
            assert api.get(path).json["imgur"] == "sandbox"
        assert "x-sandbox" in api.get("/nowhere").headers

    def test_nothing_says_so_with_imgur(self, api: Any) -> None:
        job_id = api.job(A)
        for path in (f"/v1/images/upload/{job_id}", "/v1/images"):
            answer = api.get(path)
            assert "sandbox" not in answer.json
            assert "x-sandbox" not in answer.headers
        assert api.get("/readyz").json["imgur"] == "imgur"
