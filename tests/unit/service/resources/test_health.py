import threading
from collections.abc import Callable
from typing import Any

import falcon
import pytest
from falcon import testing

from service.backend.circuit_breaker import CircuitBreaker
from service.resources.health import ReadinessResource
from workers import BackendHealth, BackendState


def test_alive_without_asking_anybody(api: Any, backend: Any) -> None:
    backend.failure = RuntimeError("nobody may ask")
    answer = api.get("/healthz")
    assert answer.status == 200
    assert answer.json == {"status": "ok"}
    assert backend.calls == 0


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (BackendState.STARTING, 503),
        (BackendState.READY, 200),
        (BackendState.DRAINING, 503),
        (BackendState.LOST, 503),
    ],
)
def test_readiness_follows_the_backend(
    api: Any, backend: Any, state: BackendState, status: int
) -> None:
    backend.state = state
    answer = api.get("/readyz")
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["ready"] is (status == 200)
    assert answer.json["state"] == state.value
    assert answer.json["detail"].endswith(".")
    assert ("retry-after" in answer.headers) is (status == 503)


def test_readiness_counts(api: Any, backend: Any) -> None:
    api.job("https://example.com/a", "https://example.com/b")
    backend.mailbox.claim("worker-1", 0)
    answer = api.get("/readyz").json
    assert answer["workers_ready"] == 1
    assert answer["workers_wanted"] == 2
    assert answer["queued_urls"] == 1
    assert answer["leased_urls"] == 1


def test_readiness_tells_of_a_pause(api: Any, backend: Any) -> None:
    backend.pause_seconds = 61.44
    answer = api.get("/readyz")
    assert answer.status == 200
    assert answer.json["pause_seconds"] == 61.4
    assert "61 s" in answer.json["detail"]


def test_readiness_tells_of_a_spent_budget(make_api: Callable[..., Any], backend: Any) -> None:
    why = "Uploads wait for IMGUR_UPLOADS_PER_DAY (1,250); the next begins by 2026-12-01 08:00 UTC."
    backend.table.hold(("imgur-rate-limited", why))
    assert why in make_api().get("/readyz").json["detail"]


def test_readiness_tells_of_a_journal_that_cannot_be_written(api: Any, backend: Any) -> None:
    backend.journal_error = "No space left on device"
    answer = api.get("/readyz")
    assert answer.status == 200, "what is there can be read"
    assert answer.json["detail"].startswith(
        "New jobs are refused, as the journal could not be written: No space left on device."
    )


def test_readiness_says_that_it_is_the_sandbox(make_api: Callable[..., Any]) -> None:
    answer = make_api(IMGUR_CLIENT_ID="").get("/readyz")
    assert answer.json["imgur"] == "sandbox"
    assert "sandbox" in answer.json["detail"]
    assert "x-sandbox" in answer.headers


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/", "/v1/images", "/openapi.json"])
def test_head_is_answered(api: Any, path: str) -> None:
    answer = api.send("HEAD", path)
    assert answer.status == 200
    assert answer.result.content == b""


def test_the_index_names_routes_that_exist(api: Any) -> None:
    index = api.get("/").json
    assert index["service"] == "imgup"
    for route in index["routes"]:
        method, path = route.split()
        path = path.replace("{jobId}", "55355b7c-9b86-4a1a-b32e-6cdd6db07183")
        answer = api.send(method, path.replace("{code}", "draining"))
        assert answer.status != 405
        assert b'"code":"not-found"' not in answer.result.content


def test_a_silent_backend_is_not_ready(backend: Any) -> None:
    gate_open = threading.Event()

    class Silent:
        def health(self) -> BackendHealth:
            assert gate_open.wait(60)
            return backend.health()

        def workers_wanted(self) -> int:
            return 3

    resource = ReadinessResource(
        CircuitBreaker(Silent(), health_seconds=0.05),  # type: ignore[arg-type]  # asked for nothing else
        sandbox=False,
    )
    app = falcon.App()
    app.add_route("/readyz", resource)
    client = testing.TestClient(app)
    try:
        answer = client.simulate_get("/readyz")
        assert answer.status_code == 503
        assert answer.json["state"] == "silent"
        assert answer.json["ready"] is False
        assert answer.json["workers_wanted"] == 3
        assert "retry-after" in answer.headers
    finally:
        gate_open.set()
