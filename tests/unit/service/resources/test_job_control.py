"""Cancelling a job, sending once more what failed of it, and sending it twice."""

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.unit.service.openapi.test_document import check

URLS = ["https://s.test/0", "https://s.test/1", "https://s.test/2"]
NO_JOB = "55355b7c-9b86-4a1a-b32e-6cdd6db07183"
LINK = "https://i.imgur.com/a.jpg"
KEYS = {"API_KEYS": "anna:key-of-anna-0123456789,bob:key-of-bob-0123456789"}
ANNA, BOB = ({"X-API-Key": f"key-of-{name}-0123456789"} for name in ("anna", "bob"))


def cancel(api: Any, job_id: str, **more: Any) -> Any:
    return api.send("DELETE", f"/v1/images/upload/{job_id}", **more)


def retry(api: Any, job_id: str, **more: Any) -> Any:
    return api.send("POST", f"/v1/images/upload/{job_id}/retry", **more)


class TestCancelling:
    def test_what_waits_has_failed(self, api: Any, backend: Any) -> None:
        job_id = api.job(*URLS)
        backend.upload(LINK)
        with capture_logs() as logs:
            answer = cancel(api, job_id)
        assert (answer.status, answer.json) == (202, {"jobId": job_id, "cancelled": 2})
        assert answer.headers["location"] == f"/v1/images/upload/{job_id}"
        check(api.get("/openapi.json").json, "/v1/images/upload/{jobId}", answer, "delete")
        (line,) = [line for line in logs if line["event"] == "job cancelled"]
        assert (line["job_id"], line["urls"]) == (job_id, 2)
        status = api.status(job_id)
        assert status["cancelled"] is True
        assert status["status"] == "complete"
        assert status["finished"] is not None
        assert status["uploaded"] == {"pending": [], "complete": [LINK], "failed": URLS[1:]}
        assert [result["reason"] for result in status["results"]] == [None, *["cancelled"] * 2]

    def test_the_answer_is_the_same_again(self, api: Any) -> None:
        job_id = api.job(*URLS)
        first = cancel(api, job_id)
        assert cancel(api, job_id.upper()).json == first.json

    def test_a_job_that_ended_by_itself(self, api: Any, backend: Any) -> None:
        job_id = api.job(URLS[0])
        assert "cancelled" not in api.status(job_id)
        backend.upload(LINK)
        answer = cancel(api, job_id)
        assert (answer.status, answer.json["code"]) == (409, "job-complete")
        assert "cancelled" not in api.status(job_id)

    @pytest.mark.parametrize("job_id", [NO_JOB, "no-uuid"])
    def test_there_is_none(self, api: Any, job_id: str) -> None:
        answer = cancel(api, job_id)
        assert (answer.status, answer.json["code"]) == (404, "job-not-found")

    def test_it_is_its_owners(self, make_api: Any) -> None:
        api = make_api(**KEYS)
        job_id = api.job(*URLS, headers=ANNA)
        assert cancel(api, job_id).status == 401
        assert cancel(api, job_id, headers=BOB).status == 404
        assert cancel(api, job_id, headers=ANNA).status == 202


class TestRetrying:
    def test_what_failed_is_a_job_of_its_own(self, api: Any, backend: Any) -> None:
        job_id = api.job(*URLS)
        backend.upload(LINK)
        backend.fail("empty", "Nothing came.")
        backend.fail("empty", "Nothing came.")
        answer = retry(api, job_id)
        new = answer.json["jobId"]
        assert (answer.status, answer.json["retryOf"]) == (202, job_id)
        assert answer.headers["location"] == f"/v1/images/upload/{new}"
        document = api.get("/openapi.json").json
        check(document, "/v1/images/upload/{jobId}/retry", answer, "post")
        assert api.status(new)["uploaded"]["pending"] == URLS[1:]
        assert api.status(new)["retryOf"] == job_id
        assert api.status(job_id)["retriedAs"] == new
        assert api.status(job_id)["uploaded"]["failed"] == URLS[1:]
        check(document, "/v1/images/upload/{jobId}", api.get(f"/v1/images/upload/{job_id}"))
        assert retry(api, job_id).json == answer.json

    def test_the_tag_of_the_old_job_changes(self, api: Any, backend: Any) -> None:
        job_id = api.job(URLS[0])
        backend.fail("empty", "Nothing came.")
        tag = api.get(f"/v1/images/upload/{job_id}").headers["etag"]
        retry(api, job_id)
        known = api.get(f"/v1/images/upload/{job_id}", headers={"If-None-Match": tag})
        assert known.status == 200

    def test_refusals(self, api: Any, backend: Any) -> None:
        job_id = api.job(URLS[0])
        assert retry(api, job_id).json["code"] == "job-unfinished"
        backend.upload(LINK)
        answer = retry(api, job_id)
        assert (answer.status, answer.json["code"]) == (409, "nothing-to-retry")
        assert "retry-after" not in answer.headers
        for unknown in (NO_JOB, "no-uuid"):
            assert retry(api, unknown).json["code"] == "job-not-found"

    def test_the_queue_is_full(self, make_backend: Any, make_api: Any) -> None:
        backend = make_backend(max_open_urls=1)
        api = make_api(backend)
        job_id = api.job(URLS[0])
        backend.fail("empty", "Nothing came.")
        api.job(URLS[1])
        answer = retry(api, job_id)
        assert (answer.status, answer.json["code"]) == (503, "queue-full")
        assert "retry-after" in answer.headers

    def test_it_is_its_owners(self, make_api: Any) -> None:
        api = make_api(**KEYS)
        job_id = api.job(*URLS, headers=ANNA)
        assert retry(api, job_id).status == 401
        assert retry(api, job_id, headers=BOB).status == 404


class TestSendingTwice:
    def test_the_same_job_is_the_answer(self, api: Any, backend: Any) -> None:
        first = api.post(URLS, headers={"Idempotency-Key": '"one"'})
        assert "idempotency-replayed" not in first.headers
        # The same request with other white space, and the key without quotes.
        body = '{ "urls" : ["https://s.test/0", "https://s.test/1", "https://s.test/2"] }'
        again = api.post_body(body, headers={"Idempotency-Key": "one"})
        assert (again.status, again.json) == (202, first.json)
        assert again.headers["location"] == first.headers["location"]
        assert again.headers["idempotency-replayed"] == "true"
        assert backend.open_urls == 3

    def test_the_members_of_an_object_have_no_order(self, api: Any, backend: Any) -> None:
        headers = [("Authorization", "Bearer x"), ("Cookie", "a=b")]
        origins = ["https://s.test", "https://t.test"]
        ids = set()
        for turn in (1, -1):
            named = {origin: dict(headers[::turn]) for origin in origins[::turn]}
            body = json.dumps({"urls": URLS, "sourceHeaders": named})
            ids.add(api.post_body(body, headers={"Idempotency-Key": "one"}).json.get("jobId"))
        assert len(ids) == 1
        assert backend.open_urls == 3

    def test_another_job_with_the_key(self, api: Any) -> None:
        api.post(URLS, headers={"Idempotency-Key": "one"})
        answer = api.post(URLS[:1], headers={"Idempotency-Key": "one"})
        assert (answer.status, answer.json["code"]) == (422, "idempotency-key-reused")
        body = '{"urls": ["https://s.test/0"], "priority": "low"}'
        api.post(URLS[:1], headers={"Idempotency-Key": "two"})
        assert api.post_body(body, headers={"Idempotency-Key": "two"}).status == 422

    @pytest.mark.parametrize("key", ["", '""', " ", "a b", "ä", "k" * 256, '"a b"'])
    def test_no_key_at_all(self, api: Any, backend: Any, key: str) -> None:
        answer = api.post(URLS, headers={"Idempotency-Key": key})
        assert (answer.status, answer.json["code"]) == (400, "invalid-idempotency-key")
        assert "255 characters" in answer.json["detail"]
        assert backend.open_urls == 0

    def test_a_key_is_its_owners(self, make_api: Any) -> None:
        api = make_api(**KEYS)
        jobs = [api.post(URLS, headers=who | {"Idempotency-Key": "k"}).json for who in (ANNA, BOB)]
        assert jobs[0] != jobs[1]


class TestAskingAgain:
    def test_the_more_there_is_to_do_the_later(self, api: Any, backend: Any) -> None:
        few, many = api.job(URLS[0]), api.job(*(f"https://s.test/{n}" for n in range(2000)))
        path = "/v1/images/upload/"
        assert api.get(path + few).headers["retry-after"] == "1"
        assert api.get(path + many).headers["retry-after"] == "5"
        tag = api.get(path + few).headers["etag"]
        known = api.get(path + few, headers={"If-None-Match": tag})
        assert (known.status, known.headers["retry-after"]) == (304, "1")
        backend.upload(LINK)
        assert "retry-after" not in api.get(path + few).headers

    def test_where_nobody_can_wait_the_answer_comes_at_once(self, api: Any) -> None:
        answer = api.post(URLS, headers={"Prefer": "wait=10"})
        assert answer.status == 202
        assert "preference-applied" not in answer.headers
        status = api.get(answer.headers["location"], headers={"Prefer": "wait=10"})
        assert "preference-applied" not in status.headers
