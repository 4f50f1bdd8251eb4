"""What a child process does about signals, and when its parent is gone."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading

from workers.contract.logs import flush_logs

ORPHANED = 3
"""Exit code of a child that left because its parent had gone."""


def ignore_stop_signals() -> None:
    """Leave SIGINT and SIGTERM to the parent.

    A terminal's Ctrl-C and many process managers signal the whole group; a child that took this
    for itself would drop what it is doing before the parent's drain has begun.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def leave_with_parent() -> None:
    """End this process as soon as its parent is gone, however it went.

    A thread on the parent's sentinel works under every start method. PR_SET_PDEATHSIG does not:
    it fires when the thread that started the child ends, and never under forkserver.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        flush_logs()
        os._exit(ORPHANED)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
