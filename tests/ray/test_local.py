"""A Ray that the service has started itself: where it listens, what it shows, how it ends."""

import ipaddress
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import command_of
from tests.ray.running_cluster import gone, wait_for
from tests.running_service import ROOT, Launch, RunningService

SECRETS = {
    "IMGUR_CLIENT_ID": "client-id-5f0c1d",
    "IMGUR_CLIENT_SECRET": "client-secret-9b2e77",
    "IMGUR_REFRESH_TOKEN": "refresh-token-c4a810",
    "API_KEYS": "key-of-anna-0123456789abcdef",
}
_LISTENING = "0A"


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    pytest.importorskip("ray", reason="NOT TESTED: ray is not installed; make test-ray does that")
    services: list[RunningService] = []

    def start(**environ: str) -> RunningService:
        log_file = tmp_path / f"service-{len(services)}.log"
        services.append(RunningService(log_file, {"BACKEND": "ray"} | environ))
        return services[-1]

    yield start
    for service in services:
        if service.process.poll() is None:
            service.close()


def test_it_listens_and_speaks_on_loopback_only_and_logs_one_event_a_line(launch, tmp_path):
    service = launch(TMPDIR=str(tmp_path), RAY_TMPDIR="/tmp").wait_until_ready()
    status = service.upload_all([f"{service.sandbox}/images/numbered/{n}.png" for n in range(50)])
    assert len(status["uploaded"]["complete"]) == 50
    pids = _ray_pids(service)
    assert len(pids) >= 6  # servers, agents, state, supervisor, two workers
    ends = [end for pid in pids for end in _tcp_ends(pid)]
    assert [end for end in ends if end[2] == _LISTENING]
    assert not [end for end in ends if not _is_loopback(end[0])]
    spoken_to = [end[1] for end in ends if end[2] != _LISTENING]
    assert not [remote for remote in spoken_to if not _is_loopback(remote)]
    os.kill(_pid_of(service, "ClusterWorker"), signal.SIGKILL)
    service.wait_for_event("worker died")
    service.signal(signal.SIGTERM)
    assert service.wait_for_exit() == 0
    assert not list(tmp_path.glob("imgup-*")), "left behind"
    lines = service.log_text.splitlines()
    assert all("event" in json.loads(line) for line in lines)
    processes = {json.loads(line)["process"] for line in lines}
    assert {"service", "supervisor", "sandbox"} <= processes
    assert any(process.startswith("worker-") for process in processes)


def test_secrets_are_in_no_command_line_and_no_log_of_ray(launch):
    service = launch(**SECRETS, SANDBOX="on").wait_until_ready()
    os.kill(_pid_of(service, "ClusterWorker"), signal.SIGKILL)
    service.wait_for_event("worker died")
    pids = _ray_pids(service)
    commands = [command_of(pid) for pid in pids]
    logs = next(
        Path(part.partition("=")[2])
        for command in commands
        for part in command.split()
        if part.startswith("--log_dir=")
    )
    shown = [*commands, service.log_text]
    shown += [file.read_text(errors="replace") for file in logs.rglob("*") if file.is_file()]
    assert len(shown) > 10
    for secret in SECRETS.values():
        assert not [text[:200] for text in shown if secret in text]


def test_the_death_of_the_service_ends_its_actors_and_servers(launch):
    service = launch().wait_until_ready()
    service.submit([service.sandbox + "/faults/latency/20000/images/small.png"])
    # One that is just being started notices a minute later.
    service.wait_for("all workers", lambda: service.get("/readyz").json()["workers_ready"] == 2)
    pids = [pid for pid in _ray_pids(service) if "Agent" not in command_of(pid)]
    assert len(pids) >= 6
    service.signal(signal.SIGKILL)
    service.wait_for_exit()
    wait_for("end of all but Ray's agents", lambda: gone(pids))


def test_a_ray_that_takes_too_long_to_start_is_one_line():
    pytest.importorskip("ray", reason="NOT TESTED: ray is not installed; make test-ray does that")
    code = (
        "import sys, service.run, workers.runtime.ray.environment, ray\n"
        "def init(**_): raise Exception('The current node timed out during startup.')\n"
        "ray.init = init; sys.exit(service.run.main())"
    )
    env = {"PATH": os.environ["PATH"], "BACKEND": "ray", "HOST": "127.0.0.1", "PORT": "0"}
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 2
    assert answer.stderr == (
        "imgup: BACKEND=ray: cannot start Ray: The current node timed out during startup.\n"
    )


def _ray_pids(service: RunningService) -> list[int]:
    return [pid for pid in service.all_pids() if "ray" in command_of(pid)]


def _pid_of(service: RunningService, class_name: str) -> int:
    return next(pid for pid in _ray_pids(service) if f"ray::{class_name}" in command_of(pid))


def _is_loopback(address: str) -> bool:
    number = bytes.fromhex(address.partition(":")[0])
    # Words of the machine's byte order, here little.
    packed = b"".join(number[at : at + 4][::-1] for at in range(0, len(number), 4))
    ip = ipaddress.ip_address(packed)
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback


def _tcp_ends(pid: int) -> list[tuple[str, str, str]]:
    """The local and the remote address, and the state, of each TCP socket of a process."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, remote, state, *_, inode = line.split()[:10]
            if inode in inodes:
                found.append((local, remote, state))
    return found
