"""The front of the whole product: crowds, a Manager that is stopped, keys and limits."""

import concurrent.futures
import contextlib
import http.client
import os
import signal
import socket
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.processes import suspend
from tests.running_service import Launch, RunningService

PATIENCE = 60.0
ROOM = 100
"""Connections of a service with so few descriptors; see `service.http.connection_limits`."""
FEW_DESCRIPTORS = ("sh", "-c", f'ulimit -n {128 + 16 + ROOM} && exec "$0" "$@"')
IDLERS = 2 * ROOM
NO_JOB = f"/v1/images/upload/{uuid.uuid4()}"


def timed_get(service: Any, path: str) -> tuple[float, requests.Response]:
    began = time.monotonic()
    answer = requests.get(service.url + path, timeout=PATIENCE)
    return time.monotonic() - began, answer


@pytest.fixture(scope="module")
def narrow(launch_shared: Launch) -> RunningService:
    """A service that a crowd fills, and a client with its key."""
    service = launch_shared(FEW_DESCRIPTORS, WORKER_COUNT="1", API_KEYS="alice:key-a,bob:key-b")
    service.http.headers["X-API-Key"] = "key-b"
    return service.wait_until_ready()


def test_idle_connections_keep_nobody_out(narrow: RunningService) -> None:
    address = urlsplit(narrow.url)
    beginnings = [
        b"",
        b"GET /v1/images HTTP/1.1\r\nHost: te",
        b"POST /v1/images/upload HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n{",
    ]
    with contextlib.ExitStack() as stack:
        for number in range(IDLERS):
            sock = socket.create_connection((address.hostname, address.port), PATIENCE)
            stack.enter_context(sock).sendall(beginnings[number % 3])
        for path in ("/healthz", "/readyz", "/v1/images"):
            key = {"X-API-Key": "key-b"}
            answer = requests.get(narrow.url + path, headers=key, timeout=PATIENCE)
            assert answer.status_code == 200
        job_id = narrow.submit([narrow.sandbox + "/images/small.png"])
        assert narrow.wait_complete(job_id)["status"] == "complete"


def test_readers_that_do_not_read_keep_nobody_out(narrow: RunningService) -> None:
    """Without a key, from one address: requests in one piece for a page that anybody may see."""
    address = urlsplit(narrow.url)
    flood = b"GET /docs HTTP/1.1\r\nHost: test\r\n\r\n" * 100

    def ask(path: str, key: str) -> tuple[int, str]:
        """As another address."""
        connection = http.client.HTTPConnection(
            str(address.hostname), address.port, PATIENCE, source_address=("127.0.0.2", 0)
        )
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"X-API-Key": key})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    with contextlib.ExitStack() as stack:
        for number in range(IDLERS):
            sock = socket.socket()
            stack.callback(sock.close)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(PATIENCE)
            sock.connect((address.hostname, address.port))
            sock.sendall(flood)
            if number % 50 == 0 or number == IDLERS - 1:
                assert ask("/healthz", "none") == (200, '{"status":"ok"}')
                assert ask("/v1/images", "key-a") == (200, '{"uploaded":[]}')
                assert ask("/v1/images", "none")[0] == 401


def test_a_stopped_manager_takes_nothing_with_it(launch: Launch) -> None:
    service = launch(WORKER_COUNT="1").wait_until_ready()
    job_id = service.submit([service.sandbox + "/images/small.png"])
    service.wait_complete(job_id)
    paths = [f"/v1/images/upload/{job_id}", "/v1/images", NO_JOB] * 6
    with concurrent.futures.ThreadPoolExecutor(len(paths)) as pool:
        # It comes back in time: a pause, in which nobody is left without an answer.
        suspend(service.manager_pid)
        calls = [pool.submit(service.get, path) for path in paths]
        self_evident(service)
        os.kill(service.manager_pid, signal.SIGCONT)
        for call in calls:
            answer = call.result(PATIENCE)
            assert answer.status_code in {200, 404, 503}
        service.wait_for("readiness", lambda: service.get("/readyz").status_code == 200)
        assert service.status(job_id)["status"] == "complete"

        # It does not: all is refused in time, and the service gives up.
        suspend(service.manager_pid)
        calls = [pool.submit(service.get, path) for path in paths]
        self_evident(service)
        service.wait_for("fast refusals", lambda: refuses_at_once(service))
        for call in calls:
            answer = call.result(PATIENCE)
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.json()["code"] in {"state-silent", "state-lost"}
    assert service.wait_for_exit() == 1


def self_evident(service: Any) -> None:
    """Alive, not ready, and saying so while the rest waits."""
    for _ in range(3):
        assert service.get("/healthz").status_code == 200
        answer = service.get("/readyz")
        assert (answer.status_code, answer.json()["state"]) == (503, "silent")


def refuses_at_once(service: Any) -> bool:
    seconds, answer = timed_get(service, NO_JOB)
    return answer.status_code == 503 and seconds < 1.0


@pytest.fixture(scope="module")
def keyed(launch_shared: Launch) -> RunningService:
    """A service with keys and a limit."""
    names = ("alice", "bob", "anna", "carl", "dora")
    keys = ",".join(f"{name}:key-of-{name}-0123456789" for name in names)
    service = launch_shared(API_KEYS=keys, RATE_LIMIT="100/hour", WORKER_COUNT="1")
    service.must_not_log(*(f"key-of-{name}" for name in names))
    return service.wait_until_ready()


@contextlib.contextmanager
def client_of(name: str) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["X-API-Key"] = f"key-of-{name}-0123456789"
        yield session


def test_keys_and_limits(keyed: RunningService) -> None:
    with client_of("alice") as alice, client_of("bob") as bob:
        alice.headers["Authorization"] = f"Bearer {alice.headers.pop('X-API-Key')}"
        body = {"urls": [keyed.sandbox + "/images/small.png"]}
        accepted = alice.post(keyed.url + "/v1/images/upload", json=body, timeout=PATIENCE)
        assert accepted.status_code == 202
        job = keyed.url + accepted.headers["Location"]
        until_complete = {"Prefer": "wait=60"}
        status = alice.get(job, headers=until_complete, timeout=2 * PATIENCE).json()
        assert status["status"] == "complete"
        assert bob.get(job, timeout=PATIENCE).status_code == 404
        assert requests.get(job, timeout=PATIENCE).status_code == 401
        images = keyed.url + "/v1/images"
        assert (
            alice.get(images, timeout=PATIENCE).json()["uploaded"]
            == (status["uploaded"]["complete"])
        )
        answer = bob.get(images, timeout=PATIENCE)
        assert answer.json()["uploaded"] == []
        assert answer.headers["RateLimit"].startswith('"default";r=98;t=')
    event = keyed.wait_for_event("job accepted", job_id=status["id"])
    assert event["owner"] == "alice"


def test_routes_of_jobs_ask_for_a_key(keyed: RunningService) -> None:
    with client_of("anna") as anna, client_of("carl") as carl:
        body = {"urls": [keyed.sandbox + "/images/small.png"]}
        accepted = anna.post(keyed.url + "/v1/images/upload", json=body, timeout=PATIENCE)
        path, jobs = keyed.url + accepted.headers["Location"], keyed.url + "/v1/jobs"
        for method, url in (("DELETE", path), ("POST", f"{path}/retry"), ("GET", jobs)):
            assert requests.request(method, url, timeout=PATIENCE).status_code == 401
        assert carl.delete(path, timeout=PATIENCE).status_code == 404
        assert carl.post(f"{path}/retry", timeout=PATIENCE).status_code == 404
        assert carl.get(jobs, timeout=PATIENCE).json()["jobs"] == []
        (job,) = anna.get(jobs, timeout=PATIENCE).json()["jobs"]
        assert job["id"] == accepted.json()["jobId"]


def test_a_scraper_needs_a_key_where_others_do(keyed: RunningService) -> None:
    answer = keyed.get("/metrics")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    for path in ("/docs", "/docs/style.css", "/problems/queue-full", "/openapi.json"):
        assert keyed.get(path).status_code == 200
    with client_of("dora") as scraper:
        assert scraper.get(keyed.url + "/metrics", timeout=PATIENCE).status_code == 200
