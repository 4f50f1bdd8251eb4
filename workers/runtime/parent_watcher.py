"""Signals of child processes, and their end when the parent is gone."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading

from workers.contract.logs import flush_logs

ORPHANED = 3
"""Exit code of a child whose parent is gone."""


def ignore_stop_signals() -> None:
    """Ignore SIGINT and SIGTERM; the parent handles them.

    A terminal's Ctrl-C and many process managers signal the whole group; without this a child would
    end before the parent's drain.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def leave_with_parent() -> None:
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
