"""Joins a Ray cluster, or starts one for the lifetime of this process."""

import contextlib
import io
import logging
import os
import re
import signal
import site
import socket
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import ray
import structlog
from ray._private import worker as ray_worker

from workers.runtime.managed_backend import BackendError
from workers.runtime.ray.environment import ClusterAddress
from workers.runtime.supervisor import stop_signals_held

_OBJECT_STORE_BYTES = 100 * 1000**2  # only messages above 100 KB pass through it
_KNOCK_SECONDS = 10.0
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def connect(where: ClusterAddress) -> None:
    """Make this process part of the cluster.

    Raises:
        BackendError: no cluster at that address, or Ray cannot be started.
    """
    options: dict[str, Any] = {"address": where.address}
    if where.is_local:
        options = {
            "address": "local",
            "include_dashboard": False,
            "num_cpus": 1,  # no actor requests one; Ray would start as many idle processes
            "object_store_memory": _OBJECT_STORE_BYTES,
        }
    try:
        if where.address:
            _knock(where.address)
        # Ray's processes ignore stop signals, as the workers do.
        home = _no_home_for_ray() if where.is_local else contextlib.nullcontext()
        with _handlers_kept(), stop_signals_held(), home:
            ray.init(
                **options,
                namespace=where.namespace,
                log_to_driver=False,
                configure_logging=False,
                logging_level=logging.WARNING,
            )
    except Exception as error:  # a start that takes too long is a bare one
        what = f"reach a Ray cluster at {where.address}" if where.address else "start Ray"
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        raise BackendError(f"BACKEND=ray: cannot {what}: {why}") from error
    sys.stdout = _RayLines()


def _knock(address: str) -> None:
    # Without a response Ray itself tries for ten minutes, and ignores stop signals meanwhile.
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), _KNOCK_SECONDS).close()


def disconnect() -> None:
    """Leave the cluster; a Ray instance started here ends, with all actors."""
    with _handlers_kept():
        if (node := ray_worker._global_node) is not None:  # noqa: SLF001 - Ray has no other way
            node.kill_all_processes = partial(_kill_all, node, node.kill_all_processes)
        ray.shutdown()


def _kill_all(node: Any, kill: Callable[..., None], **_: object) -> None:  # noqa: ANN401 - Ray's
    # Ray tries SIGTERM first, a second for each process, but these ignore it. And the agents, its
    # grandchildren, take a minute to end without a server.
    raylets = [info.process.pid for info in node.all_processes.get("raylet", ())]
    children = [child for pid in raylets for child in _children(pid)]
    kill(check_alive=False, allow_graceful=False)
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    # Ray installs a handler for SIGTERM.
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _no_home_for_ray() -> Iterator[None]:
    # Even without usage reports Ray queries the cloud's metadata address (169.254.169.254) and the
    # name server for the cloud's name, unless reading a file in the home folder fails before.
    before = {name: os.environ.get(name) for name in ("HOME", "PYTHONUSERBASE")}
    os.environ |= {"PYTHONUSERBASE": site.getuserbase(), "HOME": os.devnull}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _RayLines(io.TextIOBase):
    """Turns Ray's coloured output into log events."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("ray")

    def write(self, text: str) -> int:
        for line in _COLOURS.sub("", text).splitlines():
            if line.strip():
                self._log.info("Ray says", text=line.strip())
        return len(text)
