"""Makes a journal of what is readable in a damaged one. Only done when somebody asks for it."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from workers.contract.errors import JournalError
from workers.state.jobs.job_table import JobTable
from workers.state.journal.journal import Journal
from workers.state.journal.journal_file import journal_errors, new_file, open_locked, rewrite
from workers.state.journal.journal_records import END_MARK, check_header, decode
from workers.state.journal.recovery import replay, state_records


@dataclass(frozen=True, slots=True)
class Repair:
    """What has become of a journal.

    Attributes:
        jobs: that it holds now.
        lost_records: lines that could not be read, or made no sense without them; 0 if there was
            nothing to repair.
        copy: where the damaged journal is, if there was.
    """

    jobs: int
    lost_records: int
    copy: Path | None


def repair_journal(path: str) -> Repair:
    """Put what is readable of a journal in its place, and keep the damaged one beside it.

    What is lost of a job is not known to be done any more: its URLs are uploaded again.

    Raises:
        JournalError: there is no journal, it is in use, nothing in it is readable, or it cannot be
            written; it is as it was.
    """
    try:
        with journal_errors():
            return _repair(Path(path).resolve(strict=True))
    except JournalError as error:
        raise JournalError(f"The journal {path} cannot be repaired: {error}.") from None


def _repair(path: Path) -> Repair:
    with open_locked(path) as file:
        table = JobTable()
        good, lost = _replay_readable(file, table)
        if not good:
            raise JournalError("nothing in it is readable")
        copy = None
        if lost:
            copy = path.with_name(path.name + ".damaged")
            _copy(file, copy)
            Journal(rewrite(path, state_records(table))).close()
        return Repair(sum(1 for _ in table.jobs()), lost, copy)


def _replay_readable(file: BinaryIO, table: JobTable) -> tuple[int, int]:
    """Make the changes that are readable; returns how many lines were good, and how many not."""
    good = lost = 0
    for number, line in enumerate(file):
        record = decode(line)
        if record is None:
            lost += 1
            continue
        if number == 0:
            check_header(record)
        elif record != END_MARK:
            try:
                replay([record], table)
            except JournalError:  # it tells of what is lost
                lost += 1
                continue
        good += 1
    return good, lost


def _copy(file: BinaryIO, path: Path) -> None:
    if path.exists():
        raise JournalError(f"{path} is there from before; move it away")
    file.seek(0)
    with new_file(path) as copy:
        shutil.copyfileobj(file, copy)
        os.fsync(copy.fileno())
