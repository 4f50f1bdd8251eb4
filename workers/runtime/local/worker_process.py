"""The entry point of a worker process, and its CPU core."""

import multiprocessing.util
import os
import re
import socket
import sys
import zlib
from contextlib import suppress
from pathlib import Path

from workers.contract.state_calls import MailboxCalls
from workers.contract.tokens import Tokens
from workers.contract.worker_config import WorkerConfig
from workers.runtime.local.fork_server import begin_process


def run_worker(
    config: WorkerConfig,
    worker_id: str,
    mailbox: MailboxCalls,
    tokens: Tokens,
    _held_open: object = None,
) -> None:
    """Run a worker process; it ignores stop signals and ends with its parent. The last argument, a
    pipe's end, is kept until then.
    """
    # Here, as the service imports this module as well; the fork server has imported these before.
    from workers.worker.converters import Converters  # noqa: PLC0415
    from workers.worker.worker import run_lanes  # noqa: PLC0415

    begin_process("imgup-worker")
    cores = _stay_on_one_core(worker_id)
    # The service's folder, which all workers share, and which it removes at its end.
    folder = Path(multiprocessing.util.get_temp_dir())
    run_lanes(config, worker_id, mailbox, tokens, Converters(config.conversion, folder, cores))


def _stay_on_one_core(worker_id: str) -> frozenset[int] | None:
    """Keep the threads of this process, which are still to be started, on one core.

    The threads share the interpreter's lock, and passing it from core to core costs as much as the
    work: measured, 0.82 ms an image instead of 0.44. Consecutive workers use consecutive cores; a
    hash of machine and parent selects the first one, so that several services spread.

    Returns:
        The available cores; None if unknown.
    """
    if sys.platform != "linux":
        return None
    cores = sorted(os.sched_getaffinity(0))
    first = zlib.crc32(f"{socket.gethostname()} {os.getppid()}".encode())
    number = int(re.sub(r"\D", "", worker_id.partition(".")[0]) or 0)
    # Without permission the worker is only slower.
    with suppress(OSError):
        os.sched_setaffinity(0, {cores[(first + number) % len(cores)]})
    return frozenset(cores)
