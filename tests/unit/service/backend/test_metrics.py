"""What /metrics says, of a backend of plain classes."""

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.backend.circuit_breaker import BackendSilentError
from workers import BackendLostError

URLS = [f"https://example.com/{number}.jpg" for number in range(3)]


def samples(api: Any) -> dict[tuple[str, ...], float]:
    """Values by name and labels, ``le`` of buckets included."""
    answer = api.get("/metrics")
    assert answer.status == 200
    families = text_string_to_metric_families(answer.result.text)
    return {
        (sample.name, *(f"{key}={value}" for key, value in sorted(sample.labels.items()))): (
            sample.value
        )
        for family in families
        for sample in family.samples
    }


def test_it_is_the_text_form(api: Any) -> None:
    answer = api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.headers["cache-control"] == "no-store"
    assert "# TYPE imgup_images_total counter" in answer.result.text


def test_or_openmetrics(api: Any) -> None:
    headers = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = api.get("/metrics", headers=headers)
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.result.text.endswith("# EOF\n")


@pytest.mark.parametrize("version", ['"1.0.0"', "latest", "1.x"])
def test_a_version_that_is_no_number(api: Any, version: str) -> None:
    for media_type in ("application/openmetrics-text", "text/plain"):
        answer = api.get("/metrics", headers={"Accept": f"{media_type}; version={version}"})
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/plain; version=")


def test_the_life_of_a_job(api: Any, backend: Any) -> None:
    api.job(*URLS)
    backend.upload("https://i.imgur.com/a.jpg")
    backend.fail("not-an-image", "It is not.")
    found = samples(api)
    assert found[("imgup_jobs_accepted_total",)] == 1
    assert found[("imgup_urls_accepted_total",)] == 3
    assert found[("imgup_jobs_finished_total",)] == 0
    assert found[("imgup_images_total", "outcome=complete", "reason=")] == 1
    assert found[("imgup_images_total", "outcome=failed", "reason=not-an-image")] == 1
    assert found[("imgup_attempts_total",)] == 2
    assert found[("imgup_queued_urls",)] == 1
    assert 1_000 < found[("imgup_state_bytes",)] < found[("imgup_state_bytes_max",)]
    assert found[("imgup_queue_seconds_count",)] == 2
    backend.upload("https://i.imgur.com/b.jpg")
    found = samples(api)
    assert found[("imgup_jobs_finished_total",)] == 1
    assert found[("imgup_job_seconds_count",)] == 1
    assert found[("imgup_job_seconds_bucket", "le=+Inf")] == 1


def test_retries_and_refusals(make_api: Any, make_backend: Any) -> None:
    backend = make_backend(max_open_urls=1)
    api = make_api(backend)
    api.job(URLS[0])
    backend.put_off("connect-failed", "No connection.")
    assert api.post(URLS[:1]).status == 503
    found = samples(api)
    assert found[("imgup_retries_total", "reason=connect-failed")] == 1
    assert found[("imgup_jobs_refused_total", "code=queue-full")] == 1
    assert found[("imgup_delayed_urls",)] == 1
    assert found[("imgup_jobs_accepted_total",)] == 1


def test_what_has_not_happened_yet_is_there_as_zero(api: Any) -> None:
    found = samples(api)
    assert found[("imgup_images_total", "outcome=failed", "reason=worker-crashed")] == 0
    assert found[("imgup_jobs_refused_total", "code=draining")] == 0
    assert found[("imgup_worker_restarts_total", "cause=stuck")] == 0


def test_requests_are_counted_by_route(api: Any) -> None:
    for job_id in (api.job(URLS[0]), api.job(URLS[1]), "x"):
        api.get(f"/v1/images/upload/{job_id}")
    api.send("TRACE", "/coffee")
    api.get("/tea")
    found = samples(api)
    route = "route=/v1/images/upload/{job_id}"
    name = "imgup_http_requests_total"
    assert found[(name, "method=GET", route, "status=200")] == 2
    assert found[(name, "method=GET", route, "status=404")] == 1
    assert found[(name, "method=other", "route=other", "status=404")] == 1
    assert found[(name, "method=GET", "route=other", "status=404")] == 1
    assert found[("imgup_http_request_seconds_count", "method=GET", route)] == 3


def test_this_process_is_measured(api: Any) -> None:
    assert samples(api)[("process_resident_memory_bytes",)] > 0


@pytest.mark.parametrize("count", [1, 3])
def test_how_much_there_should_be_now(make_api: Any, backend: Any, count: int) -> None:
    backend.wanted = count
    found = samples(make_api(WORKER_COUNT="2", WORKER_CONCURRENCY="5"))
    assert (found[("imgup_workers_wanted",)], found[("imgup_lanes",)]) == (count, 5 * count)
    assert found[("imgup_workers_ready",)] == 0
    backend.mailbox.claim("worker-1", 0)
    assert samples(make_api())[("imgup_workers_ready",)] == 1


@pytest.mark.parametrize("failure", [BackendLostError("gone"), BackendSilentError("silent")])
def test_without_the_backend_the_rest_is_told(api: Any, backend: Any, failure: Exception) -> None:
    assert samples(api)[("imgup_board_up",)] == 1
    backend.failure = failure
    found = samples(api)
    assert found[("imgup_board_up",)] == 0
    assert found[("imgup_http_requests_total", "method=GET", "route=/metrics", "status=200")] == 1
    assert ("imgup_queued_urls",) not in found


def test_the_backend_is_asked_once_a_scrape(api: Any, backend: Any) -> None:
    before = backend.calls
    api.get("/metrics")
    assert backend.calls == before + 1


@pytest.mark.parametrize(("key", "status"), [("key-1", 200), ("key-2", 401), (None, 401)])
def test_it_asks_for_a_key_as_other_routes_do(make_api: Any, key: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    assert make_api(API_KEYS="scraper:key-1").get("/metrics", headers=headers).status == status
