"""Hours in minutes: an attack of every kind, kills all the while, and what it does to others.

``python -m tests.soak.soak FOLDER`` runs for SOAK_SECONDS (600), writes samples.csv, requests.csv
and service.log to FOLDER, prints each bar with its figure, and exits with 1 if one was missed.
"""

import contextlib
import csv
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

import requests
from prometheus_client.parser import text_string_to_metric_families

from service.http.connection_limits import ConnectionLimits
from tests.chaos.checker import Checker
from tests.chaos.client import Client
from tests.chaos.killer import Killer
from tests.chaos.load import judge, name_of, slow_urls
from tests.running_service import ROOT, RunningService
from tests.soak import bars, crowd
from tests.soak.bars import Bar, Request
from tests.soak.control import Control
from tests.soak.large_jobs import BODY_BYTES
from tests.soak.processes import Sample, take_sample

SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
# Of a large job: as few as make 16 MB, so that it costs memory above all.
LARGE_URLS = int(os.environ.get("SOAK_LARGE_URLS", "2000"))
WORKERS = 3
LANES = 4
JOB_URLS = 10
JOB_EVERY_SECONDS = 0.2
HEALTH_EVERY_SECONDS = 0.2
KILL_EVERY_SECONDS = 2.0
SAMPLE_EVERY_SECONDS = 1.0
ENDING_SECONDS = 300.0
TIMEOUT_SECONDS = 20.0
JOBS_PATH = "/v1/images/upload"

MIB = 1024**2
STATE_BYTES = 1024 * MIB  # the default in compose.yaml's container
IMAGE_BYTES = 64 * MIB
SMALL_KEY, LARGE_KEY = "key-of-small-jobs", "key-of-large-jobs"
SETTINGS = {
    "WORKER_COUNT": str(WORKERS),
    "WORKER_CONCURRENCY": str(LANES),
    "JOB_TTL_SECONDS": "120",
    "MAX_STATE_BYTES": str(STATE_BYTES),
    "IMAGE_MEMORY_BYTES": str(IMAGE_BYTES),
    "API_KEYS": f"small:{SMALL_KEY},large:{LARGE_KEY}",
    "LOG_LEVEL": "INFO",
}
LIMITS = ConnectionLimits()
# Beside what the processes take before anybody asks; see docs/reliability.md for these limits.
BUDGET = {
    "MAX_STATE_BYTES": STATE_BYTES,
    "IMAGE_MEMORY_BYTES": IMAGE_BYTES,
    "bodies": LIMITS.body_bytes,
    "unread answers": LIMITS.unread_bytes,
    # Two are read at a time: text, strings, the message to the Manager at either end, the job.
    "bodies under way": 2 * 5 * BODY_BYTES,
}


class Party:
    """Sends one kind of request at a steady rate, and keeps how each was answered.

    Args:
        kind: see `Request`.
        url: what is asked for.
        key: the API key.
        every_seconds: the rate.

    Attributes:
        requests: their seconds are monotonic ones here.
    """

    def __init__(self, kind: str, url: str, key: str, every_seconds: float) -> None:
        self._kind, self._url, self._key = kind, url, key
        self._every_seconds = every_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._send_on, name=f"soak-{kind}")
        self.requests: list[Request] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def send(self, number: int, due: float) -> None:
        """Send one request."""
        self.ask(due, "GET")

    def ask(self, due: float, method: str, body: Any = None) -> requests.Response | None:
        """The answer, if there is one. It is timed from when the request was due: whoever is kept
        from asking by a slow answer waits as well.
        """
        try:
            with requests.Session() as http:
                http.trust_env = False
                headers = {"X-API-Key": self._key}
                answer = http.request(
                    method, self._url, json=body, headers=headers, timeout=TIMEOUT_SECONDS
                )
        except requests.RequestException:
            answer = None
        status = 0 if answer is None else answer.status_code
        self.requests.append(Request(due, self._kind, status, time.monotonic() - due))
        return answer

    def _send_on(self) -> None:
        due = time.monotonic()
        for number in itertools.count():
            if self._stopping.wait(due - time.monotonic()):
                return
            self.send(number, due)
            due += self._every_seconds


class SmallJobs(Party):
    """Sends jobs of images that are slow to come, and lets the client follow them."""

    def __init__(self, service_url: str, sandbox: str, client: Client) -> None:
        super().__init__("small", service_url + JOBS_PATH, SMALL_KEY, JOB_EVERY_SECONDS)
        self._sandbox, self._client = sandbox, client

    def send(self, number: int, due: float) -> None:
        urls = slow_urls(self._sandbox, f"soak{number}", JOB_URLS)
        answer = self.ask(due, "POST", {"urls": urls})
        if answer is not None and answer.status_code == requests.codes.accepted:
            self._client.follow(answer.json()["jobId"], urls)


class Generator:
    """A process of its own that loads the service, below the priority of what it loads and of who
    measures: attackers have processors of their own elsewhere.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            ["nice", "-n", "5", sys.executable, "-m", f"tests.soak.{module}", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        # Linux shares the processors out between sessions first (sched(7), autogroup), and a
        # process's own nice value counts within its session.
        with contextlib.suppress(OSError):
            Path(f"/proc/{self._process.pid}/autogroup").write_text("5")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def stop(self) -> Any:
        """What it has to tell, once it is through."""
        output, _ = self._process.communicate(timeout=ENDING_SECONDS)
        return json.loads(output)


def run(service: RunningService, folder: Path) -> list[Bar]:
    """Attack a service that has just started, and measure what that does."""
    url, sandbox = service.url, service.sandbox
    checker = Checker(name_of)
    samples: list[Sample] = []
    budget = take_sample(service, 0.0)["total bytes"] + sum(BUDGET.values())
    began = time.monotonic()
    with (
        Client(url, checker, rereads=False, api_key=SMALL_KEY) as client,
        Generator("large_jobs", url, LARGE_KEY, str(LARGE_URLS)) as flood,
        Generator("crowd", url, LARGE_KEY) as attackers,
    ):
        with (
            SmallJobs(url, sandbox, client) as small,
            Party("health", url + "/healthz", "", HEALTH_EVERY_SECONDS) as health,
            Control() as control,
            Party("control", control.url, "", HEALTH_EVERY_SECONDS) as compared,
            Killer(service.worker_pids, KILL_EVERY_SECONDS) as killer,
        ):
            while (second := time.monotonic() - began) < SECONDS:
                samples.append(
                    take_sample(service, second) | {"kills": killer.kills, "budget": budget}
                )
                time.sleep(SAMPLE_EVERY_SECONDS)
        # As long as the others are still attacked: the small jobs must not wait for their end.
        done = client.wait_until_done()
        crowd_result, flood_result = attackers.stop(), flood.stop()
    large = [Request(at, "large", *rest) for at, *rest in flood_result.pop("requests")]
    timed = [
        replace(request, second=request.second - began)
        for request in (*small.requests, *health.requests, *compared.requests, *large)
    ]
    _write(folder / "samples.csv", samples)
    _write(folder / "requests.csv", [asdict(request) for request in timed])
    verdict = judge(checker, service.uploads_link, killer.kills * LANES)
    return [
        bars.latency_bar("POST of small jobs, p99", timed, "small", 202, bars.POST_SECONDS),
        bars.latency_bar("/healthz, p99", timed, "health", 200, bars.HEALTH_SECONDS),
        bars.control_bar(timed),
        bars.memory_bar(samples),
        *bars.flat_bars(samples, verdict.complete),
        bars.small_jobs_bar(verdict, done=done),
        bars.large_jobs_bar(timed, **flood_result),
        bars.totals_bar(_totals(url)),
        bars.crowd_bar(crowd_result["open"], crowd_result["connects"], crowd.WANTED),
        bars.kills_bar(killer.kills, SECONDS, KILL_EVERY_SECONDS),
    ]


def _totals(url: str) -> dict[str, float]:
    answer = requests.get(url + "/metrics", headers={"X-API-Key": SMALL_KEY}, timeout=60)
    answer.raise_for_status()
    totals: Counter[str] = Counter()
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            totals[sample.name] += sample.value
    return totals


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    load_before = os.getloadavg()[0]
    sys.setswitchinterval(0.001)  # those who wait for answers do not wait for each other
    service = RunningService(folder / "service.log", SETTINGS)
    try:
        service.wait_until_ready()
        judged = run(service, folder)
    finally:
        service.close()
    _say(
        f"{SECONDS:g} s, large jobs of {LARGE_URLS} URLs; load of the machine {load_before:.1f} "
        f"before, {os.getloadavg()[0]:.1f} at the end"
    )
    for bar in judged:
        _say(str(bar))
    good = all(bar.is_met for bar in judged)
    _say("passed" if good else "FAILED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
