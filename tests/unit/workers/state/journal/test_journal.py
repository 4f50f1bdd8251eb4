"""The journal's file: what is written is found again, and nothing else."""

import errno
import itertools
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from structlog.testing import capture_logs

from tests.characters import CHARACTERS
from workers.contract.errors import JournalError, JournalFullError
from workers.state.journal.journal import Journal
from workers.state.journal.journal_file import open_locked, rewrite
from workers.state.journal.journal_records import HEADER, Record, RecordReader, decode, encode

RECORDS: list[Record] = [
    ["opened", "j", "", 1511961509.25, ["https://s.test/ä", "https://s.test/\ud800"]],
    ["uploading", "j", 0],
    ["complete", "j", 0, ["https://i.imgur.com/a.jpg", "secret"], None],
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(CHARACTERS),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(CHARACTERS), inner),
    max_leaves=10,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def opened(path: Path) -> Iterator[Callable[..., Journal]]:
    """A fresh journal with these records, closed at the end of the test."""
    journals: list[Journal] = []

    def open_journal(records: list[Record]) -> Journal:
        journals.append(Journal(rewrite(path, records)))
        return journals[-1]

    yield open_journal
    for journal in journals:
        journal.close()


def read(path: Path) -> tuple[list[Record], int]:
    with path.open("rb") as file:
        reader = RecordReader(file)
        return list(reader), reader.cut_bytes


# --- records ----------------------------------------------------------------------------------


@given(st.lists(json_values))
@settings(max_examples=50)
@pytest.mark.unmeasured
def test_a_record_survives_its_line(values: Record) -> None:
    line = encode(values)
    assert line.count(b"\n") == 1
    assert decode(line) == values


@given(st.lists(st.text(CHARACTERS), min_size=1), st.data())
def test_a_line_with_a_flipped_bit_is_none(values: Record, data: st.DataObject) -> None:
    line = bytearray(encode(values))
    bit = data.draw(st.integers(0, 8 * len(line) - 1))
    line[bit // 8] ^= 1 << bit % 8
    assert decode(bytes(line)) is None


@pytest.mark.parametrize("line", [b"", b"\n", b"00000000 0 \n", b"zzzzzzzz 2 []\n", b"[]\n"])
def test_what_is_no_record_is_none(line: bytes) -> None:
    assert decode(line) is None


# --- reading ----------------------------------------------------------------------------------


def test_a_journal_torn_anywhere_in_its_last_record_ends_before_it(opened, path: Path) -> None:
    opened(RECORDS)
    whole = path.read_bytes()
    last = len(encode(RECORDS[-1]))
    for kept in range(last):
        path.write_bytes(whole[: len(whole) - last + kept])
        assert read(path) == (RECORDS[:-1], kept)


def test_zeros_at_the_end_are_cut_as_a_crash_of_the_machine_leaves_them(opened, path: Path) -> None:
    opened(RECORDS)
    whole = path.read_bytes()
    for kept in (0, 5, 30):
        tail = encode(RECORDS[0])[:kept] + bytes(5000)
        path.write_bytes(whole + tail)
        assert read(path) == (RECORDS, len(tail))


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(b"\n", id="a line feed"),
        pytest.param(b"no record", id="something else"),
        pytest.param(bytes(10) + encode(RECORDS[0]), id="zeros before a good record"),
        pytest.param(encode(RECORDS[0])[9:] + encode(RECORDS[1])[:-2], id="two broken records"),
    ],
)
def test_what_no_broken_write_leaves_is_damage(opened, path: Path, tail: bytes) -> None:
    opened(RECORDS)
    path.write_bytes(path.read_bytes() + tail)
    with pytest.raises(JournalError, match="damaged at byte"):
        read(path)


@pytest.mark.parametrize("is_closed", [True, False], ids=["closed", "killed"])
@pytest.mark.unmeasured
def test_each_flipped_bit_is_found(opened, path: Path, is_closed) -> None:
    journal = opened(RECORDS)
    if is_closed:
        journal.close()
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(JournalError):
            read(path)


def test_a_closed_journal_cut_anywhere_ends_at_its_last_whole_record(opened, path: Path) -> None:
    opened(RECORDS).close()
    whole = path.read_bytes()
    ends = list(itertools.accumulate(map(len, whole.splitlines(keepends=True))))
    for size in range(ends[0], len(whole)):
        path.write_bytes(whole[:size])
        last = max(end for end in ends if end <= size)
        assert read(path) == (RECORDS[: ends.index(last)], size - last)


def test_records_behind_an_end_mark_count(opened, path: Path) -> None:
    opened(RECORDS[:1]).close()
    with path.open("ab") as file:
        file.write(encode(RECORDS[1]))
    assert read(path) == (RECORDS[:2], 0)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"", "empty", id="an emptied one"),
        pytest.param(b"root:x:0:0\n", "not a journal", id="another file"),
        pytest.param(encode(HEADER)[:-1], "not a journal", id="half a header"),
        pytest.param(encode(["started", "j"]), "not a journal", id="no header"),
        pytest.param(encode([HEADER[0], 99]), "version 99", id="another version"),
    ],
)
def test_what_is_no_journal_is_refused(path: Path, content: bytes, why: str) -> None:
    path.write_bytes(content)
    with pytest.raises(JournalError, match=why):
        read(path)


def test_a_journal_that_is_not_there_is_made_without_records(path: Path) -> None:
    path.with_name("journal.first").write_bytes(b"left by a start that was cut short")
    open_locked(path).close()
    assert read(path) == ([], 0)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("step", ["os.write", "os.fsync", "Path.replace"])
def test_a_start_killed_while_it_makes_a_journal_leaves_no_empty_one(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(
            f"workers.state.journal.journal_file.{step}", lambda *_args: os._exit(7)
        )
        open_locked(path)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert not path.exists()
    open_locked(path).close()
    assert read(path) == ([], 0)


# --- writing ----------------------------------------------------------------------------------


def test_what_is_appended_and_committed_is_found_in_order(opened, path: Path) -> None:
    journal = opened(RECORDS[:1])
    journal.append(RECORDS[1])
    journal.commit(RECORDS[2])
    assert read(path) == (RECORDS, 0)


def test_only_the_owner_may_read_it(opened, path: Path) -> None:
    path.touch(mode=0o644)
    opened([])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_records_of_many_threads_are_all_whole(opened, path: Path) -> None:
    journal = opened([])

    def write(thread: int) -> None:
        for number in range(50):
            record = ["complete", thread, number]
            (journal.commit if number % 10 == 0 else journal.append)(record)

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records, cut_bytes = read(path)
    assert cut_bytes == 0
    for thread in range(8):
        assert [number for _, of, number in records if of == thread] == list(range(50))


def test_commit_waits_for_the_disk_and_append_does_not(opened, path: Path) -> None:
    opened([])
    synced: list[int] = []
    file = path.open("ab", buffering=0)
    journal = Journal(file, sync=lambda fd: synced.append(os.fstat(fd).st_size))
    journal.append(["a"])
    assert synced == []
    journal.commit(["b"])
    assert synced == [path.stat().st_size]
    journal.sync()
    assert len(synced) == 1
    journal.close()


# --- trouble with the disk --------------------------------------------------------------------


class FullDisk:
    """Stands before os.write: takes `room` bytes more, then says that the disk is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = 1_000_000
        self._write = os.write
        monkeypatch.setattr("workers.state.journal.journal.os.write", self.write)

    def write(self, fd: int, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._write(fd, bytes(data[: self.room]))
        self.room -= written
        return written


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FullDisk:
    return FullDisk(monkeypatch)


@pytest.mark.parametrize("room", [0, 1, 20])
def test_a_full_disk_refuses_jobs_and_keeps_results_until_there_is_room(
    opened, path: Path, disk: FullDisk, room: int
) -> None:
    journal = opened([])
    disk.room = room
    with capture_logs() as logs:
        for number in range(3):
            journal.append(["complete", number])
            with pytest.raises(JournalFullError, match="No space left"):
                journal.commit(["opened", number])
        assert read(path) == ([], 0)
        assert journal.error == "No space left on device"
        disk.room = 1_000_000
        journal.commit(["opened", 3])
    assert journal.error is None
    assert read(path)[0] == [["complete", 0], ["complete", 1], ["complete", 2], ["opened", 3]]
    assert [line["log_level"] for line in logs] == ["error", "info"]


def test_with_room_again_jobs_are_taken_though_nothing_was_kept_back(
    opened, path: Path, disk: FullDisk
) -> None:
    journal = opened([])
    disk.room = 0
    with pytest.raises(JournalFullError):
        journal.commit(["opened", 0])
    disk.room = 1_000_000
    journal.commit(["opened", 1])
    assert read(path) == ([["opened", 1]], 0)


def test_what_was_kept_back_is_written_by_the_next_sync(opened, path: Path, disk: FullDisk) -> None:
    journal = opened([])
    disk.room = 0
    journal.append(["complete", 0])
    disk.room = 1_000_000
    journal.sync()
    assert read(path) == ([["complete", 0]], 0)


@pytest.mark.parametrize("results", [0, 1])
def test_what_is_kept_back_at_the_end_is_told_to_be_lost(
    opened, path: Path, disk: FullDisk, results: int
) -> None:
    journal = opened([])
    disk.room = 0
    for _ in range(results):
        journal.append(["result"])
    with capture_logs() as logs:
        journal.close()
        journal.close()
    told = [line for line in logs if "are lost" in line["event"]]
    assert [line["log_level"] for line in told] == ["error"] * results
    assert read(path) == ([], 0)


def test_a_disk_that_failed_once_is_not_trusted_again(opened, path: Path) -> None:
    opened([])
    failures = [OSError(errno.EIO, "Input/output error")]

    def sync(fd: int) -> None:
        if failures:
            raise failures.pop()

    journal = Journal(path.open("ab", buffering=0), sync)
    with capture_logs() as logs:
        with pytest.raises(JournalFullError) as first:
            journal.commit(["opened", 0])
        with pytest.raises(JournalFullError) as second:
            journal.commit(["opened", 1])
    journal.append(["complete", 0])
    journal.close()
    assert journal.error is not None
    assert (first.value.maybe_kept, second.value.maybe_kept) == (True, False)
    assert read(path) == ([["opened", 0], ["complete", 0]], 0)
    assert len(logs) == 1


def test_while_its_file_is_moved_away_no_jobs_are_taken(opened, path: Path) -> None:
    """A restart would begin without them, and another service may make a journal there."""
    journal, moved = opened([]), path.with_name("moved")
    with capture_logs() as logs:
        path.rename(moved)
        for _ in range(2):
            journal.look_for(path)
        with pytest.raises(JournalFullError):
            journal.commit(["opened", 0])
        path.write_bytes(b"another")
        journal.look_for(path)
        journal.append(["complete", 0])
        assert journal.error is not None
        moved.replace(path)
        journal.look_for(path)
        journal.commit(["opened", 1])

    assert journal.error is None
    assert [line["log_level"] for line in logs] == ["error", "info"]
    assert read(path) == ([["complete", 0], ["opened", 1]], 0)


def test_a_closed_journal_is_not_looked_for(opened, path: Path) -> None:
    journal = opened([])
    journal.close()
    path.unlink()
    journal.look_for(path)
    assert journal.error is None


def test_a_closed_journal_writes_to_no_other_file(opened, tmp_path: Path) -> None:
    journal = opened([])
    journal.close()
    with (tmp_path / "other").open("wb") as other:
        with capture_logs():
            journal.append(["complete", 0])
        assert os.fstat(other.fileno()).st_size == 0


# --- one service, one journal -----------------------------------------------------------------


def test_a_journal_in_use_is_refused_in_the_end(
    opened, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.state.journal.journal_file._LOCK_PATIENCE_SECONDS", 0.1)
    opened([])
    with pytest.raises(JournalError, match="in use"):
        open_locked(path)


def test_a_journal_that_is_given_up_in_time_is_taken(
    opened, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.state.journal.journal_file._LOCK_PATIENCE_SECONDS", 60.0)
    closing = threading.Timer(0.2, opened([]).close)
    closing.start()
    open_locked(path).close()
    closing.join()


def test_what_is_no_regular_file_is_refused(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(JournalError, match="not a regular file"):
        open_locked(path)


# --- rewriting --------------------------------------------------------------------------------

STEPS = ["os.open", "os.write", "os.fsync", "Path.replace"]


@pytest.mark.parametrize("step", STEPS)
def test_a_rewrite_that_fails_leaves_the_old_journal_as_it_was(
    opened, path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    opened(RECORDS).close()
    before = path.read_bytes()

    def fail(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"workers.state.journal.journal_file.{step}", fail)
        with pytest.raises(OSError, match="No space"):
            rewrite(path, [["other"]])
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("step", STEPS[1:])
def test_a_rewrite_killed_on_the_way_leaves_the_old_journal_as_it_was(
    opened, path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    opened(RECORDS).close()
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(
            f"workers.state.journal.journal_file.{step}", lambda *_args: os._exit(7)
        )
        rewrite(path, [["other"]])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert read(path) == (RECORDS, 0)
    opened([["other"]])
    assert read(path) == ([["other"]], 0)
