"""An open journal: appended to, and brought to the disk."""

import contextlib
import errno
import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import structlog

from workers.contract.errors import JournalFullError
from workers.state.jobs.job_records import JobJournal, Record
from workers.state.journal.journal_file import is_at, sync_folder, write_whole
from workers.state.journal.journal_records import END_MARK, encode

SYNC_SECONDS = 1.0
"""How often results are forced to the disk: what a crash of the whole machine may cost."""

_COPY_BYTES = 1024 * 1024
_NO_FILE = -1
_UNSOUND = "the disk failed"
_AWAY = "the journal's file was moved or removed"
_END_LINE = encode(END_MARK)


class Journal(JobJournal):
    """An open journal. Safe to use from any thread.

    Each record is handed to the kernel in one write, which outlives the death of every process;
    only `commit` waits for the disk as well. What cannot be written is kept in memory, in order,
    and written as soon as that is possible.

    Args:
        file: opened for appending and reading without a buffer; this object's own from now on.
        sync: forces a file to the disk.
        is_compact: see below.

    Attributes:
        is_compact: False if it began with more than its state, for want of room.
    """

    def __init__(
        self, file: BinaryIO, sync: Callable[[int], None] = os.fsync, *, is_compact: bool = True
    ) -> None:
        self.is_compact = is_compact
        self._file = file
        self._fd = file.fileno()
        self._sync_file = sync
        self._end = os.fstat(self._fd).st_size
        self._synced = self._end
        self._backlog: deque[bytes] = deque()
        self._error: str | None = None
        self._is_unsound = False
        self._is_away = False
        self._closed = threading.Event()
        self._writing = threading.Lock()
        # Taken before the other, never inside it: a turn must not wait for the disk.
        self._syncing = threading.Lock()

    @property
    def error(self) -> str | None:
        """Why no new job can be written; None if it can."""
        if self._is_unsound:
            return _UNSOUND
        return _AWAY if self._is_away else self._error

    def append(self, record: Record) -> None:
        """Write a record of what has happened already. Never fails: at worst it is kept back."""
        line = encode(record)
        with self._writing:
            self._backlog.append(line)
            self._write_backlog()

    def commit(self, record: Record) -> None:
        """Write a record of what is to happen, and wait until the disk has it.

        Raises:
            JournalFullError: that was not possible.
        """
        line = encode(record)
        with self._writing:
            self._write_backlog()
            if not (self._backlog or self._is_unsound or self._is_away):
                self._write(line)
            if self.error is not None:
                raise JournalFullError(self.error, maybe_kept=False)
        self.sync()
        if self._is_unsound:
            raise JournalFullError(_UNSOUND, maybe_kept=True)

    def sync(self) -> None:
        """Write what was kept back, and wait until the disk has all that was written by now."""
        with self._writing:
            self._write_backlog()
            end = self._end
        with self._syncing:
            # Others that waited here meanwhile have been served by the same call.
            if self._synced >= end or self._closed.is_set():
                return
            with self._writing:
                end = self._end
            try:
                self._sync_file(self._fd)
            except OSError as error:
                # What the kernel could not write it takes for written from now on (fsync(2)).
                self._log_unsound(error)
                return
            self._synced = end

    def look_for(self, path: Path) -> None:
        """Take no new jobs while the file is not at its path, where a restart would look for it."""
        with self._syncing:
            if self._closed.is_set():
                return
            try:
                is_away = not is_at(self._file, path)
            except OSError:
                return  # not known
        if is_away != self._is_away:
            with self._writing:  # else a record that is being written is refused, and stays
                self._is_away = is_away
            log = structlog.get_logger("journal")
            if is_away:
                log.error(
                    "the journal is not at its path: new jobs are refused, and a restart would "
                    "begin without it",
                    journal=str(path),
                )
            else:
                log.info("the journal is at its path again")

    @property
    def size(self) -> int:
        """Bytes of whole records in the file."""
        return self._end

    def wait_closed(self, seconds: float) -> bool:
        """Wait so long, or until the journal is closed; returns whether it is."""
        return self._closed.wait(seconds)

    def move_to(self, fresh: BinaryIO, upto: int, fresh_path: Path, path: Path) -> bool:
        """Go on in another file, which holds what this one held up to a byte.

        What has come since is copied. Turns wait for the last bytes and a rename; who commits waits
        for the disk, as ever.

        Args:
            fresh: locked; opened as this one was, and this object's own from now on.
            upto: the byte.
            fresh_path: where the other file is; it is renamed.
            path: where this one is.

        Returns:
            False if the journal was closed meanwhile; it stands as it was.

        Raises:
            OSError: that was not possible; the journal stands, and is written on.
        """
        upto = self._copy(upto, fresh)  # most of it, while nobody waits
        self._sync_file(fresh.fileno())
        with self._syncing:
            if self._closed.is_set():
                return False
            # From here on no record is confirmed until the new file is on the disk.
            upto = self._copy(upto, fresh)
            self._sync_file(fresh.fileno())
            with self._writing:
                self._copy(upto, fresh)
                if not is_at(self._file, path):
                    raise OSError(errno.ESTALE, "another file has taken the journal's place")
                fresh_path.replace(path)
                old, self._file, self._fd = self._file, fresh, fresh.fileno()
                self._end = os.fstat(self._fd).st_size
                self._synced = 0
            old.close()
            try:
                sync_folder(path.parent)
            except OSError as error:
                self._log_unsound(error)
        return True

    def close(self) -> None:
        """Bring everything to the disk, and give up the file and with it the lock."""
        if not self._closed.is_set():
            self.append(END_MARK)
        self.sync()
        with self._syncing, self._writing:
            if not self._closed.is_set() and any(line != _END_LINE for line in self._backlog):
                structlog.get_logger("journal").error(
                    "the journal was closed before it could be written again: the last results "
                    "are lost, and their images will be uploaded again",
                    cause=self._error,
                )
            self._closed.set()
            self._fd = _NO_FILE  # the number may soon be another file's
            self._file.close()

    def _copy(self, start: int, target: BinaryIO) -> int:
        """Copy this file's records from a byte on; returns up to which."""
        end = self._end
        while start < end:
            data = os.pread(self._fd, min(_COPY_BYTES, end - start), start)
            if not data:
                raise OSError(errno.EIO, "the journal is shorter than what was written to it")
            write_whole(target.fileno(), data)
            start += len(data)
        return end

    # --- inside, the writing lock held ------------------------------------------------------

    def _write_backlog(self) -> None:
        while self._backlog:
            self._write(self._backlog[0])
            if self._error is not None:
                return
            self._backlog.popleft()

    def _write(self, line: bytes) -> None:
        try:
            if self._error is not None:
                # Half a record may be left of the write that failed.
                os.ftruncate(self._fd, self._end)
            write_whole(self._fd, line)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._end)
            self._note_failure(error)
            return
        self._end += len(line)
        if self._error is not None:
            self._error = None
            structlog.get_logger("journal").info("the journal is written again")

    def _note_failure(self, error: OSError) -> None:
        why = error.strerror or str(error)
        if self._error is None:
            structlog.get_logger("journal").error(
                "the journal cannot be written: new jobs are refused, results stay in memory "
                "until it can",
                cause=why,
            )
        self._error = why

    def _log_unsound(self, error: OSError) -> None:
        if not self._is_unsound:
            structlog.get_logger("journal").critical(
                "the disk failed to keep the journal: new jobs are refused until a restart",
                cause=error.strerror or str(error),
            )
        self._is_unsound = True
