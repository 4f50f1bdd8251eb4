"""Services on one cluster of three nodes; what a test leaves there is removed after it."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ray.running_cluster import RunningCluster
from tests.running_service import ROOT, Launch, RunningService


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    pytest.importorskip("ray", reason="NOT TESTED: ray is not installed; make test-ray does that")
    folder = Path(tempfile.mkdtemp(prefix="imgup-ray-"))
    running = RunningCluster(folder, tmp_path_factory.mktemp("cluster") / "cluster.log")
    yield running
    running.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sandbox_links() -> Iterator[dict[str, str]]:
    """What one says of itself that is no part of a service, and so outlives it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    yield json.loads(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture(scope="session")
def sandbox(sandbox_links: dict[str, str]) -> str:
    return sandbox_links["origin"]


@pytest.fixture
def settings(cluster: RunningCluster, sandbox: str) -> dict[str, str]:
    """Of every service of a test."""
    return cluster.environ | {
        "BACKEND": "ray",
        "RAY_NAMESPACE": f"test-{secrets.token_hex(4)}",
        "IMGUR_CLIENT_ID": "test",
        "IMGUR_API_URL": sandbox,
        "IMGUR_UPLOADS_PER_DAY": "0",
        "IMGUR_UPLOADS_PER_HOUR": "0",
        "SOURCE_ALLOWED_NETWORKS": "127.0.0.1/32",
        "SOURCE_CONCURRENCY": "0",
        "WORKER_COUNT": "4",
        "WORKER_CONCURRENCY": "4",
        "ACCESS_LOG": "off",
    }


@pytest.fixture
def remove_board(settings: dict[str, str]) -> Callable[[], subprocess.CompletedProcess[str]]:
    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "service.remove_board"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"]} | settings,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


@pytest.fixture
def launch(
    tmp_path: Path,
    settings: dict[str, str],
    cluster: RunningCluster,
    remove_board: Callable[[], subprocess.CompletedProcess[str]],
) -> Iterator[Launch]:
    services: list[RunningService] = []

    def start(**environ: str) -> RunningService:
        log_file = tmp_path / f"service-{len(services)}.log"
        services.append(RunningService(log_file, settings | environ))
        return services[-1]

    yield start
    for service in services:
        service.close()
    answer = remove_board()
    assert answer.returncode == 0, answer.stdout + answer.stderr
