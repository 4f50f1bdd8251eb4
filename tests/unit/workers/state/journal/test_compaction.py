"""A journal is made compact while it is written, and holds all at each moment of that."""

import errno
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from workers.contract.errors import JournalError
from workers.contract.messages.outcomes import Failed
from workers.contract.messages.submission import Submission
from workers.state.jobs.job_table import JobTable
from workers.state.journal import compaction as module
from workers.state.journal.compaction import Compaction, keep
from workers.state.journal.journal import Journal
from workers.state.journal.recovery import load

URLS = tuple(f"https://s.test/{number}" for number in range(20))
EMPTY = Failed("empty", "Nothing came.")
PATIENCE_SECONDS = 110


class Service:
    """A job table with a journal, and what keeps that small; all of it for any size."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = 0.0
        self.table = JobTable()
        self.journal, self.cut_bytes = load(path, self.table)
        self.table.resume(self.journal)
        self.compaction = Compaction(self.journal, path, clock=lambda: self.now, least_bytes=1)
        self._jobs = 0

    def work(self, jobs: int = 1) -> None:
        """For each job that stays three are forgotten."""
        for _ in range(jobs):
            self._jobs += 1
            for part in "abcd":
                self._work(f"job-{self._jobs}{part}", URLS if part < "d" else URLS[1:])
            self.table.evict(0.0)

    def _work(self, job_id: str, urls: tuple[str, ...]) -> None:
        submission = Submission(job_id, URLS)
        self.table.open(submission, self.table.announce(submission))
        for index in range(len(urls)):
            self.table.begin(job_id, index)
            self.table.record(job_id, index, EMPTY)

    def begin(self) -> subprocess.Popen[bytes]:
        """Grow until a compaction begins; returns its process."""
        while self.compaction._child is None:
            self.work(3)
            self.compaction.look_after()
        return self.compaction._child

    def killed(self) -> None:
        """What becomes of its files when it is killed."""
        self.compaction.abandon()
        self.journal._file.close()


def state(table: JobTable) -> list[tuple[str, bytes, float | None]]:
    return [(job_id, bytes(job.states), job.finished) for job_id, job in table.by_id.items()]


def read(path: Path) -> list[tuple[str, bytes, float | None]]:
    table = JobTable()
    load(path, table)[0].close()
    return state(table)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    running = Service(tmp_path / "journal")
    yield running
    running.compaction.abandon()
    running.journal.close()


def files(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


def test_it_becomes_small_and_loses_nothing_that_comes_meanwhile(service: Service) -> None:
    process = service.begin()
    before = service.journal.size
    service.work()
    assert process.wait(PATIENCE_SECONDS) == 0
    service.work()
    with capture_logs() as logs:
        service.compaction.look_after()
    service.work()
    assert service.path.stat().st_size == service.journal.size
    assert logs[0]["bytes"] < before < logs[0]["was"]
    assert files(service.path) == ["journal"]
    service.killed()
    assert read(service.path) == state(service.table)


def test_it_is_left_alone_until_it_has_doubled(service: Service) -> None:
    process = service.begin()
    process.wait(PATIENCE_SECONDS)
    service.compaction.look_after()
    compact = service.journal.size
    while service.journal.size < 2 * compact:
        service.compaction.look_after()
        assert service.compaction._child is None
        service.work()
    service.compaction.look_after()
    assert service.compaction._child is not None


@pytest.mark.unmeasured
def test_what_many_threads_write_while_it_goes_on_again_and_again_is_all_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SYNC_SECONDS", 0.001)
    path = tmp_path / "journal"
    service = Service(path)
    enough = threading.Event()
    give_up = time.monotonic() + PATIENCE_SECONDS
    moves: list[int] = []
    move_to = Journal.move_to

    def counted(journal: Journal, *args) -> bool:
        moves.append(journal.size)
        if len(moves) == 2:
            enough.set()
        return move_to(journal, *args)

    monkeypatch.setattr(Journal, "move_to", counted)
    keeper = threading.Thread(target=keep, args=(service.journal, service.compaction))
    keeper.start()

    def write(thread: int) -> None:
        number = 0
        # With a pause, which leaves the processor to what they wait for.
        while not enough.wait(0.001) and time.monotonic() < give_up:
            number += 1
            submission = Submission(f"{thread}-{number}", URLS)
            service.table.open(submission, service.table.announce(submission))
            if number % 10:
                service.table.cancel(submission.job_id, range(len(URLS)))
                service.table.evict(0.0)

    service.work()
    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert enough.is_set()
    service.journal.close()
    keeper.join()
    assert files(path) == ["journal"]
    # Those that came at once are in the order of the journal, after a restart.
    assert sorted(read(path)) == sorted(state(service.table))


STEPS: list[Callable[[pytest.MonkeyPatch, Callable[..., None]], None]] = [
    lambda patch, die: patch.setattr("workers.state.journal.compaction.fcntl.flock", die),
    lambda patch, die: patch.setattr("workers.state.journal.journal.os.pread", die),
    lambda patch, die: patch.setattr("workers.state.journal.journal.is_at", die),
    lambda patch, die: patch.setattr("workers.state.journal.journal.Path.replace", die),
    lambda patch, die: patch.setattr("workers.state.journal.journal.sync_folder", die),
]
NAMES = ["before it locks", "before it copies", "before it looks", "before it renames", "after it"]


@pytest.mark.parametrize("step", STEPS, ids=NAMES)
def test_a_kill_at_any_step_loses_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch, step: Callable[..., None]
) -> None:
    process = service.begin()
    service.work()
    process.wait(PATIENCE_SECONDS)
    child = os.fork()
    if child == 0:
        step(monkeypatch, lambda *_args: os._exit(7))
        service.compaction.look_after()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    service.killed()
    assert read(service.path) == state(service.table)
    assert files(service.path) == ["journal"]


def test_a_failure_leaves_the_journal_as_it_is_and_is_repeated_later(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    process = service.begin()
    service.work()
    process.wait(PATIENCE_SECONDS)
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr("workers.state.journal.journal.write_whole", full)
        service.compaction.look_after()
    assert (logs[0]["cause"], logs[0]["log_level"]) == ("No space left on device", "warning")
    assert files(service.path) == ["journal"]
    service.work()
    service.compaction.look_after()
    assert service.compaction._child is None
    service.now = 61.0
    service.compaction.look_after()
    again = service.compaction._child
    assert again is not None
    again.wait(PATIENCE_SECONDS)
    service.compaction.look_after()
    service.killed()
    assert read(service.path) == state(service.table)


def test_a_journal_that_is_moved_away_is_not_put_back(service: Service) -> None:
    process = service.begin()
    process.wait(PATIENCE_SECONDS)
    service.path.rename(service.path.with_name("moved"))
    service.path.write_bytes(b"another")
    with capture_logs() as logs:
        service.compaction.look_after()
    assert logs[0]["cause"] == "another file has taken the journal's place"
    assert service.path.read_bytes() == b"another"


def test_a_journal_that_is_closed_in_between_is_left_as_it_was(service: Service) -> None:
    process = service.begin()
    process.wait(PATIENCE_SECONDS)
    service.journal.close()
    with capture_logs():
        service.compaction.look_after()
    assert files(service.path) == ["journal"]
    assert read(service.path) == state(service.table)


def test_a_damaged_journal_is_not_made_another(service: Service, capfd) -> None:
    whole = service.path.read_bytes()
    service.work(3)
    with service.path.open("r+b") as file:
        file.seek(len(whole) + 20)
        file.write(b"\0")
    process = service.begin()
    assert process.wait(PATIENCE_SECONDS) == 1
    with capture_logs() as logs:
        service.compaction.look_after()
    assert "ended with 1" in logs[0]["cause"]
    assert "damaged at byte" in capfd.readouterr().err
    assert files(service.path) == ["journal"]


def test_one_that_is_under_way_at_the_end_is_given_up(service: Service) -> None:
    process = service.begin()
    service.journal.close()
    keep(service.journal, service.compaction)
    assert process.poll() is not None
    assert files(service.path) == ["journal"]


def test_a_new_file_that_cannot_be_removed_does_not_end_the_upkeep(service: Service) -> None:
    service.begin().wait(PATIENCE_SECONDS)
    fresh = service.compaction._fresh_path
    fresh.unlink()
    fresh.mkdir()
    with capture_logs() as logs:
        service.compaction.look_after()
    assert "could not be made compact" in logs[0]["event"]
    fresh.rmdir()
    service.now = 61.0
    service.begin().wait(PATIENCE_SECONDS)
    service.compaction.look_after()
    assert files(service.path) == ["journal"]


# --- no room at the start -----------------------------------------------------------------------


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_without_room_a_start_goes_on_with_the_journal_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = tmp_path / "journal"
    service = Service(path)
    service.work(2)
    before = state(service.table)
    service.killed()
    with path.open("ab") as file:
        file.write(b"0000000")  # torn

    def full(*_args: object) -> int:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr("workers.state.journal.journal_file.write_whole", full)
        service = Service(path)
    assert (state(service.table), service.cut_bytes) == (before, 7)
    assert logs[0]["cause"] == os.strerror(code)
    service._jobs = 2
    service.work()
    service.compaction.look_after()
    assert service.compaction._child is None, "there is no room yet"
    service.now = 61.0
    service.begin().wait(PATIENCE_SECONDS)
    service.compaction.look_after()
    before = state(service.table)
    service.killed()
    assert read(path) == before
    assert files(path) == ["journal"]


def test_any_other_trouble_is_told_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(tmp_path / "journal")
    service.killed()

    def denied(*_args: object) -> int:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("workers.state.journal.journal_file.write_whole", denied)
    with pytest.raises(JournalError, match="Permission denied"):
        Service(tmp_path / "journal")
