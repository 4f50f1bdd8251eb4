"""What each process imports at its start."""

import importlib
import subprocess
import sys
from multiprocessing import forkserver
from pathlib import Path

import pytest

from workers.runtime.local.fork_server import PRELOADED, fork_server

ROOT = Path(__file__).parents[5]


@pytest.mark.parametrize("name", PRELOADED)
def test_what_the_fork_server_is_to_import_is_there(name: str) -> None:
    # It passes over what is not, and each worker would import it anew.
    importlib.import_module(name)


def test_the_fork_server_searches_nothing_that_it_has_imported_for_garbage() -> None:
    fork_server()
    modules = forkserver._forkserver._preload_modules  # type: ignore[attr-defined]
    loaded = " and ".join(f"{name!r} in sys.modules" for name in PRELOADED)
    code = f"import gc, sys, {','.join(modules)}; assert {loaded} and gc.isenabled()"
    code += "; assert gc.get_freeze_count() > 10_000"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_service_imports_no_code_of_the_workers_and_no_rich() -> None:
    code = "import sys, service.run; print(*sorted(sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(answer.stdout.split())
    assert "workers.runtime.local.processes" in loaded
    assert not loaded & {*PRELOADED[2:], "workers.state.mailbox", "pycurl", "requests", "rich"}
