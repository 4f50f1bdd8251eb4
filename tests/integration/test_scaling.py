"""Workers come and go while the service runs: told to, and by themselves."""

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from service.run import _backend_config
from service.settings.environment import load_settings
from tests.gate import ALLOWED, Gate
from tests.job_snapshot import snapshot_of
from tests.metric_values import values_of
from tests.running_service import BACKEND, RunningService, not_over_ray
from tests.shared_sandbox import SharedSandbox
from tests.waiting import wait_until
from workers import (
    BackendConfig,
    ClusterAddress,
    LocalBackend,
    ManagedBackend,
    ScalingRules,
    Submission,
    ray_backend,
)
from workers.contract.wakeup_pipe import WakeupPipe

SOON = 60.0
URLS = 40
ADMIN = {"X-API-Key": "key-of-the-admin"}
KEYS = {"ADMIN_KEY": "key-of-the-admin", "API_KEYS": "alice:key-1"}


def scale(service: RunningService, count: int) -> dict[str, object]:
    answer = service.http.put(
        service.url + "/v1/workers", json={"count": count}, headers=ADMIN, timeout=30
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def workers(service: RunningService) -> dict[str, int]:
    return service.get("/v1/workers").json()


def figure(service: RunningService, name: str) -> float:
    lines = service.get("/metrics").text.splitlines()
    (value,) = [float(line.partition(" ")[2]) for line in lines if line.startswith(name + " ")]
    return value


def test_more_and_fewer_while_a_job_is_under_way(launch, gate: Gate) -> None:
    service = launch(
        WORKER_COUNT="1", WORKER_CONCURRENCY="4", ADMIN_KEY="key-of-the-admin", **ALLOWED
    ).wait_until_ready()
    job_id = service.submit(gate.urls(service.sandbox, "scaled", URLS))

    answer = scale(service, 4)
    assert (answer["wanted"], answer["most"], answer["automatic"]) == (4, 512, False)
    service.wait_for("four workers", lambda: workers(service)["ready"] == 4)
    service.wait_for("urls in the hands of all four", lambda: gate.asked == 16)
    assert len(service.worker_pids()) == 4
    assert (figure(service, "imgup_workers_wanted"), figure(service, "imgup_lanes")) == (4, 16)

    assert scale(service, 1)["wanted"] == 1
    service.wait_for("three that leave", lambda: workers(service)["leaving"] == 3)
    gate.let(16)
    service.wait_for("one worker", lambda: len(service.worker_pids()) == 1)
    service.wait_for(
        "word of that",
        lambda: (now := workers(service)) and (now["ready"], now["leaving"]) == (1, 0),
    )
    assert service.status(job_id)["status"] == "in-progress", "they left in the middle of it"
    assert figure(service, "imgup_workers_ready") == figure(service, "imgup_workers_wanted") == 1

    gate.open()
    results = service.wait_complete(job_id)["results"]
    assert {(result["state"], result["attempts"]) for result in results} == {("complete", 1)}
    uploads = Counter(upload["name"] for upload in service.sandbox_uploads()["uploads"])
    assert uploads == dict.fromkeys((f"scaled-{number}.png" for number in range(URLS)), 1)
    service.stop()
    assert not service.events("worker died")
    changes = [(change["was"], change["wanted"]) for change in service.events("workers changed")]
    assert changes == [(1, 4), (4, 1)]


def test_a_worker_that_is_killed_while_it_leaves_loses_nothing(launch, gate: Gate) -> None:
    service = launch(
        WORKER_COUNT="2", WORKER_CONCURRENCY="2", ADMIN_KEY="key-of-the-admin", **ALLOWED
    ).wait_until_ready()
    job_id = service.submit(gate.urls(service.sandbox, "killed", 12))
    service.wait_for("urls in work", lambda: gate.asked == 4)
    pid = service.worker_pid("worker-2.1")
    scale(service, 1)
    service.wait_for("one that leaves", lambda: workers(service)["leaving"] == 1)
    os.kill(pid, signal.SIGKILL)
    service.wait_for("its end", lambda: workers(service)["leaving"] == 0)
    gate.open()
    results = service.wait_complete(job_id)["results"]
    assert {result["state"] for result in results} == {"complete"}
    (death,) = service.wait_for_events("worker died", 1)
    assert death["worker"] == "worker-2.1"
    assert service.worker_pids() == [service.worker_pid("worker-1.1")], "nobody has replaced it"
    uploads = Counter(upload["name"] for upload in service.sandbox_uploads()["uploads"])
    assert len(uploads) == 12
    assert sum(uploads.values()) <= 12 + 2, "what was in its hands, once more at most"


@pytest.fixture(scope="module")
def guarded(launch_shared) -> RunningService:
    """A service with both kinds of keys."""
    return launch_shared(WORKER_COUNT="1", WORKER_COUNT_MAX="8", **KEYS).wait_until_ready()


@not_over_ray("The web side refuses them.")
class TestRefusals:
    @pytest.mark.parametrize(
        ("headers", "body", "status", "code"),
        [
            ({}, '{"count": 2}', 401, "unauthorized"),
            ({"Authorization": "Bearer key-2"}, '{"count": 2}', 401, "unauthorized"),
            ({"Authorization": "Bearer key-1"}, '{"count": 2}', 403, "admin-key-needed"),
            (ADMIN, '{"count": 9}', 400, "invalid-worker-count"),
            (ADMIN, '{"count": "2"}', 400, "invalid-worker-count"),
            (ADMIN, "{}", 400, "invalid-worker-count"),
            (ADMIN, '{"count"', 400, "invalid-json"),
            (ADMIN, "[2]", 400, "not-an-object"),
            (ADMIN, '{"workers": 2}', 400, "unknown-field"),
            (ADMIN, '{"count": 2}' + " " * 1024, 413, "body-too-large"),
            (ADMIN | {"Content-Type": "text/plain"}, '{"count": 2}', 415, "unsupported-media-type"),
        ],
        ids=lambda value: value if isinstance(value, str) and "{" not in value else "",
    )
    def test_nothing_changes(
        self, guarded: RunningService, headers: dict[str, str], body: str, status: int, code: str
    ) -> None:
        answer = guarded.http.put(
            guarded.url + "/v1/workers",
            data=body,
            headers={"Content-Type": "application/json"} | headers,
            timeout=30,
        )
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["Content-Type"] == "application/problem+json"
        shown = guarded.http.get(guarded.url + "/v1/workers", headers=ADMIN, timeout=30).json()
        assert (shown["wanted"], shown["most"], shown["automatic"]) == (1, 8, True)

    def test_the_log_does_not_show_the_key(self, guarded: RunningService) -> None:
        guarded.must_not_log("key-of-the-admin")

    def test_who_may_look(self, guarded: RunningService) -> None:
        for headers, status in (({}, 401), ({"X-API-Key": "key-1"}, 200), (ADMIN, 200)):
            answer = guarded.http.get(guarded.url + "/v1/workers", headers=headers, timeout=30)
            assert answer.status_code == status


@not_over_ray("The setting is the web side's; a backend on Ray grows and shrinks below.")
def test_it_grows_by_itself_where_a_bound_is_set(launch, gate: Gate) -> None:
    bounds = {"WORKER_COUNT": "1", "WORKER_COUNT_MAX": "2", "WORKER_CONCURRENCY": "2"}
    service = launch(**bounds, **ALLOWED, DRAIN_SECONDS="0").wait_until_ready()
    service.submit(gate.urls(service.sandbox, "grown", 200))
    service.wait_for("second worker", lambda: workers(service)["ready"] == 2)
    (change,) = service.wait_for_events("workers changed", 1)
    assert (change["was"], change["wanted"]) == (1, 2)
    assert change["why"].endswith("URLs wait, all lanes are busy")
    answer = service.http.put(service.url + "/v1/workers", json={"count": 1}, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (403, "admin-key-not-set")


def engine(config: BackendConfig) -> ManagedBackend:
    if BACKEND == "ray":
        return ray_backend(config, ClusterAddress(address="", namespace="test"))
    return LocalBackend(config)


@pytest.fixture
def backend(
    monkeypatch: pytest.MonkeyPatch, shared_sandbox: SharedSandbox
) -> Iterator[ManagedBackend]:
    """A backend that takes less time over it than a service does, supervised by a thread."""
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # a backend on Ray puts another one in its place
    rules = ScalingRules(
        maximum=4,
        wait_seconds=1.0,
        hold_seconds=0.5,
        grow_seconds=0.5,
        quiet_seconds=0.5,
        shrink_seconds=0.5,
        heeds_quota=False,
    )
    with ExitStack() as running:
        running.enter_context(capture_logs())  # this process's log is not set up
        environ = {"WORKER_COUNT": "1", "WORKER_CONCURRENCY": "2", "LOG_LEVEL": "ERROR"} | ALLOWED
        config = _backend_config(load_settings(shared_sandbox.settings(environ)), None)
        backend = engine(replace(config, scaling=rules))
        running.callback(backend.stop)
        backend.start()
        stop = WakeupPipe()
        supervision = threading.Thread(target=backend.supervise, args=(stop,))
        supervision.start()
        running.callback(supervision.join, SOON)
        running.callback(stop.ring)
        yield backend


def wait_for_workers(backend: ManagedBackend, count: int) -> None:
    def are_there() -> bool:
        health = backend.health()
        stats = health.stats
        return stats.workers_ready == health.workers_wanted == count and not stats.workers_draining

    wait_until(are_there, lambda: f"never were there {count} workers, but {backend.health()}")


def test_it_grows_under_a_queue_and_shrinks_when_that_is_done(
    backend: ManagedBackend, shared_sandbox: SharedSandbox, gate: Gate
) -> None:
    wait_for_workers(backend, 1)
    urls = tuple(gate.urls(shared_sandbox.origin, "queued", 80))
    assert backend.mailbox.put(Submission("job", urls)) is None
    wait_for_workers(backend, 4)
    gate.open()
    wait_for_workers(backend, 1)
    snapshot = snapshot_of(backend.job_table, "job")
    assert snapshot is not None
    assert len(snapshot.links) == 80
    assert set(snapshot.attempts) == {1}
    figures = values_of(backend.mailbox.metrics())
    restarts = {key: count for key, count in figures.items() if "worker_restarts" in key[0]}
    assert restarts
    assert not any(restarts.values()), restarts

    backend.scale(3)
    wait_for_workers(backend, 3)
