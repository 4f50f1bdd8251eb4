"""Webhooks and deletions, with real processes and sockets."""

import json
import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.loopback_server import LoopbackHandler, LoopbackServer
from tests.running_service import Launch, RunningService, not_over_ray

ROOT = Path(__file__).parents[2]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ONCE = {"WEBHOOK_RETRY_SECONDS": "none", "DRAIN_SECONDS": "1"}
SOON_SECONDS = 40.0
"""64 webhooks without an answer take 45 s until the last of them begins, at 16 places of 15 s."""
ENVIRON = {
    "WEBHOOK_SECRET": SECRET,
    "WEBHOOK_RETRY_SECONDS": "0.2,0.2",
    "SOURCE_ALLOWED_NETWORKS": "127.0.0.1/32",
}


class Receiver(LoopbackServer):
    """A client's server: notes what it is told, and answers with the statuses it was given."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)  # the last one for ever
        self.told: list[tuple[dict[str, str], bytes]] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.at_once = 0  # how many are answered whether they may go on or not
        super().__init__(_Hook)
        self.hook = f"{self.url}/hook"

    @property
    def names(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.told]

    def close(self) -> None:
        self.go_on.set()
        super().close()


class _Hook(LoopbackHandler):
    protocol_version = "HTTP/1.0"  # a connection each
    server: Receiver

    def post(self) -> None:
        receiver, body = self.server, self.read_body()
        receiver.told.append(({name.lower(): value for name, value in self.headers.items()}, body))
        if len(receiver.told) > receiver.at_once:
            receiver.go_on.wait(60)
        left = receiver.statuses
        self.answer(left.pop(0) if len(left) > 1 else left[0])


@pytest.fixture
def receive() -> Iterator[Callable[..., Receiver]]:
    receivers: list[Receiver] = []

    def make(*statuses: int) -> Receiver:
        receivers.append(Receiver(*statuses))
        return receivers[-1]

    yield make
    for receiver in receivers:
        receiver.close()


@pytest.fixture(scope="module")
def service(launch_shared: Launch) -> RunningService:
    running = launch_shared(is_measured=True, API_KEYS="ann:key-a,bob:key-b", **ENVIRON)
    running.http.headers["X-API-Key"] = "key-a"
    return running.wait_until_ready()


@pytest.fixture
def silent() -> Iterator[list[str]]:
    """Two URLs whose hosts take connections, and never answer."""
    listeners = [socket.create_server(("127.0.0.1", 0), backlog=64) for _ in range(2)]
    yield [f"http://127.0.0.1:{listener.getsockname()[1]}/hook" for listener in listeners]
    for listener in listeners:
        listener.close()


def submit(service: RunningService, receiver: Receiver | str, *paths: str) -> str:
    urls = [service.sandbox + path for path in paths or ("/images/small.png",)]
    callback = receiver if isinstance(receiver, str) else receiver.hook
    body = {"urls": urls, "callbackUrl": callback}
    answer = service.http.post(service.url + "/v1/images/upload", json=body, timeout=30)
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["jobId"]
    assert isinstance(job_id, str)
    return job_id


def wait_for_end(service: RunningService, job_id: str) -> list[dict[str, Any]]:
    """Until nothing more is due; returns the log of deliveries."""

    def ended() -> list[dict[str, Any]] | None:
        deliveries = service.status(job_id).get("deliveries", [])
        return deliveries if deliveries and deliveries[-1]["next"] is None else None

    found = service.wait_for("end of the deliveries", ended)
    assert isinstance(found, list)
    return found


def documented_check() -> Callable[[str, dict[str, str], bytes], bool]:
    """The example of the documentation, as a reader would copy it."""
    text = (ROOT / "docs" / "webhooks.md").read_text()
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)
    check = names["is_genuine"]
    assert callable(check)
    return check


def test_a_webhook_is_delivered_once_and_signed(
    service: RunningService, receive: Callable[..., Receiver]
) -> None:
    receiver = receive(200)
    job_id = submit(service, receiver, "/images/small.png", "/faults/status/404")
    deliveries = wait_for_end(service, job_id)
    assert [(one["attempt"], one["status"], one["reason"]) for one in deliveries] == [
        (1, 200, None)
    ]
    ((headers, body),) = receiver.told
    assert headers["webhook-id"] == f"msg_{job_id}"
    is_genuine = documented_check()
    assert is_genuine(SECRET, headers, body)
    assert not is_genuine(SECRET, headers, body + b" ")
    assert not is_genuine(SECRET, headers | {"webhook-id": "msg_other"}, body)
    assert not is_genuine(SECRET, headers | {"webhook-timestamp": "1614265330"}, body)
    event = json.loads(body)
    status = service.status(job_id)
    assert event["type"] == "job.complete"
    assert event["data"]["counts"] == status["counts"]
    assert event["data"]["counts"] == {"pending": 0, "complete": 1, "failed": 1, "total": 2}
    assert event["timestamp"] == status["finished"]
    assert service.get(event["data"]["links"]["status"]).json()["id"] == job_id
    service.must_not_log(SECRET, receiver.hook)


def test_a_receiver_in_trouble_is_told_again(
    service: RunningService, receive: Callable[..., Receiver]
) -> None:
    receiver = receive(500, 200)
    deliveries = wait_for_end(service, submit(service, receiver))
    assert [one["status"] for one in deliveries] == [500, 200]
    assert deliveries[0]["next"] is not None
    (first, before), (second, after) = receiver.told
    assert first["webhook-id"] == second["webhook-id"]
    assert before == after
    assert documented_check()(SECRET, second, after)


def test_one_that_is_gone_is_left_alone(
    service: RunningService, receive: Callable[..., Receiver]
) -> None:
    receiver = receive(410)
    deliveries = wait_for_end(service, submit(service, receiver))
    assert [one["status"] for one in deliveries] == [410]
    assert len(receiver.told) == 1


def test_a_worker_that_dies_in_mid_delivery_is_no_loss(
    service: RunningService, receive: Callable[..., Receiver]
) -> None:
    receiver = receive(200)
    receiver.go_on.clear()
    job_id = submit(service, receiver)
    service.wait_for("a delivery under way", lambda: receiver.told)
    for pid in service.worker_pids():
        os.kill(pid, signal.SIGKILL)
    service.wait_for("another attempt", lambda: len(receiver.told) > 1)
    receiver.go_on.set()
    deliveries = wait_for_end(service, job_id)
    assert [(one["attempt"], one["status"]) for one in deliveries] == [(1, 200)]
    assert set(receiver.names) == {f"msg_{job_id}"}


def test_an_image_is_deleted(service: RunningService) -> None:
    status = service.upload_all([service.sandbox + "/images/numbered/deletion-1.png"])
    ((link,), job_id) = status["uploaded"]["complete"], status["id"]
    assert service.http.get(link, timeout=30).status_code == 200
    path = f"/v1/images/upload/{job_id}/images/0"
    answer = service.http.delete(service.url + path, timeout=30)
    assert (answer.status_code, answer.json()["deleted"]) == (202, "pending")

    def deleted() -> Any:
        (result,) = service.status(job_id)["results"]
        return result["deleted"] == "done" and result

    result = service.wait_for("deletion", deleted)
    assert (result["state"], result["link"]) == ("complete", link)
    assert link not in service.get("/v1/images").json()["uploaded"]
    (upload,) = [one for one in service.sandbox_uploads()["uploads"] if one["link"] == link]
    assert upload["deleted"] is True
    assert service.http.get(link, timeout=30).status_code == 404
    answer = service.http.delete(service.url + path, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (409, "image-already-deleted")


def test_what_cannot_be_deleted(service: RunningService) -> None:
    status = service.upload_all(
        [service.sandbox + "/images/numbered/kept-1.png", service.sandbox + "/faults/status/404"]
    )
    job = f"{service.url}/v1/images/upload/{status['id']}/images"
    nobodys = f"{service.url}/v1/images/upload/55355b7c-9b86-4a1a-b32e-6cdd6db07183/images/0"
    for url, expected in {
        f"{job}/1": (409, "image-not-complete"),
        f"{job}/2": (404, "image-not-found"),
        f"{job}/first": (404, "image-not-found"),
        nobodys: (404, "job-not-found"),
    }.items():
        answer = service.http.delete(url, timeout=30)
        assert (answer.status_code, answer.json()["code"]) == expected
        assert answer.headers["Content-Type"] == "application/problem+json"
    for headers, expected in (({}, 401), ({"X-API-Key": "key-b"}, 404)):
        assert requests.delete(f"{job}/0", headers=headers, timeout=30).status_code == expected
    assert service.http.get(f"{job}/0", timeout=30).status_code == 405
    assert service.status(status["id"])["results"] == status["results"]


def test_deliveries_go_on_after_a_restart(
    launch: Launch, receive: Callable[..., Receiver], tmp_path: Path
) -> None:
    receiver = receive(500, 200)
    environ = ENVIRON | {"JOURNAL_PATH": str(tmp_path / "journal"), "WORKER_COUNT": "1"}
    receiver.at_once = 1
    receiver.go_on.clear()
    first = launch(**environ).wait_until_ready()
    job_id = submit(first, receiver)
    first.wait_for("a first attempt", lambda: first.status(job_id).get("deliveries"))
    first.kill_all()  # while the second one waits for its answer, or before it
    receiver.go_on.set()
    second = launch(**environ).wait_until_ready()
    deliveries = wait_for_end(second, job_id)
    assert [(one["attempt"], one["status"]) for one in deliveries] == [(1, 500), (2, 200)]
    assert set(receiver.names) == {f"msg_{job_id}"}


def test_a_stop_lets_a_delivery_end_and_tells_what_is_dropped(
    launch: Launch, receive: Callable[..., Receiver]
) -> None:
    ends, waits = receive(200), receive(500)
    environ = ENVIRON | {"WEBHOOK_RETRY_SECONDS": "3600", "WORKER_COUNT": "1"}
    service = launch(**environ).wait_until_ready()
    later = submit(service, waits)
    service.wait_for("a failed attempt", lambda: service.status(later).get("deliveries"))
    ends.go_on.clear()
    job_id = submit(service, ends)
    service.wait_for("a delivery under way", lambda: ends.told)
    service.signal(signal.SIGTERM)
    service.wait_for_event("draining; a second signal ends it at once")
    ends.go_on.set()
    assert service.wait_for_exit() == 0
    assert [event["job_id"] for event in service.events("task done")] == [job_id]
    (dropped,) = service.events("tasks dropped")
    assert (dropped["task"], dropped["count"], dropped["job_ids"]) == ("webhook", 1, [later])


def submit_silent(service: RunningService, callbacks: list[str]) -> None:
    """64 jobs that are complete, with callback URLs that do not answer."""
    jobs = [submit(service, callbacks[number % len(callbacks)]) for number in range(64)]
    for job_id in jobs:
        service.wait_complete(job_id)


@not_over_ray("State and workers share the places by the same code.")
def test_silent_callbacks_hold_up_neither_deletions_nor_images(
    launch: Launch, silent: list[str]
) -> None:
    service = launch(**ENVIRON | ONCE).wait_until_ready()
    unwanted = service.upload_all([service.sandbox + "/images/numbered/unwanted-1.png"])["id"]
    submit_silent(service, silent)
    path = f"/v1/images/upload/{unwanted}/images/0"
    assert service.http.delete(service.url + path, timeout=30).status_code == 202
    service.wait_for(
        "deletion",
        lambda: service.status(unwanted)["results"][0]["deleted"] == "done",
        SOON_SECONDS,
    )
    urls = [f"{service.sandbox}/images/numbered/after-{number}.png" for number in range(20)]
    assert service.upload_all(urls, SOON_SECONDS)["counts"]["complete"] == 20


@not_over_ray("State and workers share the places by the same code.")
def test_a_silent_callback_host_leaves_places_to_others(
    launch: Launch, silent: list[str], receive: Callable[..., Receiver]
) -> None:
    service = launch(**ENVIRON | ONCE).wait_until_ready()
    submit_silent(service, silent[:1])
    receiver = receive(200)
    job_id = submit(service, receiver)
    service.wait_for("delivery", lambda: receiver.told, SOON_SECONDS)
    assert receiver.names == [f"msg_{job_id}"]
