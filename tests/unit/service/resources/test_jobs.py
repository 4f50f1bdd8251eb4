"""The list of jobs."""

from typing import Any

import pytest

from tests.unit.service.openapi.test_document import check

KEYS = {"API_KEYS": "anna:key-of-anna-0123456789,bob:key-of-bob-0123456789"}


def urls(count: int) -> list[str]:
    return [f"https://s.test/{number}" for number in range(count)]


def ids(answer: Any) -> list[str]:
    assert answer.status == 200, answer.json
    return [job["id"] for job in answer.json["jobs"]]


def test_jobs_are_listed_newest_first(api: Any, backend: Any) -> None:
    first, second = api.job(*urls(2)), api.job(*urls(1))
    backend.upload("https://i.imgur.com/a.jpg")
    answer = api.get("/v1/jobs")
    assert ids(answer) == [second, first]
    assert answer.json["next"] is None
    older = answer.json["jobs"][1]
    assert older["status"] == "in-progress"
    assert older["finished"] is None
    assert older["created"] == "2017-12-22T16:48:29.500Z"
    assert older["counts"] == {"pending": 1, "complete": 1, "failed": 0, "total": 2}


def test_pages_go_on_where_the_last_one_ended(api: Any) -> None:
    jobs = [api.job(*urls(1)) for _ in range(5)]
    shown: list[str] = []
    cursor = ""
    for _ in range(3):
        answer = api.get(f"/v1/jobs?limit=2{cursor}")
        shown += ids(answer)
        cursor = f"&cursor={answer.json['next']}"
    assert shown == jobs[::-1]
    assert answer.json["next"] is None


def test_a_status_can_be_asked_for(api: Any, backend: Any) -> None:
    done, begun, waiting = (api.job(*urls(1)) for _ in range(3))
    backend.upload("https://i.imgur.com/a.jpg")
    backend.put_off("source-error", "Busy.")
    assert ids(api.get("/v1/jobs?status=complete")) == [done]
    assert ids(api.get("/v1/jobs?status=in-progress")) == [begun]
    assert ids(api.get("/v1/jobs?status=pending")) == [waiting]


def test_a_key_sees_its_own(make_api: Any) -> None:
    api = make_api(**KEYS)
    anna = {"X-API-Key": "key-of-anna-0123456789"}
    job = api.job(*urls(1), headers=anna)
    assert ids(api.get("/v1/jobs", headers=anna)) == [job]
    assert ids(api.get("/v1/jobs", headers={"X-API-Key": "key-of-bob-0123456789"})) == []
    assert api.get("/v1/jobs").status == 401


@pytest.mark.parametrize(
    "query",
    [
        "status=done",
        "status=pending&status=complete",
        "limit=0",
        "limit=1001",
        "cursor=x",
        "cursor=0",
    ],
)
def test_what_makes_no_sense_is_refused(api: Any, query: str) -> None:
    answer = api.get(f"/v1/jobs?{query}")
    assert (answer.status, answer.json["code"]) == (400, "invalid-page")
    assert query.partition("=")[0] in answer.json["detail"]


def test_it_says_what_was_done_with_jobs(make_api: Any, backend: Any) -> None:
    api = make_api(SANDBOX="on")
    old = api.job(*urls(2))
    api.send("DELETE", f"/v1/images/upload/{old}")
    new = api.send("POST", f"/v1/images/upload/{old}/retry").json["jobId"]
    answer = api.get("/v1/jobs")
    check(api.get("/openapi.json").json, "/v1/jobs", answer)
    by_id = {job["id"]: job for job in answer.json["jobs"]}
    assert by_id[old]["cancelled"] is True
    assert by_id[old]["retriedAs"] == new
    assert by_id[new]["retryOf"] == old
    assert answer.json["sandbox"] is True
