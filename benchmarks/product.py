"""The whole product as its users start it, with its own defaults."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from benchmarks.contender import Site
from benchmarks.front import Order
from benchmarks.processes import ProcessMemory, memory
from benchmarks.product_client import ProductClient

ROOT = Path(__file__).parents[1]
_START_SECONDS = 60.0


@dataclass(frozen=True)
class Product:
    """The contender that all others are compared with.

    Attributes:
        root: the tree that is started, so that two states of it can be compared.
        settings: environment variables besides those that the benchmark needs.
    """

    root: Path = ROOT
    settings: Mapping[str, str] = field(default_factory=dict)
    name: str = "product"

    @contextmanager
    def start(self, site: Site, *, slow: bool) -> "Iterator[RunningProduct]":
        """See Contender."""
        environ = {
            "PATH": os.environ["PATH"],
            "HOST": "127.0.0.1",
            "PORT": "0",
            "SANDBOX": "off",
            "IMGUR_CLIENT_ID": "bench",
            "IMGUR_UPLOADS_PER_DAY": "0",
            "IMGUR_UPLOADS_PER_HOUR": "0",
            "IMGUR_API_URL": site.sink_origin(slow=slow),
            "SOURCE_ALLOWED_NETWORKS": "127.0.0.0/8",
        }
        with tempfile.TemporaryFile("w+") as log:
            began = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-m", "service"],
                cwd=self.root,
                env=environ | dict(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                started = _wait_until_started(process, log)
                with ProductClient(str(started["url"])) as client:
                    client.wait_until_ready()
                    seconds = time.perf_counter() - began
                    yield RunningProduct(process.pid, client, seconds, started)
            finally:
                process.terminate()
                process.wait()


@dataclass(frozen=True)
class RunningProduct:
    """The product at work.

    Attributes:
        client: for its HTTP side.
        start_seconds: from the start of the process until it was ready.
        started: what its log says at the start, the number of workers and lanes among it.
    """

    pid: int
    client: ProductClient
    start_seconds: float
    started: Mapping[str, Any]

    @property
    def pids(self) -> Sequence[int]:
        return [self.pid]

    @property
    def lanes(self) -> int:
        """How many URLs it has in the works at once."""
        return int(self.started["workers"]) * int(self.started["lanes_per_worker"])

    def memory(self) -> list[tuple[str, ProcessMemory]]:
        """The memory of each of its processes, by what the process is."""
        return [(_role(used), used) for used in memory(self.pids)]

    def run(self, order: Order) -> float:
        """Submit one job and wait for its end; see Running."""
        began = time.time()
        job = self.client.submit(order.urls())
        return self.client.wait_complete(job, order.count) - began


def _role(process: ProcessMemory) -> str:
    # Those that are forked have the fork server's command line, and names of their own.
    if role := {"imgup-manager": "Manager", "imgup-worker": "worker"}.get(process.name):
        return role
    if "resource_tracker" in process.command:
        return "resource tracker"
    return "fork server" if "forkserver" in process.command else "service"


def _wait_until_started(process: "subprocess.Popen[bytes]", log: IO[str]) -> Mapping[str, Any]:
    give_up = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < give_up:
        log.seek(0)
        for line in log.read().splitlines():
            if line.endswith("}") and (event := json.loads(line))["event"] == "service started":
                found: Mapping[str, Any] = event
                return found
        time.sleep(0.005)
    log.seek(0)
    raise SystemExit(f"bench: the service did not start\n{log.read()}")
