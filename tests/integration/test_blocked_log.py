"""Whoever reads the log stops reading: the service goes on, and ends when it is told to."""

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.running_service import BACKEND

ROOT = Path(__file__).parents[2]
PIPE_BYTES = 4096
REQUESTS = 100
PATIENCE_SECONDS = 60


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The smallest pipe that there is."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_requests_are_answered_and_a_stop_is_one_with_a_log_that_nobody_reads(pipe) -> None:
    reader, writer = pipe
    environ = {
        "PATH": os.environ["PATH"],
        "HOST": "127.0.0.1",
        "PORT": "0",
        "WORKER_COUNT": "2",
        "WORKER_CONCURRENCY": "4",
        "LOG_LEVEL": "DEBUG",
        "DRAIN_SECONDS": "2",
        "BACKEND": BACKEND,
    }
    with (
        subprocess.Popen(
            [sys.executable, "-m", "service"], cwd=ROOT, env=environ, stdout=writer
        ) as service,
        requests.Session() as http,
    ):
        http.trust_env = False
        try:
            url = _read_until(reader, "service started")["url"]
            # Nobody reads from here on: each request makes a line, each failed image another.
            for _ in range(REQUESTS):
                assert http.get(url + "/healthz", timeout=PATIENCE_SECONDS).status_code == 200
            urls = [f"{url}/{number}.png" for number in range(REQUESTS)]  # a loopback address
            answer = http.post(
                url + "/v1/images/upload", json={"urls": urls}, timeout=PATIENCE_SECONDS
            )
            status = http.get(
                url + answer.headers["Location"],
                headers={"Prefer": f"wait={PATIENCE_SECONDS}"},
                timeout=2 * PATIENCE_SECONDS,
            )
            assert len(status.json()["uploaded"]["failed"]) == REQUESTS
            assert not select.select([], [writer], [], 0)[1], "the pipe is full"
            service.send_signal(signal.SIGTERM)
            assert service.wait(PATIENCE_SECONDS) == 0
        finally:
            service.kill()


def _read_until(reader: int, event: str) -> dict[str, str]:
    seen = b""
    while True:
        seen += os.read(reader, PIPE_BYTES)
        for line in seen.splitlines():
            if event.encode() in line and line.endswith(b"}"):
                return json.loads(line)
