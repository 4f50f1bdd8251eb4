"""The Manager and the workers are forked by a server that has imported their modules."""

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path

from workers.contract.logs import flush_logs

PRELOADED = (
    "workers.runtime.local.manager",
    "workers.runtime.local.worker_process",
    "workers.runtime.state_objects",
    "workers.worker.worker",
)
"""What they import; the last two, the largest, are not imported by the service."""

_STOPPED = "\nState:\tT"  # see proc(5)

ORPHANED = 3
"""Exit code of a child whose parent is gone."""


def fork_server() -> ForkServerContext:
    """Return the start method of the Manager and the workers.

    The server itself is spawned. So they inherit neither the listening socket nor a lock held by a
    thread, and yet their modules are imported once for all: a dead worker is replaced in 10 ms
    instead of 300.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["workers.runtime.local.preload"])
    return context


def end_stopped_server() -> None:
    """Kill the fork server if somebody has stopped it (SIGSTOP).

    It neither starts a process then nor reports the end of one, and multiprocessing waits for both
    without a limit. The next start of a process starts another one.
    """
    pid = getattr(forkserver._forkserver, "_forkserver_pid", None)  # noqa: SLF001 - not in public
    with contextlib.suppress(OSError):  # it has ended, or there is no /proc
        if pid is not None and _STOPPED in Path(f"/proc/{pid}/status").read_text():
            os.kill(pid, signal.SIGKILL)


def begin_process(name: str) -> None:
    """Begin a forked process: the parent handles stop signals, and this process ends with it.

    Args:
        name: for ps(1) and top(1), up to 15 characters; the command line is the fork server's.
    """
    # A terminal's Ctrl-C and many process managers signal the whole group; without this a child
    # would end before the parent's drain.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _leave_with_parent()
    with contextlib.suppress(OSError):  # it needs Linux
        Path("/proc/self/comm").write_text(name)


def _leave_with_parent() -> None:
    """End this process as soon as its parent has ended.

    A thread on the parent's sentinel works with every start method. PR_SET_PDEATHSIG does not:
    it fires when the thread that started the child ends, and never under forkserver.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        flush_logs()
        os._exit(ORPHANED)

    threading.Thread(target=watch, name="parent-watcher", daemon=True).start()
