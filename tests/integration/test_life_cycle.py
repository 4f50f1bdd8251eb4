"""Start, stop, and the death of each part."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import pytest

from service.stop_signals import StopSignals
from tests.gate import ALLOWED
from tests.processes import children_of, command_of, is_running, suspend
from tests.running_service import not_over_ray

_NO_AGENTS = not_over_ray(
    "Two of Ray's own agents stay a minute; tests/ray/test_local.py looks at the rest."
)


@not_over_ray("Nothing is started.")
def test_a_setting_that_is_missing_is_one_line_and_exit_code_2(launch):
    service = launch(SANDBOX="off")
    assert service.wait_for_exit() == 2
    lines = service.log_text.splitlines()
    assert len(lines) == 1
    assert "IMGUR_CLIENT_ID" in lines[0]


@not_over_ray("Ray keeps its sessions in a folder of its own.")
@pytest.mark.parametrize("end", ["SIGTERM", "death of the Manager"])
def test_nothing_stays_in_the_temporary_directory(launch, request, end):
    # Not below pytest's own folder: the path of a socket has 107 bytes at most (unix(7)).
    folder = Path(tempfile.mkdtemp(prefix="imgup-"))
    request.addfinalizer(partial(shutil.rmtree, folder, ignore_errors=True))
    service = launch(TMPDIR=str(folder), SANDBOX="on").wait_until_ready()
    service.upload_all([f"{service.sandbox}/images/{name}" for name in ("small.png", "large.png")])
    assert list(folder.iterdir())  # sockets of the processes
    if end == "SIGTERM":
        service.signal(signal.SIGTERM)
        assert service.wait_for_exit() == 0
    else:
        os.kill(service.manager_pid, signal.SIGKILL)
        assert service.wait_for_exit() == 1
    service.wait_for("an empty folder", lambda: not list(folder.iterdir()))


SECRETS = {
    "API_KEYS": "name:secret-api-key",
    "ADMIN_KEY": "secret-admin-key",
    "IMGUR_ALBUM": "secretalbum",
    "IMGUR_CLIENT_ID": "secret-client-id",
    "IMGUR_CLIENT_SECRET": "secret-client-secret",
    "IMGUR_REFRESH_TOKEN": "secret-refresh-token",
    "WEBHOOK_SECRET": "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA==",
}


@pytest.fixture(scope="module")
def robust(launch_shared):
    """One service for the tests that it outlives, with all secrets."""
    settings = {"WORKER_COUNT": "2", "WORKER_CONCURRENCY": "8", "SANDBOX": "on"}
    service = launch_shared(**settings | SECRETS | ALLOWED)
    service.http.headers["X-API-Key"] = "secret-api-key"
    return service.wait_until_ready()


@not_over_ray("Ray says where its actors run.")
def test_each_worker_stays_on_a_core_and_they_go_round(robust):
    cores = [os.sched_getaffinity(pid) for pid in robust.worker_pids()]
    assert [len(one) for one in cores] == [1, 1]
    assert len(cores[0] | cores[1]) == min(2, len(os.sched_getaffinity(0)))


@not_over_ray("tests/ray/test_local.py looks for secrets there.")
def test_no_child_process_has_the_secrets_in_its_environment(robust):
    children = robust.all_pids() - {robust.process.pid}
    commands = [command_of(pid) for pid in children]
    assert any("-m sandbox" in command for command in commands)
    assert len(robust.worker_pids()) == 2
    assert set(robust.worker_pids()) <= children
    for pid in children:
        environ = Path(f"/proc/{pid}/environ").read_bytes()
        for name, value in SECRETS.items():
            assert name.encode() + b"=" not in environ, command_of(pid)
            assert value.encode() not in environ, command_of(pid)


@not_over_ray("It is told before the backend starts.")
def test_a_port_in_use_is_one_line_and_exit_code_2(launch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        service = launch(PORT=port, SANDBOX_PORT="0")
        assert service.wait_for_exit() == 2
    lines = [line for line in service.log_text.splitlines() if not line.startswith("{")]
    assert len(lines) == 1
    assert port in lines[0]
    assert "PORT" in lines[0]


@not_over_ray("It is told before the backend starts.")
def test_a_sandbox_port_in_use_is_one_line_and_exit_code_2(launch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        service = launch(SANDBOX_PORT=str(taken.getsockname()[1]))
        assert service.wait_for_exit() == 2
    assert "SANDBOX_PORT" in service.log_text.splitlines()[-1]


@pytest.mark.parametrize(
    "stop",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=not_over_ray("The web side takes it like SIGTERM.")),
    ],
    ids=["SIGTERM", "SIGINT"],
)
def test_a_stop_signal_to_the_whole_group_finishes_what_is_in_work(launch, gate, stop):
    service = launch(SANDBOX="on", **ALLOWED).wait_until_ready()
    job_id = service.submit(gate.urls(service.sandbox, "stop", 8))
    service.wait_for("urls in work", lambda: gate.asked == 8)
    pids = service.all_pids()
    os.killpg(service.process.pid, stop)
    service.wait_for_event("draining; a second signal ends it at once")
    gate.open()
    assert service.wait_for_exit() == 0
    (complete,) = service.events("job complete")
    assert (complete["job_id"], complete["complete"]) == (job_id, 8)
    assert not service.events("worker died")
    service.wait_for("end of all processes", lambda: not any(map(is_running, pids)))


def test_what_is_not_done_in_the_drain_time_is_named(launch, gate):
    settings = {"DRAIN_SECONDS": "1", "WORKER_COUNT": "1", "WORKER_CONCURRENCY": "8"}
    service = launch(**settings, **ALLOWED).wait_until_ready()
    job_id = service.submit(gate.urls(service.sandbox, "never", 9))
    service.wait_for("urls in work", lambda: gate.asked == 8)
    service.signal(signal.SIGTERM)
    assert service.wait_for_exit() == 0
    (dropped,) = service.events("job dropped unfinished")
    assert (dropped["job_id"], dropped["unfinished_urls"]) == (job_id, 9)


@_NO_AGENTS
def test_a_second_signal_ends_at_once_and_leaves_nothing(launch, gate):
    service = launch(DRAIN_SECONDS="600", SANDBOX="on", **ALLOWED).wait_until_ready()
    service.submit(gate.urls(service.sandbox, "second", 1))
    service.wait_for("url in work", lambda: gate.asked == 1)
    pids = service.all_pids()
    service.signal(signal.SIGINT)
    service.wait_for_event("draining; a second signal ends it at once")
    service.signal(signal.SIGINT)
    assert service.wait_for_exit() == 128 + signal.SIGINT
    service.wait_for("end of all processes", lambda: not any(map(is_running, pids)))


@not_over_ray("The sandbox is the web side's child.")
def test_a_killed_sandbox_comes_back_under_its_address(robust):
    sandbox = next(pid for pid in robust.all_pids() if "sandbox" in command_of(pid))
    os.kill(sandbox, signal.SIGKILL)
    robust.wait_for_event("sandbox died; starting it again")
    status = robust.upload_all([robust.sandbox + "/images/small.png"])
    assert len(status["uploaded"]["complete"]) == 1


@not_over_ray("Ray has no fork server.")
def test_a_killed_fork_server_costs_no_url(robust, gate):
    urls = gate.urls(robust.sandbox, "forked", 64)
    job_id = robust.submit(urls)
    robust.wait_for("urls in work", lambda: gate.asked == 16)
    workers = robust.worker_pids()
    (server,) = _fork_servers(robust)
    os.kill(server, signal.SIGKILL)
    gate.open()
    status = robust.wait_complete(job_id)
    assert len(status["uploaded"]["complete"]) == len(urls)
    assert all(map(is_running, workers)), "they do not need it"
    os.kill(workers[0], signal.SIGKILL)  # is noticed all the same
    assert robust.wait_for_event("worker died", pid=workers[0])["cause"] == "exit code 255"
    robust.wait_for("another", lambda: robust.get("/readyz").json()["workers_ready"] == 2)


@not_over_ray("Ray has no fork server.")
def test_a_worker_that_is_stopped_when_the_fork_server_dies_ends_with_the_service(launch):
    service = launch(DRAIN_SECONDS="1").wait_until_ready()
    workers = service.worker_pids()
    suspend(workers[0])
    (server,) = _fork_servers(service)
    os.kill(server, signal.SIGKILL)
    service.signal(signal.SIGTERM)
    assert service.wait_for_exit() == 0
    service.wait_for("end of all workers", lambda: not any(map(is_running, workers)))


@not_over_ray("Ray has no fork server.")
def test_a_stopped_fork_server_is_replaced(robust):
    workers = robust.worker_pids()
    (server,) = _fork_servers(robust)
    os.kill(server, signal.SIGSTOP)  # seen or not: it is killed within a second
    os.kill(workers[0], signal.SIGKILL)
    robust.wait_for("end of both", lambda: not is_running(workers[0]) and not is_running(server))
    robust.wait_for("another", lambda: robust.get("/readyz").json()["workers_ready"] == 2)
    status = robust.upload_all([robust.sandbox + "/images/small.png"])
    assert len(status["uploaded"]["complete"]) == 1


def _fork_servers(service):
    children = children_of(service.process.pid)
    return [child for child in children if "multiprocessing.forkserver" in command_of(child)]


def test_stop_signals_wake_a_waiter_and_give_back_the_handlers():
    before = signal.getsignal(signal.SIGTERM)
    with StopSignals() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert os.read(stop.fileno(), 1)
        assert stop.received is signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


@not_over_ray("Nothing is started.")
def test_the_module_says_what_is_wrong_without_an_environment():
    answer = subprocess.run(
        [sys.executable, "-m", "service"],
        env={"PORT": "99999", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.count("\n") == 1
    assert "PORT" in answer.stderr
