"""Events of the whole product, and what becomes of them when it stops."""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from imgup.event_stream import Event, read_events
from tests.running_service import Launch, RunningService


def follow(service: RunningService, job_id: str) -> requests.Response:
    path = f"/v1/images/upload/{job_id}/events"
    return requests.get(service.url + path, stream=True, timeout=60)


def events_of(answer: requests.Response) -> Iterator[Event]:
    return read_events(answer.raw)


def unfinished_job(service: RunningService) -> str:
    """One whose upload Imgur puts off for long."""
    return service.submit([f"{service.sandbox}/images/imgur-fault/429-string-1200.png"])


def test_a_job_is_told_from_its_first_url_to_its_last(service: RunningService) -> None:
    slow = f"{service.sandbox}/faults/latency/50/images/small.png"
    job_id = service.submit([f"{slow}?{number}" for number in range(300)])
    with follow(service, job_id) as answer:
        first, *rest = events_of(answer)
    states = [result["state"] for result in json.loads(first.data)["results"]]
    for event in rest:
        if event.name == "heartbeat":  # where a machine takes long to go on
            continue
        for result in json.loads(event.data).get("results", ()):
            states[result["index"]] = result["state"]
    assert states == ["complete"] * 300
    assert (first.name, rest[-1].name) == ("snapshot", "end")
    assert json.loads(rest[-1].data)["status"] == service.status(job_id)["status"] == "complete"


@pytest.mark.parametrize("who", ["service", "manager"])
def test_streams_end_when_the_service_does(launch: Launch, who: str) -> None:
    service = launch(WORKER_COUNT="1").wait_until_ready()
    job_id = unfinished_job(service)
    with ThreadPoolExecutor(1) as pool, follow(service, job_id) as answer:
        events = events_of(answer)
        assert next(events).name == "snapshot"
        rest = pool.submit(list, events)
        if who == "service":
            service.signal(signal.SIGTERM)
        else:
            os.kill(service.manager_pid, signal.SIGKILL)
        assert not [event for event in rest.result(60) if event.name == "end"]
    assert service.wait_for_exit() == (0 if who == "service" else 1)
