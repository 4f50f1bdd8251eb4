import errno
import subprocess
from typing import Any

import pytest
import requests
from structlog.testing import capture_logs

from service import sandbox_process
from service.sandbox_process import SandboxProcess


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
