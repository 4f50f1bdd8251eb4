"""The end of everything but a worker: Manager, parent, and SIGTERM in mid-load."""

import os
import signal
import threading
import time

import pytest
import requests

from tests.chaos.load import IS_LONG, slow_urls
from tests.gate import ALLOWED
from tests.processes import is_running
from tests.running_service import not_over_ray

DRAIN_SECONDS = 5.0
POSTERS = 6
_ONLY_LONG = pytest.mark.skipif(
    not IS_LONG, reason="a call to a stopped Manager takes 10 s to fail"
)


class Poster:
    """A client that posts small jobs, one after the other, until nobody answers.

    Attributes:
        accepted: ids of jobs that were taken, by answers that arrived whole.
        refused: how many were refused with 503, politely.
        strange: answers that are neither.
    """

    def __init__(self, url: str, sandbox: str, number: int) -> None:
        self._url = url + "/v1/images/upload"
        self._sandbox = sandbox
        self._number = number
        self.accepted: list[str] = []
        self.refused = 0
        self.strange: list[str] = []
        self._thread = threading.Thread(target=self._post_on, name=f"poster-{number}")
        self._thread.start()

    def join(self) -> None:
        self._thread.join(60)

    def _post_on(self) -> None:
        for turn in range(10_000):
            urls = slow_urls(self._sandbox, f"p{self._number}-{turn}", 5)
            try:
                # A connection each time: one that is kept may be closed while a request is sent.
                answer = requests.post(self._url, json={"urls": urls}, timeout=30)
            except requests.ConnectionError:
                return  # not accepted, and the client knows
            if answer.status_code == 202:
                self.accepted.append(answer.json()["jobId"])
            elif answer.status_code == 503 and "Retry-After" in answer.headers:
                self.refused += 1
            else:
                self.strange.append(f"{answer.status_code} {answer.text}")
            time.sleep(0.005)


def test_sigterm_in_mid_load_delivers_every_accepted_answer(launch, gate, note):
    service = launch(
        DRAIN_SECONDS=f"{DRAIN_SECONDS:g}", LOG_LEVEL="INFO", **ALLOWED
    ).wait_until_ready()
    url, sandbox = service.url, service.sandbox
    pids = service.all_pids()
    # It never ends: the whole of the drain is used up.
    never = service.submit(gate.urls(sandbox, "never", 2))
    posters = [Poster(url, sandbox, number) for number in range(POSTERS)]
    service.wait_for("posts", lambda: all(len(poster.accepted) >= 10 for poster in posters))
    service.signal(signal.SIGTERM)
    assert service.wait_for_exit() == 0
    (stopped,) = service.events("stopped")
    for poster in posters:
        poster.join()

    assert not [strange for poster in posters for strange in poster.strange]
    answered = sorted([never, *(job_id for poster in posters for job_id in poster.accepted)])
    taken = sorted(event["job_id"] for event in service.events("job accepted"))
    assert answered == taken
    complete = {event["job_id"] for event in service.events("job complete")}
    dropped = {event["job_id"] for event in service.events("job dropped unfinished")}
    assert complete | dropped == set(taken)
    assert not complete & dropped
    assert never in dropped
    service.wait_for("end of all processes", lambda: not any(map(is_running, pids)))
    note(
        f"SIGTERM with {POSTERS} clients posting: {len(taken)} accepted, {len(answered)} answers "
        f"delivered, {sum(poster.refused for poster in posters)} refused, exit 0 after "
        f"{stopped['seconds']} s"
    )


@pytest.mark.parametrize(
    "blow",
    [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=_ONLY_LONG)],
    ids=["killed", "stopped"],
)
def test_a_lost_manager_under_load_turns_readiness_503_and_ends_with_1(launch, note, blow):
    service = launch(LOG_LEVEL="DEBUG", SANDBOX="on").wait_until_ready()
    url, pids = service.url, service.all_pids()
    service.submit(slow_urls(service.sandbox, "doomed", 500))
    manager = service.manager_pid
    answers: list[tuple[float, int]] = []
    with requests.Session() as http:
        http.get(url + "/readyz", timeout=30)
        os.kill(manager, blow)
        began = time.monotonic()
        if blow is signal.SIGKILL:  # which takes a moment, in which it may answer
            service.wait_for("its end", lambda: not is_running(manager))
        while True:
            try:
                status = http.get(url + "/readyz", timeout=30).status_code
            except requests.ConnectionError:
                break
            answers.append((time.monotonic() - began, status))
            time.sleep(0.005)
    assert service.wait_for_exit() == 1
    statuses = [status for _, status in answers]
    # Once it has told of the loss it does not take that back, and it tells before it ends.
    assert sorted(statuses) == statuses
    assert 503 in statuses or not statuses
    assert service.events("the job state is lost; exiting so that a fresh start can follow")
    service.wait_for("end of all processes", lambda: not any(map(is_running, pids)))
    told = next((seconds for seconds, status in answers if status == 503), None)
    note(
        f"503 after {told} s, exit 1 within {time.monotonic() - began:.1f} s; {len(answers)} asked"
    )


@not_over_ray("Two of Ray's own agents stay a minute; tests/ray/test_local.py looks at the rest.")
def test_a_killed_parent_leaves_no_process_under_load(launch, gate):
    service = launch(WORKER_COUNT="4", SANDBOX="on", **ALLOWED).wait_until_ready()
    service.submit(gate.urls(service.sandbox, "held", 1))  # so that there are some until the kill
    service.submit(slow_urls(service.sandbox, "orphan", 500))
    service.wait_for("urls in work", lambda: service.get("/readyz").json()["leased_urls"])
    pids = service.all_pids()
    assert len(pids) >= 7  # itself, Manager, fork server, four workers
    service.signal(signal.SIGKILL)
    service.wait_for_exit()
    service.wait_for("end of all processes", lambda: not any(map(is_running, pids)))
