"""What is readable of a damaged journal is saved, when somebody asks for it."""

from pathlib import Path

import pytest

from workers.contract.errors import JournalError
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.jobs import ImageState
from workers.contract.messages.outcomes import Uploaded
from workers.contract.messages.submission import Submission
from workers.state.jobs.job_table import JobTable
from workers.state.journal.journal_records import HEADER, decode, encode
from workers.state.journal.recovery import load
from workers.state.journal.repair import repair_journal
from workers.state.mailbox import Mailbox
from workers.state.tasks.task_store import TaskStore

JOBS = ("a", "b", "c")
URLS = tuple(f"https://s.test/{number}" for number in range(3))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed journal: of each job two of three images are uploaded."""
    path = tmp_path / "journal"
    table = JobTable()
    journal, _ = load(path, table)
    table.resume(journal)
    for job_id in JOBS:
        submission = Submission(job_id, URLS)
        table.open(submission, table.announce(submission))
        for index in range(2):
            table.begin(job_id, index)
            table.record(job_id, index, Uploaded(f"https://i.imgur.com/{job_id}{index}.jpg", "x"))
    journal.close()
    return path


def read(path: Path) -> JobTable:
    table = JobTable()
    journal, cut_bytes = load(path, table)
    journal.close()
    assert cut_bytes == 0
    return table


def test_whichever_line_is_damaged_all_other_jobs_are_saved_whole(path: Path) -> None:
    whole = path.read_bytes()
    copy = path.with_name("journal.damaged")
    lines = whole.splitlines(keepends=True)
    for number in range(len(lines)):
        line = bytearray(lines[number])
        line[len(line) // 2] ^= 0x04
        damaged = b"".join([*lines[:number], bytes(line), *lines[number + 1 :]])
        path.write_bytes(damaged)

        repair = repair_journal(str(path))

        assert (repair.copy, copy.read_bytes()) == (copy, damaged)
        assert repair.lost_records >= 1
        jobs = read(path).by_id
        assert len(jobs) == repair.jobs >= 2
        whole_jobs = [job for job in jobs.values() if len(job.links) == 2]
        assert len(whole_jobs) >= 2
        for job in jobs.values():
            assert job.asked.urls == URLS
            assert job.pending == job.states.count(ImageState.PENDING) == 3 - len(job.links)
        copy.unlink()


def test_what_is_not_damaged_is_left_alone(path: Path) -> None:
    whole = path.read_bytes()
    repair = repair_journal(str(path))
    assert (repair.jobs, repair.lost_records, repair.copy) == (3, 0, None)
    assert path.read_bytes() == whole
    assert [file.name for file in path.parent.iterdir()] == ["journal"]


def damage(path: Path) -> bytes:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    return bytes(content)


def test_a_deletion_whose_image_is_lost_is_lost_as_well(path: Path) -> None:
    table = JobTable()
    journal, _ = load(path, table)
    table.resume(journal)
    assert TaskStore(table).want_deletion("a", 0, "") is None
    journal.close()
    _, first, *others = path.read_bytes().splitlines(keepends=True)
    header = encode(HEADER)
    record = decode(first)
    assert record is not None
    _, job_id, job = record
    opened = encode(["opened", job_id, "", job["created"], job["urls"]])
    path.write_bytes(b"".join([header, opened, b"lost\n", *others]))

    repair_journal(str(path))

    repaired = read(path)
    mailbox = Mailbox(repaired, MailboxLimits())
    mailbox.restore()
    mailbox.register("w")
    assert mailbox.open_tasks() == ()
    assert len(mailbox.claim("w", 0.0, 9).leases) == 5


def test_two_jobs_of_one_key_can_be_forgotten(path: Path) -> None:
    header, *lines = path.read_bytes().splitlines(keepends=True)
    more = [1.0, ["https://s.test/"], {}, {"request": ["key", "digest"]}]
    opened = [encode(["opened", job_id, "", *more]) for job_id in "xy"]
    ended = [encode(["failed", job_id, 0, ["empty", "Nothing."], 2.0]) for job_id in "xy"]
    path.write_bytes(b"".join([header, *opened, *ended, b"the end of x is lost\n", *lines]))

    repair_journal(str(path))

    assert read(path).evict(1.0) == 2


def test_an_earlier_copy_is_never_overwritten(path: Path) -> None:
    path.with_name("journal.damaged").write_bytes(b"the only one")
    content = damage(path)
    with pytest.raises(JournalError, match="from before"):
        repair_journal(str(path))
    assert path.with_name("journal.damaged").read_bytes() == b"the only one"
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"", "nothing in it is readable", id="emptied"),
        pytest.param(b"my diary\n", "nothing in it is readable", id="another file"),
        pytest.param(encode(["imgup-journal", 99]), "version 99", id="another version"),
        pytest.param(encode(["started", "j"]), "not a journal", id="other records"),
    ],
)
def test_what_is_no_journal_is_not_made_one(path: Path, content: bytes, why: str) -> None:
    path.write_bytes(content)
    with pytest.raises(JournalError, match=why):
        repair_journal(str(path))
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == ["journal"]


def test_a_journal_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="No such file"):
        repair_journal(str(tmp_path / "journal"))
    assert not list(tmp_path.iterdir())
