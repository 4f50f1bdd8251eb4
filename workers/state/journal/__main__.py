"""``python -m workers.state.journal BYTES``: the child of `workers.state.journal.compaction`.

Reads so many bytes of a journal from stdin, and writes the shortest journal of the same state to
stdout. It takes as much memory as the state once more, so the kernel kills it first.
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
from workers.state.journal.replay import replay, state_records

_STDOUT = 1  # the descriptor
_NICENESS = 10  # that of the workers (sched(7)): a lower priority would starve on a busy machine
_KILLED_FIRST = "1000"  # oom_score_adj, see proc(5)
_RECORDS_A_LOOK = 10_000


def main() -> int:
    """Write the compact journal.

    Returns:
        The exit code: 0 done and synced; 1 unreadable, or no room.
    """
    os.nice(_NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_KILLED_FIRST)
    reader = RecordReader(sys.stdin.buffer, int(sys.argv[1]))
    table = JobTable()
    try:
        with journal_errors():
            replay(_while_parent_lives(reader), table)
            write_all(_STDOUT, state_records(table))
            os.fsync(_STDOUT)
    except JournalError as error:
        sys.stderr.write(f"imgup: the journal cannot be made compact: {error}.\n")
        return 1
    return 0


def _while_parent_lives(records: Iterable[Record]) -> Iterator[Record]:
    parent = os.getppid()
    for number, record in enumerate(records):
        if number % _RECORDS_A_LOOK == 0 and os.getppid() != parent:
            sys.exit(1)
        yield record


if __name__ == "__main__":
    sys.exit(main())
