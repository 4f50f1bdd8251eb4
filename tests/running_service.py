"""The whole product, started as its users start it: ``python -m service``, real processes."""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.measurement import coverage_set_aside
from tests.processes import children_of, command_of, is_running, name_of
from tests.shared_sandbox import ITS_OWN, SharedSandbox
from tests.waiting import PATIENCE_SECONDS, wait_until

ROOT = Path(__file__).parents[1]
BACKEND = os.environ.get("TEST_BACKEND", "processes")

Status = dict[str, Any]

_SANDBOX = "SANDBOX: nothing is uploaded to the real Imgur"


def not_over_ray(reason: str) -> pytest.MarkDecorator:
    """Leave a test out with BACKEND=ray, for this reason, a sentence."""
    return pytest.mark.skipif(BACKEND == "ray", reason=reason)


class RunningService:
    """A service process, its log and a client for it.

    Args:
        log_file: where its output goes.
        environ: settings besides those that every test wants.
        prefix: a command that starts the service's own, such as ``unshare``.
        shared: where it uploads to; None for what its settings say, or a sandbox of its own.
        is_measured: whether its lines count for coverage, which doubles what its start computes.
    """

    def __init__(
        self,
        log_file: Path,
        environ: dict[str, str],
        prefix: tuple[str, ...] = (),
        shared: SharedSandbox | None = None,
        *,
        is_measured: bool = False,
    ) -> None:
        self._log_file = log_file
        self._shared = shared
        if shared is not None:
            environ = shared.settings(environ)
        clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        if is_measured:
            clean |= coverage_set_aside()
        defaults = {"HOST": "127.0.0.1", "PORT": "0", "WORKER_COUNT": "2", "LOG_LEVEL": "DEBUG"}
        defaults["BACKEND"] = BACKEND
        with log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "service"],
                cwd=ROOT,
                env=clean | defaults | environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a process group of its own, as a terminal makes it
            )
        self.http = requests.Session()
        self.http.trust_env = False
        self._events: list[dict[str, Any]] = []
        self._parsed_bytes = 0
        self._forbidden = {"Traceback", "internal error"}

    # --- what it says -----------------------------------------------------------------------

    @property
    def log_text(self) -> str:
        """The log by now. Each process writes to it in a thread: a line may come after what it
        tells of is seen, and is certain to be there only when the service has ended.
        """
        return self._log_file.read_text()

    def events(self, name: str, **fields: object) -> list[dict[str, Any]]:
        """Events of this name and with these fields in the log by now; see `log_text`."""
        with self._log_file.open("rb") as log:
            log.seek(self._parsed_bytes)
            *lines, _ = log.read().split(b"\n")
        for line in lines:
            self._parsed_bytes += len(line) + 1
            with contextlib.suppress(ValueError):  # no event; or a process was killed within it
                self._events.append(json.loads(line))
        wanted = {"event": name, **fields}.items()
        return [event for event in self._events if wanted <= event.items()]

    def forget_events(self) -> None:
        """Leave those by now out of `events`: they are of earlier tests."""
        self.events("")
        self._events.clear()

    def must_not_log(self, *texts: str) -> None:
        """The test fails where one of these is in the log of all processes when they have ended."""
        self._forbidden |= set(texts)

    def may_log(self, *texts: str) -> None:
        """What no service may log elsewhere: a traceback, an internal error."""
        self._forbidden -= set(texts)

    def wait_for(self, what: str, condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS):
        def missing() -> str:
            return f"no {what} within {seconds:g} s; the log says:\n{self.log_text[-8000:]}"

        return wait_until(condition, missing, seconds, every=0.02)

    def wait_for_event(self, name: str, **fields: object) -> dict[str, Any]:
        """The newest event of this name and with these fields, once there is one."""
        return self.wait_for_events(name, 1, **fields)[-1]

    def wait_for_events(self, name: str, count: int, **fields: object) -> list[dict[str, Any]]:
        """All events of this name and with these fields, once there are so many."""

        def found() -> list[dict[str, Any]] | None:
            events = self.events(name, **fields)
            return events if len(events) >= count else None

        return self.wait_for(f"{count} times event {name!r} with {fields}", found)

    def wait_until_ready(self) -> "RunningService":
        """With all of its workers."""
        self.wait_for_event("service started")

        def is_ready() -> bool:
            answer = self.get("/readyz")
            health = answer.json()
            return answer.ok and health["workers_ready"] == health["workers_wanted"]

        self.wait_for("readiness", is_ready)
        return self

    @cached_property
    def url(self) -> str:
        return self.wait_for_event("service started")["url"]

    @cached_property
    def sandbox(self) -> str:
        if self._shared is not None:
            return self._shared.origin
        return self.wait_for_event(_SANDBOX)["sandbox"]

    @cached_property
    def uploads_link(self) -> str:
        """Where its sandbox lists all uploads; the key in it is for who sees the log."""
        if self._shared is not None:
            return self._shared.uploads_link
        return self.wait_for_event("sandbox listening")["uploads"]

    # --- what it does -----------------------------------------------------------------------

    def get(self, path: str) -> requests.Response:
        return self.http.get(self.url + path, timeout=30)

    def submit(self, urls: list[str]) -> str:
        answer = self.http.post(self.url + "/v1/images/upload", json={"urls": urls}, timeout=30)
        assert answer.status_code == 202, answer.text
        return answer.json()["jobId"]

    def status(self, job_id: str, wait_seconds: int = 0) -> Status:
        """How the job stands, at once or when it is complete, after so long at the latest."""
        prefer = {"Prefer": f"wait={wait_seconds}"} if wait_seconds else {}
        url = f"{self.url}/v1/images/upload/{job_id}"
        answer = self.http.get(url, headers=prefer, timeout=wait_seconds + 30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_complete(self, job_id: str, seconds: float = PATIENCE_SECONDS) -> Status:
        def complete() -> Status | None:
            status = self.status(job_id, wait_seconds=10)
            return status if status["status"] == "complete" else None

        return self.wait_for("complete job", complete, seconds)

    def upload_all(self, urls: list[str], seconds: float = PATIENCE_SECONDS) -> Status:
        return self.wait_complete(self.submit(urls), seconds)

    def sandbox_uploads(self) -> dict[str, Any]:
        return self.http.get(self.uploads_link, timeout=30).json()

    # --- its processes ----------------------------------------------------------------------

    def worker_pids(self) -> list[int]:
        """Pids of the workers that run, by the names that the system knows."""
        if BACKEND == "ray":
            return self._actor_pids("ClusterWorker")
        return [pid for pid in self.all_pids() if name_of(pid) == "imgup-worker"]

    def worker_pid(self, worker: str) -> int:
        """Pid of the worker that has this id, as it says itself."""
        name = "worker is up" if BACKEND == "ray" else "worker started"
        return self.wait_for_event(name, worker=worker)["pid"]

    @property
    def manager_pid(self) -> int:
        if BACKEND == "ray":
            return self.wait_for("state", lambda: self._actor_pids("BackendState"))[0]
        return self.wait_for_event("manager started")["pid"]

    @property
    def supervisor_pid(self) -> int:
        """Of the process that starts and replaces workers."""
        if BACKEND == "ray":
            return self.wait_for("supervisor", lambda: self._actor_pids("ClusterSupervisor"))[0]
        return self.process.pid

    def _actor_pids(self, class_name: str) -> list[int]:
        return [pid for pid in self.all_pids() if f"ray::{class_name}" in command_of(pid)]

    def all_pids(self) -> set[int]:
        """The service's process and all that descend from it."""
        found, new = set(), {self.process.pid}
        while new:
            found |= new
            new = {child for pid in new for child in children_of(pid)} - found
        return found

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_for_exit(self, seconds: float = PATIENCE_SECONDS) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(
                f"still running after {seconds:g} s; the log says:\n{self.log_text[-8000:]}"
            )

    def kill_all(self) -> None:
        """End all processes at once, as a power cut does."""
        pids = self.all_pids()
        for pid in pids:  # not their group: Ray's actors have groups of their own
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.wait_for_exit()
        self.wait_for("end of all processes", lambda: not any(map(is_running, pids)))

    def stop(self) -> None:
        """End it as an operator does; its log is then whole."""
        self.http.close()  # a drain waits for connections that have just been used
        pids = self.all_pids()
        self.process.terminate()
        assert self.wait_for_exit() == 0
        self.wait_for("end of all processes", lambda: not any(map(is_running, pids)))

    def close(self) -> None:
        self.http.close()  # as above
        pids = self.all_pids()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        with contextlib.suppress(AssertionError):  # those are ended below, and named
            wait_until(lambda: not any(map(is_running, pids)))
        left = [pid for pid in pids if is_running(pid)]
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert not left, f"processes left behind: {left}"
        lines = self.log_text.splitlines()
        assert not [line for line in lines if any(text in line for text in self._forbidden)]


Launch = Callable[..., RunningService]
"""Starts a service with the settings that are given as keywords; see `RunningService`."""


@contextlib.contextmanager
def launcher(folder: Path, shared: SharedSandbox | None = None) -> Iterator[Launch]:
    """Start services whose logs are in this folder; the last one is stopped first. The sandbox that
    they share, if any, has forgotten by the first start what others sent to it.
    """
    with contextlib.ExitStack() as services:
        numbers = itertools.count()

        def start(
            prefix: tuple[str, ...] = (), *, is_measured: bool = False, **environ: str
        ) -> RunningService:
            number = next(numbers)
            sandbox = None if environ.keys() & ITS_OWN else shared
            if sandbox is not None and number == 0:
                sandbox.forget()
            log_file = folder / f"service-{number}.log"
            service = RunningService(log_file, environ, prefix, sandbox, is_measured=is_measured)
            services.callback(service.close)
            return service

        yield start
