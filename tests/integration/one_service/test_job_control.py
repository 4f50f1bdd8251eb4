"""Cancelling, retrying, listing, sending twice and waiting, through the real processes."""

import collections
import uuid
from concurrent.futures import ThreadPoolExecutor

import requests

from tests.gate import ALLOWED

WAITERS = 12  # more than the web server has threads
PATIENCE = 60


def urls_of(service, name: str, count: int) -> list[str]:
    base = f"{service.sandbox}/images/numbered"
    return [f"{base}/{name}-{number}.png" for number in range(count)]


def send(service, method: str, path: str, **more) -> requests.Response:
    return requests.request(method, service.url + path, timeout=PATIENCE, **more)


def cancel(service, job_id: str) -> requests.Response:
    return send(service, "DELETE", f"/v1/images/upload/{job_id}")


def retry(service, job_id: str) -> requests.Response:
    return send(service, "POST", f"/v1/images/upload/{job_id}/retry")


def post(service, urls: list[str], **headers: str) -> requests.Response:
    return send(service, "POST", "/v1/images/upload", json={"urls": urls}, headers=headers)


def test_a_cancelled_job_ends_and_what_was_in_work_is_kept(service, gate):
    gate.let(1)
    job_id = service.submit(gate.urls(service.sandbox, "cancel", 200))
    service.wait_for("an image of the job", lambda: service.status(job_id)["uploaded"]["complete"])
    answer = cancel(service, job_id)
    assert answer.status_code == 202
    gate.open()
    status = service.wait_complete(job_id)
    assert status["cancelled"] is True
    reasons = collections.Counter(result["reason"] for result in status["results"])
    assert set(reasons) == {None, "cancelled"}
    assert reasons["cancelled"] == answer.json()["cancelled"] == status["counts"]["failed"]
    assert reasons[None] == len(status["uploaded"]["complete"])
    assert cancel(service, job_id).json() == answer.json()
    assert service.status(job_id) == status


def test_what_was_cancelled_is_uploaded_by_its_retry(service, gate):
    old = service.submit(gate.urls(service.sandbox, "retry", 200))
    assert retry(service, old).json()["code"] == "job-unfinished"
    cancel(service, old)
    gate.open()
    ended = service.wait_complete(old)
    answer = retry(service, old)
    new = answer.json()["jobId"]
    assert (answer.status_code, answer.json()["retryOf"]) == (202, old)
    status = service.wait_complete(new)
    assert status["retryOf"] == old
    assert [result["url"] for result in status["results"]] == ended["uploaded"]["failed"]
    assert status["uploaded"]["failed"] == []
    assert service.status(old)["retriedAs"] == new
    assert retry(service, old).json() == answer.json()
    assert retry(service, new).json()["code"] == "nothing-to-retry"
    assert cancel(service, new).json()["code"] == "job-complete"
    listed = send(service, "GET", "/v1/jobs?limit=2").json()["jobs"]
    assert [job["id"] for job in listed] == [new, old]


def test_jobs_that_nobody_knows(service):
    for unknown in (str(uuid.uuid4()), "no-uuid"):
        for answer in (cancel(service, unknown), retry(service, unknown)):
            assert (answer.status_code, answer.json()["code"]) == (404, "job-not-found")


def test_the_same_request_at_the_same_moment_makes_one_job(service):
    urls, key = urls_of(service, "same", 5), str(uuid.uuid4())
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: post(service, urls, **{"Idempotency-Key": key}), range(8))
        )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["jobId"] for answer in answers}) == 1
    replayed = [answer.headers.get("Idempotency-Replayed") for answer in answers]
    assert sorted(map(str, replayed)) == ["None", *["true"] * 7]
    assert post(service, urls[:1], **{"Idempotency-Key": key}).status_code == 422
    assert post(service, urls, **{"Idempotency-Key": "a b"}).status_code == 400


def test_a_post_that_waits_is_answered_at_the_end(service):
    key = str(uuid.uuid4())
    urls = urls_of(service, "wait", 3)
    answer = post(service, urls, **{"Idempotency-Key": key, "Prefer": "wait=30"})
    assert answer.status_code == 202
    assert answer.headers["Preference-Applied"] == "wait=30"
    assert answer.headers["Location"].endswith(answer.json()["jobId"])
    assert service.status(answer.json()["jobId"])["status"] == "complete"
    # The request is in the log under the name that the answer gives it.
    line = service.wait_for_event("job accepted", job_id=answer.json()["jobId"])
    assert line["request_id"] == answer.headers["X-Request-ID"]
    again = post(service, urls, **{"Idempotency-Key": key, "Prefer": "wait=30"})
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Preference-Applied" not in again.headers


def test_a_status_that_waits_too_long_is_answered_as_it_is(service, gate):
    job_id = service.submit(gate.urls(service.sandbox, "long", 10))
    service.wait_for("work", lambda: gate.asked)
    path = f"/v1/images/upload/{job_id}"
    answer = send(service, "GET", path, headers={"Prefer": "wait=1"})
    assert answer.headers["Preference-Applied"] == "wait=1"
    assert answer.json()["status"] == "in-progress"
    assert int(answer.headers["Retry-After"]) >= 1
    gate.open()
    service.wait_complete(job_id)


def test_those_who_wait_hold_up_nobody(service, gate):
    job_id = service.submit(gate.urls(service.sandbox, "many", 50))
    path = f"/v1/images/upload/{job_id}?limit=1"
    with ThreadPoolExecutor(WAITERS) as pool:
        waiting = [
            pool.submit(send, service, "GET", path, headers={"Prefer": "wait=30"})
            for _ in range(WAITERS)
        ]
        service.wait_for("waiters", lambda: sum(future.running() for future in waiting) == WAITERS)
        assert not any(future.done() for future in waiting)
        # With all threads held, this would be answered when the first of them gives up.
        assert cancel(service, job_id).status_code == 202
        gate.open()
        answers = [future.result(PATIENCE) for future in waiting]
    assert {answer.json()["status"] for answer in answers} == {"complete"}


def test_a_cancelled_job_and_a_key_outlive_kill_9(launch, gate, tmp_path):
    settings = {"JOURNAL_PATH": str(tmp_path / "journal"), "WORKER_CONCURRENCY": "4", **ALLOWED}
    service = launch(**settings).wait_until_ready()
    urls = gate.urls(service.sandbox, "journal", 100)
    job_id = post(service, urls, **{"Idempotency-Key": "key"}).json()["jobId"]
    service.wait_for("work", lambda: service.status(job_id)["status"] == "in-progress")
    assert cancel(service, job_id).status_code == 202
    service.kill_all()

    service = launch(**settings).wait_until_ready()
    status = service.status(job_id)
    assert (status["status"], status["cancelled"]) == ("complete", True)
    assert status["counts"]["total"] == len(urls)
    again = post(service, urls, **{"Idempotency-Key": "key"})
    assert again.json() == {"jobId": job_id}
    assert again.headers["Idempotency-Replayed"] == "true"
