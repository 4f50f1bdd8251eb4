"""Joining a Ray cluster, or starting one here for the time that this process runs."""

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
from ray.exceptions import RayError

from workers.runtime.managed_backend import BackendError
from workers.runtime.ray.environment import ClusterAddress
from workers.runtime.supervisor import stop_signals_held

_OBJECT_STORE_BYTES = 100 * 1000**2  # only jobs and answers above 100 KB pass through it
_KNOCK_SECONDS = 10.0
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def connect(where: ClusterAddress) -> None:
    """Make this process part of the cluster.

    Raises:
        BackendError: there is none at that address, or Ray cannot be started here.
    """
    options: dict[str, Any] = {"address": where.address}
    if where.is_local:
        options = {
            "address": "local",
            "include_dashboard": False,
            "num_cpus": 1,  # nothing here asks for one; Ray would start as many idle processes
            "object_store_memory": _OBJECT_STORE_BYTES,
        }
    try:
        if where.address:
            _knock(where.address)
        # Ray's processes leave stop signals to this one, as the workers do.
        home = _no_home_for_ray() if where.is_local else contextlib.nullcontext()
        with _handlers_kept(), stop_signals_held(), home:
            ray.init(
                **options,
                namespace=where.namespace,
                log_to_driver=False,
                configure_logging=False,
                logging_level=logging.WARNING,
            )
    except (RayError, ConnectionError, OSError, RuntimeError, ValueError) as error:
        what = f"reach a Ray cluster at {where.address}" if where.address else "start Ray"
        raise BackendError(f"BACKEND=ray: cannot {what}: {_first_line(error)}") from error
    sys.stdout = _RayLines()


def _knock(address: str) -> None:
    # Where nobody answers Ray itself tries for ten minutes, and is deaf to stop signals meanwhile.
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), _KNOCK_SECONDS).close()


def disconnect() -> None:
    """Leave the cluster; a Ray that was started here ends, with all of its actors."""
    with _handlers_kept():
        if (node := ray_worker._global_node) is not None:  # noqa: SLF001 - Ray has no other way
            node.kill_all_processes = partial(_kill_all, node, node.kill_all_processes)
        ray.shutdown()


def _kill_all(node: Any, kill: Callable[..., None], **_: object) -> None:  # noqa: ANN401 - Ray's
    # Ray tries SIGTERM first, a second for each process; but these are deaf to it. And the agents,
    # its children's children, take a minute to leave without a server to say goodbye to.
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
    # Ray takes SIGTERM for itself.
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _no_home_for_ray() -> Iterator[None]:
    # With its reports off Ray still asks the cloud's metadata address (169.254.169.254) and the
    # name server which cloud this is, unless reading a file in the home folder fails before.
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
    """Takes what Ray prints, in colour, and makes events of the log of it."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("ray")

    def write(self, text: str) -> int:
        for line in _COLOURS.sub("", text).splitlines():
            if line.strip():
                self._log.info("Ray says", text=line.strip())
        return len(text)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
