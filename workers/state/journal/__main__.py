"""``python -m workers.state.journal BYTES``: the other half of `workers.state.journal.compaction`.

Reads so many bytes of a journal from stdin, and writes the shortest journal of the same state to
stdout. The state is in memory twice while this runs: where memory is short, this is what goes.
"""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from workers.contract.errors import JournalError
from workers.state.jobs.job_records import Record
from workers.state.jobs.job_table import JobTable
from workers.state.journal.journal_file import journal_errors, write_all
from workers.state.journal.journal_records import RecordReader
from workers.state.journal.recovery import replay, state_records

_STDOUT = 1  # the descriptor
_NICENESS = 10  # as that of workers, see sched(7): below it a busy machine would never end this
_FIRST_TO_GO = "1000"  # oom_score_adj, see proc(5)
_RECORDS_A_LOOK = 10_000


def main() -> int:
    """Make a journal compact.

    Returns:
        The exit code: 0 done, and on the disk; 1 it cannot be read, or there is no room.
    """
    os.nice(_NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
    lines = _head(sys.stdin.buffer, int(sys.argv[1]))
    table = JobTable()
    try:
        with journal_errors():
            replay(_while_parent_lives(RecordReader(lines)), table)
            write_all(_STDOUT, state_records(table))
            os.fsync(_STDOUT)
    except JournalError as error:
        sys.stderr.write(f"imgup: the journal cannot be made compact: {error}.\n")
        return 1
    return 0


def _head(lines: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The lines of the first so many bytes; the journal may have grown since."""
    for line in lines:
        if size <= 0:
            return
        size -= len(line)
        yield line


def _while_parent_lives(records: Iterable[Record]) -> Iterator[Record]:
    parent = os.getppid()
    for number, record in enumerate(records):
        if number % _RECORDS_A_LOOK == 0 and os.getppid() != parent:
            sys.exit(1)
        yield record


if __name__ == "__main__":
    sys.exit(main())
