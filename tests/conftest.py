"""What suites share that run the whole product, and what the run of every test is like."""

import os
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.gate import ALLOWED, Gate
from tests.running_service import RunningService
from workers.worker.http.loop import TransferLoop

# The same examples in each run, however slow the machine is; others in a night of FUZZ_ROUNDS.
settings.register_profile(
    "steady",
    deadline=None,
    derandomize="FUZZ_ROUNDS" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Without coverage where a mark says so."""
    if item.get_closest_marker("unmeasured") is None:
        yield
        return
    ours, of_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        sys.settrace(ours)
        threading.settrace(of_threads)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., RunningService]]:
    """Start a service with these settings; it is stopped at the end of the test."""
    services: list[RunningService] = []

    def start(prefix: tuple[str, ...] = (), **environ: str) -> RunningService:
        log_file = tmp_path / f"service-{len(services)}.log"
        services.append(RunningService(log_file, environ, prefix))
        return services[-1]

    yield start
    for service in services:
        service.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """One service in sandbox mode, shared by all tests of a process that do it no harm.

    Jobs of others are in its lists, figures and log; none is under way when a test ends.
    """
    log = tmp_path_factory.mktemp("service") / "service.log"
    running = RunningService(log, ALLOWED, is_measured=True)
    try:
        yield running.wait_until_ready()
    finally:
        running.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A source that keeps what is asked for until the test lets it go."""
    made = Gate()
    yield made
    made.close()


@pytest.fixture(scope="session")
def transfers() -> Iterator[TransferLoop]:
    """Performs the transfers of all tests of a process, as a worker's does for all its lanes."""
    loop = TransferLoop()
    yield loop
    loop.close()
