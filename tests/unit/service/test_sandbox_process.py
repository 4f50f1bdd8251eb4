import errno
import subprocess
from contextlib import ExitStack
from typing import Any

import pytest
import requests
from structlog.testing import capture_logs

from service import sandbox_process
from service.http.server import ServerStartError
from service.run import _bind_sandbox
from service.sandbox_process import SandboxProcess
from service.settings.environment import load_settings


def test_a_start_that_fails_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = subprocess.Popen, [OSError(errno.EAGAIN, "No more processes")]

    def popen(*args: Any, **more: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(*args, **more)

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(sandbox_process, "_RESTART_SECONDS", 0.01)
    with capture_logs() as logs:
        sandbox = SandboxProcess("127.0.0.1", 0)
        sandbox.start()
        try:
            with requests.Session() as session:
                session.trust_env = False
                assert session.get(f"{sandbox.origin}/images/small.png", timeout=60).ok
        finally:
            sandbox.stop()
    assert [(line["event"], line["cause"]) for line in logs] == [
        ("sandbox could not be started; trying again", "No more processes")
    ]


def test_an_address_of_another_machine_is_not_taken_for_a_port_in_use() -> None:
    elsewhere = load_settings({"SANDBOX_HOST": "192.0.2.1"})  # TEST-NET-1 (RFC 5737)
    with ExitStack() as running, pytest.raises(ServerStartError, match=r"Set SANDBOX_HOST to"):
        _bind_sandbox(elsewhere, running)
