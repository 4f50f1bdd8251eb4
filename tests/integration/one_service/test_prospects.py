"""Limits and forecasts of the whole product: from the sandbox's headers to the routes."""

from datetime import UTC, datetime

import pytest

from tests.running_service import Launch, RunningService

NOBODYS_JOB = "55355b7c-9b86-4a1a-b32e-6cdd6db07183"


def seconds_from_now(stamp: str) -> float:
    return (datetime.fromisoformat(stamp) - datetime.now(UTC)).total_seconds()


def test_limits_are_those_of_the_last_upload(service: RunningService) -> None:
    service.upload_all([f"{service.sandbox}/images/small.png?limits"])
    limits = service.wait_for(
        "limits",
        lambda: (found := service.get("/v1/limits").json())["posts"]["limit"] and found,
    )
    shown = limits["credits"]
    assert limits["sandbox"] is True
    assert (limits["paused"], limits["pauseSeconds"]) == (False, 0.0)
    # sandbox/imgur_answers.py: nearly all is left, and it does not count down.
    assert (shown["client"]["limit"], shown["client"]["remaining"]) == (12_500, 12_490)
    assert (shown["user"]["limit"], shown["user"]["remaining"]) == (2000, 1990)
    assert (limits["posts"]["limit"], limits["posts"]["remaining"]) == (1250, 1249)
    assert 3000 < seconds_from_now(limits["posts"]["reset"]) <= 3600
    assert 86_000 < seconds_from_now(shown["client"]["reset"]) <= 86_400


def test_a_complete_job_has_no_forecast(service: RunningService) -> None:
    job = service.upload_all([f"{service.sandbox}/images/small.png?forecast"])
    answer = service.get(f"/v1/images/upload/{job['id']}/forecast").json()
    assert answer == {
        "id": job["id"],
        "status": "complete",
        "counts": {"pending": 0, "complete": 1, "failed": 0, "total": 1},
        "forecast": None,
        "sandbox": True,
    }


@pytest.mark.parametrize("job_id", [NOBODYS_JOB, "nonsense"])
def test_unknown_jobs_have_none(service: RunningService, job_id: str) -> None:
    answer = service.get(f"/v1/images/upload/{job_id}/forecast")
    assert (answer.status_code, answer.json()["code"]) == (404, "job-not-found")


def test_a_pause_that_imgur_asks_for_is_seen(launch: Launch) -> None:
    service = launch(SANDBOX="on", WORKER_COUNT="1", WORKER_CONCURRENCY="2").wait_until_ready()
    before = service.get("/v1/limits").json()
    assert before["credits"]["user"] == {"limit": None, "remaining": None, "reset": None}
    assert before["ratePerSecond"] is None
    # More than half a second of work, on two lanes: fewer say nothing of the rate.
    slow = f"{service.sandbox}/faults/latency/20/images/small.png"
    service.upload_all([f"{slow}?{n}" for n in range(80)])
    job_id = service.submit([f"{service.sandbox}/images/imgur-fault/429-string-1200.png"])
    limits = service.wait_for(
        "pause", lambda: (found := service.get("/v1/limits").json())["paused"] and found
    )
    assert 1000 < limits["pauseSeconds"] <= 1200
    assert limits["credits"]["user"]["remaining"] == 0
    shown = service.get(f"/v1/images/upload/{job_id}/forecast").json()
    assert shown["status"] == "in-progress"
    forecast = shown["forecast"]
    assert forecast["ahead"] == shown["counts"]["pending"] - 1
    assert 1000 < forecast["pauseSeconds"] <= 1200
    assert forecast["ratePerSecond"] > 0
    assert 1000 < seconds_from_now(forecast["expectedFinish"]) < 1300
