"""The broker and the result store of the peers: a Redis of its own, in memory only."""

import subprocess
import tempfile
from typing import Self

from redis import Redis

from benchmarks.debian import Programs
from benchmarks.ports import free_port, wait_for_listener

# Nothing is written to the disk: the product keeps its state in memory, too.
_IN_MEMORY = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no")


class RedisServer:
    """Runs while entered."""

    def __init__(self, programs: Programs) -> None:
        self._program = programs.redis

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-redis-")
        self.port = free_port()
        self._process = subprocess.Popen(
            [self._program, *_IN_MEMORY, "--port", str(self.port), "--dir", self._folder.name],
            stdout=subprocess.DEVNULL,
        )
        wait_for_listener(self.port)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        return self._process.pid

    def empty(self) -> None:
        """Forget what the contender before has left."""
        with Redis(port=self.port) as connection:
            connection.flushall()
