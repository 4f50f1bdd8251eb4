"""A cluster that is up, as a test sees it."""

import contextlib
import ctypes
import json
import os
import secrets
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.chaos.killer import RepeatedKills
from tests.processes import command_of, is_running
from tests.running_service import ROOT
from tests.waiting import wait_until

PATIENCE_SECONDS = 100.0
_PIDFD_GETFD = 438  # on every architecture


class RunningCluster:
    """Three nodes on loopback.

    Args:
        folder: for Ray's files; short, as the paths of sockets are limited.
        log_file: where the processes' output goes.

    Attributes:
        environ: what a process needs to know to join it.
    """

    def __init__(self, folder: Path, log_file: Path) -> None:
        self._folder = folder
        ray = {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # loopback only
        }
        # A dead node is known after some 5 s, instead of 15.
        swift = {
            "RAY_health_check_period_ms": "1000",
            "RAY_health_check_timeout_ms": "5000",
            "RAY_health_check_failure_threshold": "3",
        }
        with log_file.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.ray.cluster_process", str(folder)],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], "HOME": os.devnull} | ray | swift,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.environ = ray | {"RAY_ADDRESS": self._answer()["address"]}

    def kill_node(self) -> None:
        """One that is not the head; its processes get no time to say goodbye."""
        self._order("kill-node")

    def add_node(self) -> None:
        self._order("add-node")

    def pids(self, class_name: str) -> list[int]:
        """Of the actors of a class that run on any node."""
        # By session: an actor whose raylet is dead has no parent that would tell.
        found = []
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and command_of(int(process.name)).startswith(
                f"ray::{class_name}"
            ):
                with contextlib.suppress(ProcessLookupError):
                    if os.getsid(int(process.name)) == self._process.pid:
                        found.append(int(process.name))
        return found

    def events(self, name: str) -> list[dict[str, Any]]:
        """What the actors have logged, all since the cluster was started."""
        lines = [
            line
            for file in self._folder.glob("session_2*/logs/worker-*.out")
            for line in file.read_text(errors="replace").splitlines()
        ]
        parsed = [json.loads(line) for line in lines if line.startswith("{") and line[-1] == "}"]
        return [event for event in parsed if event.get("event") == name]

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _order(self, order: str) -> None:
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()
        self._answer()

    def _answer(self) -> dict[str, Any]:
        return json.loads(self._process.stdout.readline())


class NodeKiller(RepeatedKills):
    """Kills a node again and again while entered, and puts another one in its place."""

    def __init__(self, cluster: RunningCluster, every_seconds: float) -> None:
        super().__init__(every_seconds)
        self._cluster = cluster

    def kill(self) -> bool:
        self._cluster.kill_node()
        return True

    def mend(self) -> None:
        self._cluster.add_node()


def wait_for(what: str, condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    return wait_until(condition, f"no {what} within {seconds:g} s", seconds, every=0.05)


def gone(pids: list[int]) -> bool:
    return not any(map(is_running, pids))


def break_connections(pid: int, server: int) -> int:
    """Shut the TCP connections of one process to another, as a network does; return how many."""
    ports = {end.getsockname()[1] for end in _tcp_sockets(server) if _is_listening(end)}
    broken = 0
    for end in _tcp_sockets(pid):
        with contextlib.suppress(OSError):  # not connected
            if end.getpeername()[1] in ports:
                end.shutdown(socket.SHUT_RDWR)
                broken += 1
    return broken


def _is_listening(end: socket.socket) -> bool:
    return bool(end.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _tcp_sockets(pid: int) -> Iterator[socket.socket]:
    """Duplicates, by pidfd_getfd(2), which Python does not have."""
    process = os.pidfd_open(pid)
    for file in Path(f"/proc/{pid}/fd").iterdir():
        fd = ctypes.CDLL(None).syscall(_PIDFD_GETFD, process, int(file.name), 0)
        if fd < 0:
            continue
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            with socket.socket(fileno=fd) as end:
                if end.family != socket.AF_UNIX and end.type == socket.SOCK_STREAM:
                    yield end
        else:
            os.close(fd)
    os.close(process)
