"""The journal of a running service stays small; a full disk at the start keeps nothing down."""

import contextlib
import subprocess
from pathlib import Path

import pytest

from tests.running_service import RunningService

SMALL_DISK = ("unshare", "--mount", "--map-root-user", "--", "sh", "-c")
DISK_BYTES = 8_000_000
JOB_BYTES = 4_000_000
JOBS = 5  # more than the 16 MiB from which on a journal is made compact
NO_HOST = "http://127.0.0.1:1/"  # refused without a connection


def can_mount() -> bool:
    with contextlib.suppress(OSError):
        command = [*SMALL_DISK, "mount -t tmpfs tmpfs /mnt"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


def large_job() -> list[str]:
    """A job of so many bytes in the journal, whose URLs fail at once."""
    return [f"{NO_HOST}{number}/{'x' * 7000}" for number in range(JOB_BYTES // 7000)]


def summary_of(job_id: str) -> str:
    """The path of its status, without megabytes of results."""
    return f"/v1/images/upload/{job_id}?limit=1"


def ended(service: RunningService, job_id: str) -> dict[str, int] | None:
    """How the URLs of a job ended; None until all have."""
    counts = service.get(summary_of(job_id)).json()["counts"]
    return None if counts["pending"] else counts


def test_a_journal_of_jobs_that_are_forgotten_stays_small(launch, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    service = launch(JOURNAL_PATH=str(path), JOB_TTL_SECONDS="1").wait_until_ready()
    for _ in range(JOBS):
        job = summary_of(service.submit(large_job()))
        # Not complete: it may be forgotten before that is read.
        service.wait_for("end of the job", lambda job=job: service.get(job).status_code == 404)
    told = service.wait_for_event("the journal is compact again")
    assert told["bytes"] < told["was"]
    assert path.stat().st_size < JOBS * JOB_BYTES


def test_kill_9_while_the_journal_is_made_compact_loses_nothing(launch, tmp_path: Path) -> None:
    path, fresh = tmp_path / "journal", tmp_path / "journal.new"
    service = launch(JOURNAL_PATH=str(path)).wait_until_ready()
    jobs: list[str] = []

    def is_time() -> bool:
        return fresh.exists() or ended(service, jobs[-1]) is not None

    while not fresh.exists():
        jobs.append(service.submit(large_job()))
        service.wait_for("the next job's turn", is_time)
    service.kill_all()

    service = launch(JOURNAL_PATH=str(path)).wait_until_ready()
    assert not fresh.exists()
    for job_id in jobs:
        counts = service.wait_for("end of the job", lambda job_id=job_id: ended(service, job_id))
        assert counts["failed"] == len(large_job())


@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace of its own (unshare)")
def test_a_full_disk_at_the_start_refuses_new_jobs_only(launch, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    service = launch(JOURNAL_PATH=str(path)).wait_until_ready()
    before = service.upload_all(large_job()[:300])
    service.kill_all()

    disk = tmp_path / "disk"
    disk.mkdir()
    fill = (
        f"mount -t tmpfs -o size={DISK_BYTES} tmpfs {disk} && cp {path} {disk} "
        f'&& cat /dev/zero > {disk}/filler 2>/dev/null; exec "$0" "$@"'
    )
    service = launch((*SMALL_DISK, fill), JOURNAL_PATH=str(disk / "journal")).wait_until_ready()
    assert service.status(before["id"]) == before
    urls = large_job()[:10]  # more than fits into the file's last page
    answer = service.http.post(service.url + "/v1/images/upload", json={"urls": urls}, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (503, "journal-full")
    # The service's own view of the disk; nobody else sees it.
    Path(f"/proc/{service.process.pid}/root{disk}/filler").unlink()
    assert service.upload_all(urls)["uploaded"]["failed"] == urls
