"""The front of the whole product: crowds, a Manager that is stopped, keys and limits."""

import concurrent.futures
import contextlib
import http.client
import os
import resource
import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.running_service import suspend

PATIENCE = 60.0
IDLERS = 1200  # more than there may be connections
NO_JOB = f"/v1/images/upload/{uuid.uuid4()}"


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Enough for both ends of all idlers; what a service started meanwhile has, too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * IDLERS + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"needs {wanted} descriptors, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def timed_get(service: Any, path: str) -> tuple[float, requests.Response]:
    began = time.monotonic()
    answer = requests.get(service.url + path, timeout=PATIENCE)
    return time.monotonic() - began, answer


@pytest.mark.usefixtures("many_descriptors")
def test_idle_connections_keep_nobody_out(launch: Callable[..., Any]) -> None:
    service = launch(WORKER_COUNT="1").wait_until_ready()
    address = urlsplit(service.url)
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
            assert requests.get(service.url + path, timeout=PATIENCE).status_code == 200
        job_id = service.submit([service.sandbox + "/images/small.png"])
        assert service.wait_complete(job_id)["status"] == "complete"


@pytest.mark.usefixtures("many_descriptors")
def test_readers_that_do_not_read_keep_nobody_out(launch: Callable[..., Any]) -> None:
    """Without a key, from one address: requests in one piece for a page that anybody may see."""
    service = launch(WORKER_COUNT="1", API_KEYS="alice:key-a").wait_until_ready()
    address = urlsplit(service.url)
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
            if number % 200 == 0 or number == IDLERS - 1:
                assert ask("/healthz", "none") == (200, '{"status":"ok"}')
                assert ask("/v1/images", "key-a") == (200, '{"uploaded":[],"sandbox":true}')
                assert ask("/v1/images", "none")[0] == 401


def test_a_stopped_manager_takes_nothing_with_it(launch: Callable[..., Any]) -> None:
    service = launch(WORKER_COUNT="1").wait_until_ready()
    job_id = service.submit([service.sandbox + "/images/small.png"])
    service.wait_complete(job_id)
    paths = [f"/v1/images/upload/{job_id}", "/v1/images", NO_JOB] * 6
    with concurrent.futures.ThreadPoolExecutor(len(paths)) as pool:
        # It comes back in time: a pause, in which nobody is left without an answer.
        suspend(service.manager_pid)
        calls = [pool.submit(service.get, path) for path in paths]
        self_evident(service)
        service.wait_for("fast refusals", lambda: refuses_at_once(service))
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


def test_keys_and_limits(launch: Callable[..., Any]) -> None:
    service = launch(API_KEYS="alice:key-a, bob:key-b", RATE_LIMIT="100/hour", WORKER_COUNT="1")
    service.wait_until_ready()
    with requests.Session() as alice, requests.Session() as bob:
        alice.headers["Authorization"] = "Bearer key-a"
        bob.headers["X-API-Key"] = "key-b"
        body = {"urls": [service.sandbox + "/images/small.png"]}
        accepted = alice.post(service.url + "/v1/images/upload", json=body, timeout=PATIENCE)
        assert accepted.status_code == 202
        job = service.url + accepted.headers["Location"]
        until_complete = {"Prefer": "wait=60"}
        status = alice.get(job, headers=until_complete, timeout=2 * PATIENCE).json()
        assert status["status"] == "complete"
        assert bob.get(job, timeout=PATIENCE).status_code == 404
        assert requests.get(job, timeout=PATIENCE).status_code == 401
        images = service.url + "/v1/images"
        assert (
            alice.get(images, timeout=PATIENCE).json()["uploaded"]
            == (status["uploaded"]["complete"])
        )
        answer = bob.get(images, timeout=PATIENCE)
        assert answer.json()["uploaded"] == []
        assert answer.headers["RateLimit"].startswith('"default";r=98;t=')
    service.stop()
    (event,) = service.events("job accepted")
    assert event["owner"] == "alice"
    assert "key-a" not in service.log_text
    assert "key-b" not in service.log_text
