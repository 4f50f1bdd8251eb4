"""The machine runs short: no room on the disk, no file descriptors. It passes, and so does this."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.chaos.checker import Checker
from tests.chaos.client import Client
from tests.chaos.load import judge, name_of, slow_urls
from tests.gate import ALLOWED
from tests.running_service import BACKEND, RunningService, not_over_ray
from tests.waiting import PATIENCE_SECONDS

DISK_BYTES = 6_000_000
LARGE_BYTES = 2_000_000  # beyond the megabyte that stays in memory
_NOT_STARTED = "worker could not be started; trying again"
SMALL_DISK = ("unshare", "--mount", "--map-root-user", "--", "sh", "-c")


def _can_mount() -> bool:
    with contextlib.suppress(OSError):
        command = [*SMALL_DISK, "mount -t tmpfs tmpfs /mnt"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


def _large(sandbox: str, name: str, count: int) -> list[str]:
    base = f"{sandbox}/images/numbered"
    return [f"{base}/{name}-{number}.png?bytes={LARGE_BYTES}" for number in range(count)]


@pytest.fixture
def disk() -> Iterator[Path]:
    """Where the small disk is mounted; it outlives the service, which ends with its own files.

    Not below pytest's own folder: the path of a socket has 107 bytes at most (unix(7)).
    """
    with tempfile.TemporaryDirectory(prefix="imgup-") as folder:
        yield Path(folder)


@not_over_ray("A worker stores images by the same code.")
@pytest.mark.skipif(not _can_mount(), reason="needs a mount namespace of its own (unshare)")
def test_a_full_disk_fails_only_what_needs_it_and_only_while_it_is_full(disk, launch, gate):
    mount = f'mount -t tmpfs -o size={DISK_BYTES} tmpfs {disk} && exec "$0" "$@"'
    service = launch(
        (*SMALL_DISK, mount),
        TMPDIR=str(disk),
        RAY_TMPDIR="/tmp",  # Ray's own files alone would fill it
        MAX_ATTEMPTS="3",
        WORKER_COUNT="1",
        WORKER_CONCURRENCY="2",
        **ALLOWED,
    ).wait_until_ready()
    # A process settles on its temporary directory with its first file; a full one it would avoid.
    assert service.upload_all(_large(service.sandbox, "first", 1))["uploaded"]["complete"]
    # The service's own view of the disk; nobody else sees it.
    filler = Path(f"/proc/{service.process.pid}/root{disk}/filler")
    with contextlib.suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(65536))
            file.flush()

    small = slow_urls(service.sandbox, "small", 30)
    large = _large(service.sandbox, "large", 3)
    status = service.upload_all([*large, *small])
    results = status["results"]
    assert [result["reason"] for result in results[:3]] == ["storage-full"] * 3
    assert [result["attempts"] for result in results[:3]] == [3] * 3
    assert len(status["uploaded"]["complete"]) == len(small)

    # Full at a first attempt; the others wait until it is no more.
    gate.let(1)
    later = gate.urls(service.sandbox, "later", 3)
    job_id = service.submit([f"{url}?bytes={LARGE_BYTES}" for url in later])
    service.wait_for(
        "a first attempt",
        lambda: any(result["reason"] for result in service.status(job_id)["results"]),
    )
    filler.unlink()
    gate.open()
    assert len(service.wait_complete(job_id)["uploaded"]["complete"]) == 3
    service.must_not_log('"worker died"')


@not_over_ray("A worker takes an error by the same code.")
def test_workers_out_of_file_descriptors_recover(launch, note):
    service = launch(MAX_ATTEMPTS="8").wait_until_ready()
    checker = Checker(name_of)
    with Client(service.url, checker) as client:
        client.submit(slow_urls(service.sandbox, "before", 40))
        assert client.wait_until_done()
        limits = {pid: _forbid_more_files(pid) for pid in service.worker_pids()}
        # Connections are kept and used again; a large image needs a file besides.
        job_id = client.submit(_large(service.sandbox, "during", 6))
        client.submit(slow_urls(service.sandbox, "beside", 40))
        service.wait_for(
            "trouble",
            lambda: any(result["reason"] for result in service.status(job_id)["results"]),
        )
        for pid, limit in limits.items():
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limit)
        assert client.wait_until_done()
    verdict = judge(checker, service.uploads_link, max_extra=0)
    note(f"workers without descriptors: {verdict}")
    assert not verdict.violations, str(verdict)
    assert verdict.complete == 86
    assert not client.errors


@not_over_ray("Ray's own servers, the service's children, need more descriptors than this leaves.")
def test_a_crowd_beyond_the_descriptors_keeps_nobody_out(launch, note):
    enough = 128 + 24  # see service/http/server.py: what is not for connections, and some for these
    limited = ("sh", "-c", f'ulimit -n {enough} && exec "$0" "$@"')
    service = launch(limited, WORKER_CONCURRENCY="8").wait_until_ready()
    checker = Checker(name_of)
    address = ("127.0.0.1", int(service.url.rpartition(":")[2]))
    with contextlib.ExitStack() as crowd:
        for _ in range(3 * enough):
            crowd.enter_context(socket.create_connection(address, timeout=PATIENCE_SECONDS))
        # Accepted after all of the crowd. While these come, whoever is slow to send may have to go.
        assert requests.get(f"{service.url}/healthz", timeout=PATIENCE_SECONDS).ok
        with Client(service.url, checker) as client:
            client.submit(slow_urls(service.sandbox, "crowd", 100))
            os.kill(service.worker_pids()[0], signal.SIGKILL)
            assert client.wait_until_done()
            service.wait_for("a new worker", lambda: len(service.worker_pids()) == 2)
    verdict = judge(checker, service.uploads_link, max_extra=8)
    note(f"{3 * enough} connections, {enough} descriptors: {verdict}")
    assert not verdict.violations, str(verdict)
    assert not client.errors


def test_a_supervisor_without_any_descriptor_left_recovers(launch, gate, note):
    service = launch(WORKER_CONCURRENCY="8", **ALLOWED).wait_until_ready()
    checker = Checker(name_of)
    with Client(service.url, checker) as client:
        client.submit(gate.urls(service.sandbox, "held", 1))  # so that there are some until then
        client.submit(slow_urls(service.sandbox, "during", 200))
        service.wait_for("urls in work", lambda: service.get("/readyz").json()["leased_urls"])
        supervisor = service.supervisor_pid
        service.may_log("Traceback", "internal error")  # of requests that it cannot serve then
        limit = _forbid_more_files(supervisor)
        os.kill(service.worker_pids()[0], signal.SIGKILL)
        service.wait_for(
            "the next worker, or that there is none",
            lambda: service.events(_NOT_STARTED) or (BACKEND == "ray" and is_replaced(service)),
        )
        resource.prlimit(supervisor, resource.RLIMIT_NOFILE, limit)
        gate.open()
        assert client.wait_until_done()
    verdict = judge(checker, service.uploads_link, max_extra=16)
    note(f"supervisor without descriptors: {verdict}; {len(client.errors)} reads failed meanwhile")
    assert not verdict.violations, str(verdict)
    service.wait_for("new workers", lambda: service.get("/readyz").json()["workers_ready"] == 2)


def is_replaced(service: RunningService) -> bool:
    """Whether an actor was started all the same. One that cannot be watched counts as dead."""
    deaths = len(service.events("worker died"))
    return deaths > 1 or (deaths == 1 and service.get("/readyz").json()["workers_ready"] == 2)


def _forbid_more_files(pid: int) -> tuple[int, int]:
    """Let a process open no file beyond those it has open; returns its old limit."""
    limit = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    numbers = {int(link.name) for link in Path(f"/proc/{pid}/fd").iterdir()}
    lowest_free = min(set(range(len(numbers) + 1)) - numbers)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free, limit[1]))
    return limit
