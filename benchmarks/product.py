"""The whole product as its users start it, driven over HTTP."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import requests
from naive_manager import cpu_seconds

ROOT = Path(__file__).parents[1]
WARM_UP = 200


@dataclass
class JobRun:
    """One job, measured.

    Attributes:
        count: URLs.
        wall: seconds from the POST to the complete status.
        cpu: seconds of all of the product's processes.
        post: seconds of the POST.
        statuses: seconds of each status request while the job ran.
    """

    count: int
    wall: float
    cpu: float
    post: float
    statuses: list[float] = field(default_factory=list)


class Product:
    """Runs while entered."""

    def __init__(self, origin: str, workers: int, lanes: int) -> None:
        self._origin = origin
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOST": "127.0.0.1",
            "PORT": "0",
            "SANDBOX": "off",
            "IMGUR_CLIENT_ID": "bench",
            "IMGUR_API_URL": origin,
            "SOURCE_ALLOWED_NETWORKS": "127.0.0.0/8",
            "WORKER_COUNT": str(workers),
            "WORKER_CONCURRENCY": str(lanes),
        }

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile()
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "service"],
            cwd=ROOT,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        for line in self._process.stdout:
            event = json.loads(line)
            if event["event"] == "service started":
                self.url = event["url"]
                break
        else:
            raise SystemExit("bench: the service did not start")
        threading.Thread(target=self._process.stdout.read, daemon=True).start()
        self.http = requests.Session()
        while self.http.get(self.url + "/readyz").status_code != 200:
            time.sleep(0.01)
        self.start_seconds = time.perf_counter() - began
        self.run(WARM_UP, "warm")
        return self

    def __exit__(self, *_exc: object) -> None:
        self.http.close()
        self._process.terminate()
        self._process.wait()
        self._log.close()

    def run(self, count: int, name: str = "job", every: float = 0.1) -> JobRun:
        """One job of `count` URLs, its status asked for each `every` seconds."""
        urls = [f"{self._origin}/images/{name}-{number}.jpg" for number in range(count)]
        body = json.dumps({"urls": urls})
        headers = {"Content-Type": "application/json"}
        pids = self._pids()
        cpu, wall = cpu_seconds(pids), time.perf_counter()
        answer = self.http.post(self.url + "/v1/images/upload", data=body, headers=headers)
        post = time.perf_counter() - wall
        assert answer.status_code == 202, answer.text
        statuses: list[float] = []
        while True:
            time.sleep(every)
            asked = time.perf_counter()
            status = self.http.get(self.url + answer.headers["Location"]).content
            statuses.append(time.perf_counter() - asked)
            if b'"status":"complete"' in status:
                break
        run = JobRun(count, time.perf_counter() - wall, cpu_seconds(pids) - cpu, post, statuses)
        uploaded = json.loads(status)["uploaded"]
        assert len(uploaded["complete"]) == count, uploaded["failed"][:3]
        return run

    def memory(self) -> dict[str, float]:
        """Resident megabytes of each process, by its first words."""
        found = {}
        for pid in self._pids():
            status = Path(f"/proc/{pid}/status").read_text()
            resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
            found[str(pid)] = int(resident.split()[1]) / 1024
        return found

    def _pids(self) -> list[int]:
        found, new = [], [self._process.pid]
        while new:
            found += new
            new = [child for pid in new for child in _children(pid)]
        return found


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]
