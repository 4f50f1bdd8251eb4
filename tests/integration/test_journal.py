"""With JOURNAL_PATH a restart goes on where the service stopped, however it stopped."""

import collections
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.gate import ADDRESS
from tests.running_service import RunningService, not_over_ray

ROOT = Path(__file__).parents[2]
URLS = 200
WORKERS = 2
LANES = 8


@pytest.fixture
def start(launch, tmp_path: Path):
    """The sandbox outlives the services, and counts the uploads of all their runs."""

    def start_service(**environ: str):
        settings = {
            "JOURNAL_PATH": str(tmp_path / "journal"),
            "SOURCE_ALLOWED_NETWORKS": f"{ADDRESS}/32",
            "WORKER_COUNT": str(WORKERS),
            "WORKER_CONCURRENCY": str(LANES),
        }
        return launch(**settings | environ)

    return start_service


def uploads_of(service: RunningService, run: str) -> collections.Counter[str]:
    names = [upload["name"] or "" for upload in service.sandbox_uploads()["uploads"]]
    return collections.Counter(name for name in names if name.startswith(run + "-"))


def done(status) -> int:
    return len(status["uploaded"]["complete"]) + len(status["uploaded"]["failed"])


def test_kill_9_of_everything_then_restart_ends_each_url_exactly_once(start, gate):
    service = start().wait_until_ready()
    sandbox = service.sandbox
    early = service.upload_all([sandbox + "/images/small.png", sandbox + "/faults/status/404"])
    urls = gate.urls(sandbox, "everything", URLS)
    job_id = service.submit(urls)
    gate.let(URLS * 2 // 3)
    before = service.wait_for(
        "a third of the job",
        lambda: (status := service.status(job_id)) and done(status) > URLS // 3 and status,
    )
    links_before = service.get("/v1/images").json()["uploaded"]
    service.kill_all()

    service = start().wait_until_ready()
    assert service.status(early["id"]) == early
    resumed = service.status(job_id)
    assert resumed["status"] == "in-progress"
    assert done(resumed) >= done(before)
    gate.open()
    after = service.wait_complete(job_id)

    assert (after["created"], after["uploaded"]["pending"]) == (before["created"], [])
    assert [result["url"] for result in after["results"]] == urls
    assert {result["state"] for result in after["results"]} == {"complete"}
    assert {result["attempts"] for result in after["results"]} == {1}
    for old, new in zip(before["results"], after["results"], strict=True):
        assert old["state"] == "pending" or new == old
    links = [result["link"] for result in after["results"]]
    assert len(set(links)) == URLS
    listed = service.get("/v1/images").json()["uploaded"]
    assert listed[: len(links_before)] == links_before
    assert sorted(listed) == sorted(early["uploaded"]["complete"] + links)

    counted = uploads_of(service, "everything")
    assert len(counted) == URLS
    twice = sorted(name for name, count in counted.items() if count > 1)
    assert max(counted.values()) <= 2
    assert len(twice) <= WORKERS * LANES
    marked = [result["url"] for result in after["results"] if "possiblyDuplicated" in result]
    marked_names = {url.rpartition("/")[2].removesuffix(".png") for url in marked}
    assert {name.removesuffix(".png") for name in twice} <= marked_names
    assert len(marked) <= WORKERS * LANES


def refuses(origin: str) -> bool:
    address = urlsplit(origin)
    try:
        socket.create_connection((address.hostname, address.port), 30).close()
    except ConnectionError:
        return True
    return False


def test_a_stop_puts_the_rest_of_a_job_off_to_the_next_start_alone(start, gate):
    service = start(WORKER_COUNT="1", WORKER_CONCURRENCY="2").wait_until_ready()
    gate.let(1)
    job_id = service.submit(gate.urls(service.sandbox, "stopped", 12))
    service.wait_for("a first image", lambda: done(service.status(job_id)))
    service.signal(signal.SIGTERM)
    # No URL is claimed any more when no connection is accepted any more.
    service.wait_for("closed door", lambda: refuses(service.url))
    gate.open()
    assert service.wait_for_exit() == 0
    assert service.events("job put off to the next start")

    service = start().wait_until_ready()
    rival = start()  # two services cannot share a journal
    after = service.wait_complete(job_id)
    assert len(after["uploaded"]["complete"]) == 12
    assert set(uploads_of(service, "stopped").values()) == {1}
    assert not any("possiblyDuplicated" in result for result in after["results"])

    assert rival.wait_for_exit() == 2
    assert "in use by another service" in rival.log_text.splitlines()[-1]
    assert service.get("/readyz").status_code == 200


def repair(path: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "service.repair_journal"]
    environ = {"PATH": os.environ["PATH"], "JOURNAL_PATH": str(path)}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


@not_over_ray("The state reads it with the same code.")
def test_a_damaged_journal_is_left_alone_until_somebody_has_it_repaired(start, tmp_path):
    path = tmp_path / "journal"
    service = start().wait_until_ready()
    first = service.upload_all([service.sandbox + "/images/small.png"])
    assert repair(path) == (
        2,
        f"imgup: The journal {path} cannot be repaired: it is in use by another service.\n",
    )
    service.upload_all([service.sandbox + "/images/photo.jpg"])
    service.signal(signal.SIGTERM)
    assert service.wait_for_exit() == 0
    damaged = bytearray(path.read_bytes())
    damaged[damaged.rindex(b'["complete"') + 20] ^= 0x01  # of the second job
    path.write_bytes(damaged)

    service = start()
    assert service.wait_for_exit() == 2
    assert "python -m service.repair_journal" in service.log_text.splitlines()[-1]
    assert [file.name for file in tmp_path.iterdir() if "journal" in file.name] == ["journal"]
    assert path.read_bytes() == damaged

    code, text = repair(path)
    assert (code, "holds 2 jobs now; records that could not be read: 1;" in text) == (0, True)
    assert path.with_name("journal.damaged").read_bytes() == damaged
    service = start().wait_until_ready()
    assert service.status(first["id"]) == first


@not_over_ray("The state reads it with the same code.")
def test_what_is_no_journal_is_one_clear_line_and_exit_code_2_and_left_alone(start, tmp_path):
    path = tmp_path / "diary"
    path.write_bytes(b"my diary\n")
    service = start(JOURNAL_PATH=str(path))
    assert service.wait_for_exit() == 2
    lines = [line for line in service.log_text.splitlines() if not line.startswith("{")]
    assert len(lines) == 1
    assert "not a journal of this service" in lines[0]
    assert str(path) in lines[0]
    assert path.read_bytes() == b"my diary\n"
