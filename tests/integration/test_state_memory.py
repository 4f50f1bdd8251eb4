"""Bodies of megabytes without end: memory stays bounded, and others go on."""

import contextlib
import http.client
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
import requests

from tests.running_service import not_over_ray

MIB = 1024**2
STATE_BYTES = 64 * MIB
URLS, URL_LENGTH = 500, 8_000
FLOODERS = 3
LEAST_TAKEN = 16  # some 4 MB each: twice as much as there is memory for jobs
PATIENCE_SECONDS = 300.0
OTHER_ADDRESS = ("127.0.0.2", 0)
# Bodies, and what becomes of them on their way through the process that keeps the jobs.
UNDER_WAY_BYTES = FLOODERS * 5 * URLS * URL_LENGTH


class Flood:
    """Sends large jobs for as long as it is entered."""

    def __init__(self, url: str) -> None:
        self._url = url + "/v1/images/upload"
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(FLOODERS)]
        self.taken: list[str] = []
        self.refused: list[requests.Response] = []
        self.strange: list[requests.Response] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _send(self, number: int) -> None:
        count = 0
        with requests.Session() as session:
            session.trust_env = False
            while not self._stopping.is_set():
                count += 1
                # An address that is refused without a packet: each URL ends at once.
                head = f"http://10.0.0.1/{number}/{count}/"
                urls = [f"{head}{n}?".ljust(URL_LENGTH, "x") for n in range(URLS)]
                answer = session.post(self._url, json={"urls": urls}, timeout=300)
                if answer.status_code == 202:
                    self.taken.append(answer.json()["jobId"])
                elif answer.status_code == 503:
                    self.refused.append(answer)
                    self._stopping.wait(0.2)
                else:
                    self.strange.append(answer)
                    return


def from_another_address(url: str, method: str, path: str, body: Any = None) -> Any:
    connection = http.client.HTTPConnection(
        urlsplit(url).netloc, timeout=120, source_address=OTHER_ADDRESS
    )
    with contextlib.closing(connection):
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


@not_over_ray("the state's process belongs to Ray there, and its memory with it")
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the peak")
def test_large_jobs_are_refused_where_memory_ends_and_small_ones_are_taken(launch) -> None:
    service = launch(MAX_STATE_BYTES=str(STATE_BYTES), WORKER_COUNT="1", ACCESS_LOG="off")
    service.wait_until_ready()
    url, image = service.url, service.sandbox + "/images/small.png"
    manager = service.manager_pid
    before = peak_bytes(manager)
    small: list[str] = []
    with Flood(url) as flood:
        give_up = time.monotonic() + PATIENCE_SECONDS
        while (
            len(flood.taken) < LEAST_TAKEN or len(flood.refused) < FLOODERS
        ) and not flood.strange:
            assert time.monotonic() < give_up, (len(flood.taken), len(flood.refused))
            status, job = from_another_address(url, "POST", "/v1/images/upload", {"urls": [image]})
            assert status == 202, job
            small.append(job["jobId"])
            time.sleep(0.1)
    assert not flood.strange, flood.strange[0].text
    assert {answer.json()["code"] for answer in flood.refused} == {"state-full"}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in flood.refused)

    accepted = len(flood.taken) + len(small)
    figures = "imgup_jobs_finished_total"

    def all_done() -> bool:
        lines = requests.get(url + "/metrics", timeout=60).text.splitlines()
        return f"{figures} {accepted:.1f}" in lines

    service.wait_for("end of all jobs", all_done, PATIENCE_SECONDS)
    assert peak_bytes(manager) - before < STATE_BYTES // 2 + UNDER_WAY_BYTES
    for job_id in small:
        status, job = from_another_address(url, "GET", f"/v1/images/upload/{job_id}")
        assert (status, job["status"], len(job["uploaded"]["complete"])) == (200, "complete", 1)
