"""The corpus' stage: sources that do what a row says, an Imgur that records, a watched worker.

A row is data: what the source sends, and what the service must make of it. It is run by `check`,
which holds every row to the same terms.
"""

import json
import os
import re
import select
import shutil
import socket
import ssl
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.servers import GIF, GOOD_PATH, Answer, RecordingImgur, Source
from workers.contract.errors import Reason

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("watched_worker.py")

# Of the workers that meet those who keep them waiting: with a transfer, or with a connection. All
# else is done by one with time to spare, so that a busy machine is not taken for a bad source.
HASTY = {"deadline_seconds": 1.0, "connect_seconds": 100.0}
HASTY_TO_CONNECT = {"deadline_seconds": 100.0, "connect_seconds": 0.5}
PATIENT = {"deadline_seconds": 100.0, "connect_seconds": 100.0}
MEMORY_BYTES = 64 * 1024 * 1024
PATIENCE_SECONDS = 60.0  # only a hang takes that long

# After these another attempt is announced, after others none: nothing else decides that.
TRANSIENT = {
    Reason.CONNECT_FAILED,
    Reason.DOWNLOAD_TIMEOUT,
    Reason.NAME_LOOKUP_FAILED,
    Reason.SOURCE_CUT_SHORT,
    Reason.SOURCE_ERROR,
    Reason.SOURCE_RATE_LIMITED,
}


@dataclass(frozen=True)
class Result:
    """What became of one URL, as the job table tells it, and what it took."""

    link: str | None
    reason: str | None
    message: str | None
    transient: bool
    seconds: float
    dialled: list[str]
    asked: list[str]
    peak_bytes: int = field(default=0)


class WatchedWorker:
    """A worker process; see `watched_worker.py`."""

    def __init__(self, log: Path, settings: dict[str, Any], prefix: tuple[str, ...] = ()) -> None:
        self.log = log
        reading, writing = os.pipe()
        clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with log.open("wb") as sink:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, str(WORKER)],
                env=clean | {"PYTHONPATH": str(ROOT)},
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                pass_fds=[writing],
                text=True,
            )
        os.close(writing)
        self._results = os.fdopen(reading, encoding="utf-8")
        defaults = {
            "authority": None,
            "name_server": None,
            "convert": False,
            "imgur_bytes": 20_000_000,
        }
        self._order(defaults | settings | {"results": writing})

    def fetch(self, url: str, names: Mapping[str, list[Any]] | None = None) -> Result:
        self._reset_peak()
        self._order({"url": url, "names": names or {}})
        ready, _, _ = select.select([self._results], [], [], PATIENCE_SECONDS)
        line = self._results.readline() if ready else ""
        if not line:
            pytest.fail(
                f"the lane hangs or has died; the log says:\n{self.log.read_text()[-4000:]}"
            )
        return Result(**json.loads(line), peak_bytes=self._memory("VmHWM"))

    def resident_bytes(self) -> int:
        return self._memory("VmRSS")

    def close(self) -> int:
        """Let the worker drain; it must still be able to."""
        try:
            assert self.process.stdin is not None
            self.process.stdin.close()
            return self.process.wait(PATIENCE_SECONDS)
        finally:
            self._results.close()
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def _order(self, order: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def _reset_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")  # proc(5)

    def _memory(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024


class Corpus:
    """Runs a row, and holds it to the terms that all rows share."""

    def __init__(
        self,
        open_worker: Callable[[dict[str, float]], WatchedWorker],
        imgur: RecordingImgur,
        sources: dict[str, Source],
    ) -> None:
        self.imgur = imgur
        self.sources = sources
        self.source = sources["plain"]
        self._open_worker = open_worker
        self._usual_bytes: dict[WatchedWorker, int] = {}
        self._number = 0

    @cached_property
    def _patient(self) -> WatchedWorker:
        return self._start(PATIENT)

    @cached_property
    def _hasty(self) -> WatchedWorker:
        return self._start(HASTY)

    @cached_property
    def _hasty_to_connect(self) -> WatchedWorker:
        return self._start(HASTY_TO_CONNECT)

    def _start(self, deadlines: dict[str, float]) -> WatchedWorker:
        worker = self._open_worker(deadlines)
        self._take_a_good_one(worker)
        self._usual_bytes[worker] = worker.resident_bytes()
        return worker

    def check(  # noqa: D417 - the rest is told by `Answer` and `Watch`
        self,
        url: str,
        expected: Reason | bytes,
        *,
        answers: Mapping[str, Answer] | None = None,
        names: Mapping[str, list[Any]] | None = None,
        source: str = "plain",
        dials: list[str] | None = None,
        is_unreachable: bool = False,
    ) -> Result:
        """Let the worker fetch `url`, then a good image.

        Args:
            url: with `{source}` where the source's origin goes, `{port}` its port.
            expected: the reason, or the image that must arrive at Imgur.
            dials: what may be connected to, apart from Imgur; the source by default.
            is_unreachable: the worker waits for a connection until it gives up.
        """
        worker = self._patient
        if is_unreachable:
            worker = self._hasty_to_connect
        elif expected is Reason.DOWNLOAD_TIMEOUT:
            worker = self._hasty
        origin = self.sources[source]
        origin.play(answers or {})
        full_url = url.replace("{source}", origin.url).replace("{port}", str(origin.port))
        before = len(self.imgur.uploads)

        result = worker.fetch(full_url, names)

        arrived = self.imgur.uploads[before:]
        if isinstance(expected, bytes):
            assert (result.reason, result.message) == (None, None)
            assert arrived == [expected]
        else:
            assert (result.reason, arrived) == (expected, []), result.message
            assert result.transient is (expected in TRANSIENT)
            _check_sentence(result.message or "")
        assert result.peak_bytes - self._usual_bytes[worker] <= MEMORY_BYTES
        allowed = {f"{origin.address} {origin.port}"} if dials is None else set(dials)
        assert set(result.dialled) - {self.imgur.address} <= allowed
        _check_requests(origin.requests)
        self._take_a_good_one(worker)
        return result

    def _take_a_good_one(self, worker: WatchedWorker) -> None:
        # On the connection that is left from the row, if any is: its own bytes must arrive.
        self._number += 1
        self.source.good_image = GIF + b"image number %d" % self._number
        # In a hasty one's second a busy machine may get nothing done.
        too_slow = {Reason.DOWNLOAD_TIMEOUT, Reason.CONNECT_FAILED}
        for _ in range(20):
            result = worker.fetch(self.source.url + GOOD_PATH)
            if worker is self.__dict__.get("_patient") or result.reason not in too_slow:
                break
        assert result.link is not None, result.message
        assert self.imgur.uploads[-1] == self.source.good_image


def _check_requests(heads: list[bytes]) -> None:
    """Nothing that a row says gets into a request, except as the path that it names."""
    for head in heads:
        request_line, *headers = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        assert re.fullmatch(rb"GET /[!-~]* HTTP/1\.1", request_line)
        # A head that has to be mended is asked for on a connection of its own.
        names = sorted({header.partition(b":")[0] for header in headers} - {b"Connection"})
        assert names == [b"Accept", b"Accept-Encoding", b"Host", b"User-Agent"]


def _check_sentence(message: str) -> None:
    assert message.endswith(".")
    assert len(message) <= 400
    assert not any(unicodedata.category(char).startswith("C") for char in message)


def with_resolver(text: str, folder: Path) -> tuple[str, ...]:
    """Run a command where /etc/resolv.conf holds `text`, and only there."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("No name server of our own on this machine: unshare is not installed.")
    resolv_conf = folder / "resolv.conf"
    resolv_conf.write_text(text)
    script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    prefix = (unshare, "--mount", "sh", "-c", script, str(resolv_conf))
    tried = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"No name server of our own on this machine: {tried.stderr.strip()}")
    return prefix


def free_address() -> str:
    """An address on loopback whose port 53 is free."""
    low, high = os.getpid() & 255, os.getpid() >> 8 & 255
    for second in range(53, 255):
        address = f"127.{second}.{high}.{low}"  # no other process looks at these
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                sock.bind((address, 53))
            except PermissionError:
                pytest.skip("No name server of our own on this machine: port 53 wants root.")
            except OSError:
                continue
        return address
    raise AssertionError("no free address")


# --- the stage ------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def imgur() -> Iterator[RecordingImgur]:
    server = RecordingImgur()
    yield server
    server.close()


@pytest.fixture(scope="session")
def open_corpus(
    imgur: RecordingImgur, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., AbstractContextManager[Corpus]]:
    """Start a worker, with a plain source and those that a module needs besides."""

    @contextmanager
    def open_one(
        tls: Mapping[str, tuple[ssl.SSLContext, str]] | None = None,
        command_prefix: tuple[str, ...] | None = None,
        origins: Sequence[tuple[str, int]] = (),
        **settings: Any,
    ) -> Iterator[Corpus]:
        sources = {"plain": Source()}
        sources |= {name: Source(*arguments) for name, arguments in (tls or {}).items()}
        own = [(source.address, source.port) for source in sources.values()]
        settings |= {"imgur": imgur.url, "origins": [*own, *origins]}
        workers: list[WatchedWorker] = []

        def open_worker(deadlines: dict[str, float]) -> WatchedWorker:
            wanted, prefix = settings | deadlines, command_prefix
            if prefix is None:
                wanted["name_server"] = free_address()
                resolver = f"nameserver {wanted['name_server']}\nsearch .\n"
                prefix = with_resolver(resolver, tmp_path_factory.mktemp("resolver"))
            log = tmp_path_factory.mktemp("worker") / "log"
            workers.append(WatchedWorker(log, wanted, prefix))
            return workers[-1]

        try:
            yield Corpus(open_worker, imgur, sources)
        finally:
            exit_codes = [worker.close() for worker in workers]
            for source in sources.values():
                source.close()
        # One and the same process has worked through every row of its kind, and leaves in order.
        assert not any(exit_codes)
        assert not [worker for worker in workers if "internal error" in worker.log.read_text()]

    return open_one


@pytest.fixture(scope="session")
def corpus(open_corpus: Callable[..., AbstractContextManager[Corpus]]) -> Iterator[Corpus]:
    with open_corpus() as one:
        yield one
