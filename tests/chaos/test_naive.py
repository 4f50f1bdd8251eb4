"""The control: what the checker says of the naive shape, so that its silence elsewhere counts."""

import contextlib
import json
import os
import signal
import subprocess
import sys

import pytest

from tests.chaos.checker import Checker
from tests.chaos.client import Client
from tests.chaos.killer import Killer
from tests.chaos.load import judge, name_of, slow_urls
from tests.processes import children_of, command_of
from tests.running_service import ROOT, not_over_ray

WORKERS = 4
STALL_SECONDS = 3.0
PATIENCE_SECONDS = 100.0  # only a hang takes that long

pytestmark = not_over_ray("The control has no backend, and has run already.")


@pytest.fixture
def naive(tmp_path, shared_sandbox):
    """Start the control; gives its URL, the sandbox that it uploads to and the workers' pids."""
    shared_sandbox.forget()
    command = [sys.executable, "-m", "tests.chaos.naive", shared_sandbox.origin, str(WORKERS)]
    with contextlib.ExitStack() as running:
        log = running.enter_context((tmp_path / "naive.log").open("wb"))
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        running.callback(process.wait)
        running.callback(process.stdout.close)
        running.callback(os.killpg, process.pid, signal.SIGKILL)
        up = json.loads(process.stdout.readline())
        yield (
            up["url"],
            shared_sandbox,
            lambda: [pid for pid in _spawned(process.pid) if pid != up["manager"]],
        )


def test_left_alone_the_naive_shape_passes(naive):
    url, sandbox, _ = naive
    checker = Checker(name_of)
    with Client(url, checker) as client:
        client.submit(slow_urls(sandbox.origin, "calm", 60))
        assert client.wait_until_done(PATIENCE_SECONDS)
    verdict = judge(checker, sandbox.uploads_link, max_extra=0)
    assert not verdict.violations, str(verdict)


def test_under_kills_the_naive_shape_loses_urls_and_the_checker_says_so(naive, note):
    url, sandbox, worker_pids = naive
    checker = Checker(name_of)
    with Client(url, checker) as client:
        # One job: its links are then listed in order of completion, as the checker wants them.
        client.submit(slow_urls(sandbox.origin, "k", 150, milliseconds=40))
        with Killer(worker_pids, every_seconds=0.3) as killer:
            done = client.wait_until_done(STALL_SECONDS)
    verdict = judge(checker, sandbox.uploads_link, killer.kills)
    note(f"naive, {killer.kills} kills: {verdict}")
    assert not done
    assert verdict.violations["lost"] >= 1


def _spawned(pid):
    return [child for child in children_of(pid) if "spawn_main" in command_of(child)]
