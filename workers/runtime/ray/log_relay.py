"""Relays the log of local actors to the service's output.

By default Ray writes the output of each actor to a file of its own. One log is easier to follow, so
the actors write to a named pipe instead, and the service copies each line.
"""

import multiprocessing.connection
import os
import shutil
import tempfile
import threading
from typing import Any

from workers.contract.logs import WRITER
from workers.contract.wakeup_pipe import WakeupPipe

_STDOUT = 1  # the descriptor
_CHUNK = 65_536


def divert_log(path: str | None) -> None:
    """Redirect this process's output to the pipe of a relay; not for None.

    Raises:
        OSError: the relay is gone.
    """
    if path is None:
        return
    pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)  # otherwise it would wait for a reader
    os.set_blocking(pipe, True)
    os.dup2(pipe, _STDOUT)
    os.close(pipe)


class LogRelay:
    """Relays the lines of actors on this machine until it is closed; `path` is its pipe's.

    Lines of several actors stay whole as they do in the service's own output; see `LogWriter`.
    """

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="imgup-log-")  # only this user can enter it
        self.path = os.path.join(self._folder, "pipe")  # noqa: PTH118 - passed on as a str
        os.mkfifo(self.path)
        # Open for writing as well: otherwise it would be at its end whenever there is no actor.
        self._pipe = os.open(self.path, os.O_RDWR)
        self._closing = WakeupPipe()
        self._thread = threading.Thread(target=self._pass_on, name="log-relay", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Relay the lines received so far, and stop."""
        self._closing.ring()
        self._thread.join()
        self._closing.close()
        os.close(self._pipe)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _pass_on(self) -> None:
        begun = b""
        sources: list[Any] = [self._pipe, self._closing]
        while self._pipe in multiprocessing.connection.wait(sources):
            whole, newline, begun = (begun + os.read(self._pipe, _CHUNK)).rpartition(b"\n")
            WRITER.write_lines(whole + newline)
