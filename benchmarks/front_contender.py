"""A contender with a front of its own, and worker processes started by their library's command."""

import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.contender import Running, Site
from benchmarks.front import Order
from benchmarks.peers.addresses import VARIABLE

ROOT = Path(__file__).parents[1]
_STOP_SECONDS = 20.0


@dataclass(frozen=True)
class FrontContender:
    """Anything but the product.

    Attributes:
        name: as in the tables.
        module: what the front imports.
        workers: the command that starts the workers; empty: the front does the work itself.
    """

    name: str
    module: str
    workers: Sequence[str] = ()

    @contextmanager
    def start(self, site: Site, *, slow: bool) -> Iterator[Running]:
        """See Contender; each order says which sink, so that `slow` changes nothing here."""
        del slow
        site.redis.empty()
        environ = os.environ | {VARIABLE: str(site.redis.port)}
        with tempfile.TemporaryFile("w+") as log:
            workers = _spawn_workers(self.workers, environ, log) if self.workers else None
            front = _spawn_front(self.module, environ, log)
            try:
                yield _Running(self.name, front, workers, log)
            finally:
                _stop(front, workers)


@dataclass(frozen=True)
class _Running:
    name: str
    front: subprocess.Popen[str]
    workers: subprocess.Popen[str] | None
    log: IO[str]

    @property
    def pids(self) -> Sequence[int]:
        return [self.front.pid] + ([] if self.workers is None else [self.workers.pid])

    def run(self, order: Order) -> float:
        assert self.front.stdin is not None
        assert self.front.stdout is not None
        self.front.stdin.write(order.to_line())
        self.front.stdin.flush()
        while not select.select([self.front.stdout], [], [], 1.0)[0]:
            if self.workers is not None and self.workers.poll() is not None:
                raise SystemExit(f"bench: the workers of {self.name} ended\n{self._last_words()}")
        line = self.front.stdout.readline()
        if not line:
            raise SystemExit(f"bench: {self.name} failed\n{self._last_words()}")
        return float(line)

    def _last_words(self) -> str:
        self.log.seek(0)
        return self.log.read()[-4000:]


def _spawn_workers(
    command: Sequence[str], environ: dict[str, str], log: IO[str]
) -> subprocess.Popen[str]:
    # The libraries' commands stand beside this interpreter. A group of their own, to end them all.
    program = str(Path(sys.executable).parent / command[0])
    return subprocess.Popen(
        [program, *(word.format(port=environ[VARIABLE]) for word in command[1:])],
        cwd=ROOT,
        env=environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        text=True,
        start_new_session=True,
    )


def _spawn_front(module: str, environ: dict[str, str], log: IO[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.front", module],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        start_new_session=True,
    )


def _stop(front: subprocess.Popen[str], workers: subprocess.Popen[str] | None) -> None:
    if workers is not None:
        workers.terminate()
    front.communicate()  # closes its stdin, which ends it
    if workers is not None:
        with suppress(subprocess.TimeoutExpired):
            workers.wait(_STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(workers.pid, signal.SIGKILL)
        workers.wait()
