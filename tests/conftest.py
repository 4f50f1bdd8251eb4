"""What suites share that run the whole product, and what the run of every test is like."""

import contextlib
import gc
import importlib
import os
import pkgutil
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

import converter
import imgup
import service
import workers
from tests.gate import Gate
from tests.measurement import set_aside_coverage
from tests.running_service import Launch, launcher
from tests.shared_sandbox import SharedSandbox
from workers.worker.http.loop import TransferLoop

# The same examples in each run, however slow the machine is; others in a night of FUZZ_ROUNDS.
settings.register_profile(
    "steady",
    deadline=None,
    derandomize="FUZZ_ROUNDS" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")
if "FUZZ_ROUNDS" not in os.environ:
    # Else the constants of any module that is loaded by then would be among the examples; to read
    # all modules takes each process seconds. There is no public setting for it.
    assert callable(providers._get_local_constants)
    providers._get_local_constants = lambda: providers._local_constants


TOGETHER = ("tests/browser/", "tests/hostile/", "tests/integration/one_service/")
"""Folders whose tests share what takes long to start: one test process runs all of a folder."""

APART = ("tests/browser/", "tests/chaos/", "tests/fuzz/", "tests/hostile/")
"""Folders whose tests run in processes of their own what they test."""

LAUNCHERS = frozenset({"launch", "launch_shared"})
"""Fixtures whose tests do so as well."""

UNIT = Path(__file__).parent / "unit"

Tracer = Callable[..., Any] | None
TRACER = pytest.StashKey[Tracer]()

_SET_UP: set[tuple[Path, pytest.FixtureDef[Any], int]] = set()
"""Fixtures that a file's tests have set up in this process, each with each of its parameters."""


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
    else:  # it runs no test
        sys.settrace(None)
        threading.settrace(None)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Of all that is run to collect the tests, only the product's own imports are measured, and in
    one test process, as the others import the same: whoever is slowest holds up all. What is
    collected stays to the end: there is no garbage to look for.
    """
    worker = getattr(session.config, "workerinput", {"workerid": "gw0"})
    if sys.gettrace() is not None and worker["workerid"] == "gw0":
        _import_product()
    gc.disable()
    with _unmeasured():
        result = yield
    gc.freeze()
    gc.enable()
    return result


def _import_product() -> None:
    """Import all modules of the product but those that run a program, or need what is not there."""
    for package in (converter, imgup, service, workers):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith(".__main__"):
                with contextlib.suppress(ImportError):
                    importlib.import_module(module.name)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Spread the files whose tests compute over those whose tests wait: both go on all the time."""
    if not hasattr(config, "workerinput"):
        return
    files = list(dict.fromkeys(item.path for item in items))
    computing = [file for file in files if UNIT in file.parents]
    waiting = [file for file in files if UNIT not in file.parents]
    places = {
        file: number / len(group)
        for group in (computing, waiting)
        for number, file in enumerate(group)
    }
    items.sort(key=lambda item: places[item.path])


@pytest.hookimpl(tryfirst=True)
def pytest_report_to_serializable(
    config: pytest.Config, report: pytest.CollectReport | pytest.TestReport
) -> None:
    """Send from one process to the other only what is read of a test that passed: most of a
    report's bytes are its keywords.
    """
    if hasattr(config, "workerinput") and isinstance(report, pytest.TestReport) and report.passed:
        report.keywords = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Measured is what tests and fixtures run, and nothing of what runs the tests: that is as
    much, and slower severalfold when it is measured. Threads are not told from each other here: one
    looks for what measures it some time after its start.
    """
    session.config.stash[TRACER] = sys.gettrace()
    with _traced(None):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Measured once a file: for each of a thousand tests, to make an application is as much as all
    that the test does with it.
    """
    tracer = request.config.stash[TRACER]
    what = request.path, fixturedef, request.param_index
    is_first = what not in _SET_UP
    _SET_UP.add(what)
    with _traced(tracer if is_first else None):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Without coverage where a mark says so, or what is tested runs in processes of its own."""
    apart = pyfuncitem.nodeid.startswith(APART) or LAUNCHERS & set(pyfuncitem.fixturenames)
    is_left_out = apart or pyfuncitem.get_closest_marker("unmeasured")
    with _unmeasured() if is_left_out else _traced(pyfuncitem.config.stash[TRACER]):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    with _traced(item.config.stash[TRACER]):
        return (yield)


@contextlib.contextmanager
def _unmeasured() -> Iterator[None]:
    of_threads = threading.gettrace()
    threading.settrace(None)
    try:
        with _traced(None):
            yield
    finally:
        threading.settrace(of_threads)


@contextlib.contextmanager
def _traced(tracer: Tracer) -> Iterator[None]:
    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        yield
    finally:
        sys.settrace(before)


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[SharedSandbox]:
    """Where services upload to that say nothing else: to start one each is much of their start."""
    made = SharedSandbox()
    yield made
    made.close()


@pytest.fixture
def launch(tmp_path: Path, shared_sandbox: SharedSandbox) -> Iterator[Launch]:
    """Start a service with these settings; it is stopped at the end of the test."""
    with launcher(tmp_path, shared_sandbox) as start:
        yield start


@pytest.fixture(scope="module")
def launch_shared(
    tmp_path_factory: pytest.TempPathFactory, shared_sandbox: SharedSandbox
) -> Iterator[Launch]:
    """Start a service with these settings; it is stopped at the end of the module."""
    with launcher(tmp_path_factory.mktemp("shared"), shared_sandbox) as start:
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
