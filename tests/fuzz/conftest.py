"""A service to throw things at, whose workers stand still: nothing that is sent is ever fetched."""

import os
import re
import signal
from collections.abc import Iterator

import pytest

from tests.gate import ALLOWED, Gate
from tests.running_service import RunningService

KEY = "key-1"
BUG = re.compile(r'Traceback|"level": "(error|critical)"')


class Target:
    """The running service, and what may not have happened to it."""

    def __init__(self, service: RunningService) -> None:
        self.service = service
        self.key = KEY

    def check(self) -> None:
        """It lives, and nothing that is a bug stands in its log."""
        assert self.service.process.poll() is None
        assert self.service.get("/healthz").status_code == 200
        assert self.service.get("/readyz").json()["state"] == "ready"
        log = self.service.log_text
        assert not [line for line in log.splitlines() if BUG.search(line)]


@pytest.fixture(scope="package")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    service = RunningService(
        tmp_path_factory.mktemp("target") / "service.log",
        # Leases beyond the longest run: a worker that stands still is not replaced.
        {
            **ALLOWED,
            "WORKER_CONCURRENCY": "1",
            "DOWNLOAD_SECONDS": "3600",
            "DRAIN_SECONDS": "0",
            "API_KEYS": f"alice:{KEY}",
        },
    )
    gate = Gate()
    service.http.headers["Authorization"] = f"Bearer {KEY}"
    try:
        service.wait_until_ready()
        samples = ("small.png", "picture.webp")
        service.upload_all([f"{service.sandbox}/images/{name}" for name in samples])
        # A lease each, as one without any is replaced when it has been silent for a minute.
        service.submit(gate.urls(service.sandbox, "held", 2))
        service.wait_for("leases", lambda: service.get("/readyz").json()["leased_urls"] == 2)
        for pid in service.worker_pids():
            os.kill(pid, signal.SIGSTOP)
        yield Target(service)
    finally:
        service.close()
        gate.close()


@pytest.fixture
def rounds() -> int:
    """How many times as much as in the short form: FUZZ_ROUNDS=100 for a night."""
    return int(os.environ.get("FUZZ_ROUNDS", "1"))
