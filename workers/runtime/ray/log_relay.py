"""Relays the log of local actors to the service's output.

By default Ray writes the output of each actor to a file of its own. One log is easier to follow, so
the actors write to a socket instead, and the service copies each line.
"""

import os
import selectors
import shutil
import socket
import tempfile
import threading

from workers.contract.logs import WRITER
from workers.contract.wakeup_pipe import WakeupPipe

_STDOUT = 1  # the descriptor
_CHUNK = 65_536


def divert_log(path: str | None) -> None:
    """Redirect this process's output to the socket of a relay; not for None."""
    if path is None:
        return
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        os.dup2(line.fileno(), _STDOUT)


class LogRelay:
    """Relays the lines of actors on this machine until it is closed; `path` is its socket's."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="imgup-log-")  # only this user can enter it
        self.path = os.path.join(self._folder, "socket")  # noqa: PTH118 - a socket needs a str
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(128)
        self._lines = selectors.DefaultSelector()
        self._lines.register(self._listener, selectors.EVENT_READ)
        self._begun: dict[socket.socket, bytes] = {}
        self._closing = WakeupPipe()
        self._lines.register(self._closing, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._pass_on, name="log-relay", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Relay the lines received so far, and stop."""
        self._closing.ring()
        self._thread.join()
        self._lines.close()
        for line in (self._listener, *self._begun):
            line.close()
        self._closing.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _pass_on(self) -> None:
        is_closing = False
        while events := self._lines.select(0 if is_closing else None):
            for key, _ in events:
                if key.fileobj is self._closing:
                    is_closing = True
                    self._lines.unregister(self._closing)
                elif key.fileobj is self._listener:
                    line, _ = self._listener.accept()
                    self._begun[line] = b""
                    self._lines.register(line, selectors.EVENT_READ)
                elif isinstance(key.fileobj, socket.socket):
                    self._read(key.fileobj)

    def _read(self, line: socket.socket) -> None:
        try:
            data = line.recv(_CHUNK)
        except OSError:
            data = b""
        whole, newline, rest = (self._begun[line] + data).rpartition(b"\n")
        WRITER.write_lines(whole + newline)
        self._begun[line] = rest
        if not data:
            self._lines.unregister(line)
            line.close()
            del self._begun[line]
