"""Repairs a damaged journal from its readable records, on request only."""

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
from workers.state.journal.replay import replay, state_records


@dataclass(frozen=True, slots=True)
class Repair:
    """The result of a repair.

    Attributes:
        jobs: number of jobs in the repaired journal.
        lost_records: number of lines that are unreadable, or invalid without those; 0 if the
            journal was sound.
        copy: path of the damaged journal; None if it was sound.
    """

    jobs: int
    lost_records: int
    copy: Path | None


def repair_journal(path: str) -> Repair:
    """Replace a damaged journal with its readable records, and keep a copy of it.

    A URL whose result is lost is uploaded again.

    Raises:
        JournalError: there is no journal, it is in use, nothing in it is readable, or it cannot be
            written; it is unchanged.
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
        return Repair(len(table.by_id), lost, copy)


def _replay_readable(file: BinaryIO, table: JobTable) -> tuple[int, int]:
    """Apply the readable records; return the number of good lines and of lost ones."""
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
            except JournalError:  # it refers to a lost record
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
