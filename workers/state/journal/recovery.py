"""Recovery: restores the state from a journal at a restart, and keeps the journal open."""

import threading
from pathlib import Path

import structlog

from workers.contract.errors import JournalError
from workers.contract.logs import LogConfig, configure_logging
from workers.contract.messages.supervision import LogLine
from workers.state.jobs.job_table import JobTable
from workers.state.journal.compaction import Compaction, keep
from workers.state.journal.journal import Journal
from workers.state.journal.journal_file import NO_ROOM, go_on, journal_errors, open_locked, rewrite
from workers.state.journal.journal_records import RecordReader
from workers.state.journal.replay import replay, state_records
from workers.state.mailbox import Mailbox

_KEEPER_SECONDS = 5.0  # ample; the shutdown must not hang on it


class Recovery:
    """Restores a journal's state into an empty table and mailbox, and owns the journal."""

    def __init__(self, table: JobTable, mailbox: Mailbox) -> None:
        self._table = table
        self._mailbox = mailbox
        self._journal: Journal | None = None

    def restore(self, path: str, logs: LogConfig) -> None:
        """Restore the state and open the journal. Called once, before any other use of the table.

        Args:
            path: of the journal; created if there is none.
            logs: log configuration of this process.

        Raises:
            JournalError: the journal cannot be used; it is unchanged.
        """
        configure_logging(logs, "manager")
        try:
            journal, cut_bytes = load(Path(path), self._table)
        except JournalError as error:
            raise JournalError(f"The journal {path} cannot be used: {error}.") from None
        self._journal = journal
        self._table.resume(journal)
        self._mailbox.restore()
        compaction = Compaction(journal, Path(path).resolve())
        self._keeper = threading.Thread(
            target=keep, args=(journal, compaction), name="journal-sync", daemon=True
        )
        self._keeper.start()
        open_urls = sum(self._table.unfinished().values())
        found = {"journal": path, "jobs": len(self._table.by_id), "open_urls": open_urls}
        lines = [LogLine("info", "journal read: going on from there", found, "backend")]
        if cut_bytes:
            event = "the journal's last record was not whole and is left out"
            fields = {"journal": path, "cut_bytes": cut_bytes}
            lines.append(LogLine("warning", event, fields, "backend"))
        if dropped := self._table.dropped_for_room:
            event = (
                "the journal holds more than there is memory for: the oldest complete jobs are "
                "dropped"
            )
            fields = {"journal": path, "dropped_jobs": dropped}
            lines.append(LogLine("warning", event, fields, "backend"))
        self._table.lines[:0] = lines

    def close(self) -> None:
        """Sync and close the journal; the state must not change any more."""
        if self._journal is not None:
            self._journal.close()
            self._keeper.join(_KEEPER_SECONDS)


def load(path: Path, table: JobTable) -> tuple[Journal, int]:
    """Replay a journal into an empty table, and compact it unless there is no room for a new file.

    Returns:
        The open journal, and the size in bytes of a torn record that was dropped.

    Raises:
        JournalError: it cannot be used; it is unchanged.
    """
    with journal_errors():
        real = path.resolve()
        with open_locked(real) as file:
            reader = RecordReader(file)
            replay(reader, table)
            try:
                return Journal(rewrite(real, state_records(table))), reader.cut_bytes
            except OSError as error:
                if error.errno not in NO_ROOM:
                    raise
                structlog.get_logger("journal").warning(
                    "the journal could not be made compact at the start; it grows until that can "
                    "be done",
                    journal=str(path),
                    cause=error.strerror,
                )
            journal = Journal(go_on(file, reader.good_bytes), is_compact=False)
            return journal, reader.cut_bytes
