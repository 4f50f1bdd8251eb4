"""A source of images that kills whoever asks for one of them.

It stands for an image that crashes its worker, with no back door in the product: the process that
holds the other end of the connection is looked up in /proc, and killed.
"""

import contextlib
import os
import signal
import socketserver
import threading
from pathlib import Path
from typing import Self


class PoisonSource:
    """Serves while entered.

    Attributes:
        killed: how often each path killed a process.
    """

    def __init__(self) -> None:
        self.killed: dict[str, int] = {}
        source = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                path = self.rfile.readline().split()[1].decode()
                if kill_holder(self.client_address[1], self.server.server_address[1]):
                    source.killed[path] = source.killed.get(path, 0) + 1

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def kill_holder(port: int, server_port: int) -> bool:
    """Kill the process that is connected from one port of 127.0.0.1 to another; return whether
    there was one.
    """
    inode = _inode_of(port, server_port)
    if inode is None:
        return False
    wanted = f"socket:[{inode}]"
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        with contextlib.suppress(OSError):
            if any(_target(link) == wanted for link in (process / "fd").iterdir()):
                os.kill(int(process.name), signal.SIGKILL)
                return True
    return False


def _inode_of(port: int, server_port: int) -> str | None:
    # proc(5): local and remote address in hexadecimal, and the inode in the tenth column. Another
    # connection may have the same local port.
    wanted = [f"0100007F:{port:04X}", f"0100007F:{server_port:04X}"]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        columns = line.split()
        if columns[1:3] == wanted:
            return columns[9]
    return None


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""
