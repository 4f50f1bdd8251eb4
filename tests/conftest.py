"""What suites share that run the whole product, and what the run of every test is like."""

import gc
import os
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.gate import Gate
from tests.measurement import set_aside_coverage
from tests.running_service import Launch, launcher
from workers.worker.http.loop import TransferLoop

# The same examples in each run, however slow the machine is; others in a night of FUZZ_ROUNDS.
settings.register_profile(
    "steady",
    deadline=None,
    derandomize="FUZZ_ROUNDS" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")


TOGETHER = ("tests/browser/", "tests/hostile/", "tests/integration/one_service/")
"""Folders whose tests share what takes long to start: one test process runs all of a folder."""


class FolderScheduling(LoadScopeScheduling):
    """Gives each test process a file at a time, or all files of a folder."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FolderScheduling:
    return FolderScheduling(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Measure the lines of no process that a test starts but of those that ask for it: most run
    what the tests themselves run, and to be measured doubles what their start computes.
    """
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        set_aside_coverage()


def pytest_collection_finish() -> None:
    """Spare each later collection of garbage the modules and tests, which stay to the end."""
    gc.collect()
    gc.freeze()


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
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Start a service with these settings; it is stopped at the end of the test."""
    with launcher(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def launch_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launch]:
    """Start a service with these settings; it is stopped at the end of the module."""
    with launcher(tmp_path_factory.mktemp("shared")) as start:
        yield start


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
