"""Compacts a journal while the service runs, so that it does not grow forever.

A child process (`workers.state.journal.__main__`) replays the journal up to a byte and writes the
state to a new file. Then the journal appends the later records and continues in the new file. No
caller waits for that, and at each moment the file with the journal's name is complete.
"""

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import structlog

from workers.contract.backoff import Backoff
from workers.state.journal.journal import SYNC_SECONDS, Journal
from workers.state.journal.journal_file import new_file

LEAST_BYTES = 16 * 1024 * 1024
"""A smaller journal is not compacted."""

_GROWTH = 2  # times the compact size: each record is then rewritten about once
_RETRY = Backoff(base_seconds=60.0, cap_seconds=3600.0)


def keep(journal: Journal, compaction: "Compaction") -> None:
    """Sync a journal every `SYNC_SECONDS`, look whether it is there, and compact it, until it is
    closed.
    """
    while not journal.wait_closed(SYNC_SECONDS):
        journal.sync()
        journal.look_for(compaction.path)
        compaction.look_after()
    compaction.abandon()


class Compaction:
    """Compacts a journal when it has grown. Not thread-safe.

    Args:
        journal: just opened.
        path: its file, not a symbolic link.
        clock: monotonic seconds.
        least_bytes: a smaller journal is not compacted.
    """

    def __init__(
        self,
        journal: Journal,
        path: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        least_bytes: int = LEAST_BYTES,
    ) -> None:
        self._journal = journal
        self.path = path
        self._fresh_path = path.with_name(path.name + ".new")
        self._clock = clock
        self._least_bytes = least_bytes
        self._compact_bytes = journal.size if journal.is_compact else 0
        self._failures = 0
        self._not_before = clock()
        if not journal.is_compact:
            self._put_off()
        self._upto = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._fresh: BinaryIO | None = None
        self._log = structlog.get_logger("journal")

    def look_after(self) -> None:
        """Take the next step, if one is due; never waits for the child."""
        try:
            if self._child is None:
                if self._is_due():
                    self._begin()
            elif (code := self._child.poll()) is not None:
                self._complete(code)
        except OSError as error:
            self.abandon()
            seconds = self._put_off()
            self._log.warning(
                "the journal could not be made compact; it grows until that can be done",
                cause=error.strerror or str(error),
                retry_seconds=round(seconds),
            )

    def abandon(self) -> None:
        """Cancel a running compaction; the journal stays as it is."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None
        if self._fresh is not None:
            fresh, self._fresh = self._fresh, None
            with contextlib.suppress(OSError):  # read-only by now; the next one removes it
                fresh.close()
                self._fresh_path.unlink(missing_ok=True)

    def _is_due(self) -> bool:
        limit = max(self._least_bytes, _GROWTH * self._compact_bytes)
        return self._journal.size >= limit and self._clock() >= self._not_before

    def _put_off(self) -> float:
        self._failures += 1
        seconds = _RETRY.delay(self._failures)
        self._not_before = self._clock() + seconds
        return seconds

    def _begin(self) -> None:
        self._upto = self._journal.size
        self._fresh = new_file(self._fresh_path)
        command = [sys.executable, "-m", "workers.state.journal", str(self._upto)]
        # Opened again: the journal's lock must end with this process, not with the child.
        with self.path.open("rb") as old:
            self._child = subprocess.Popen(  # noqa: S603 - our own module, nothing from outside
                command,
                stdin=old,
                stdout=self._fresh,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )

    def _complete(self, exit_code: int) -> None:
        if exit_code or self._fresh is None:
            raise OSError(f"the process that does it ended with {exit_code}")
        was = self._journal.size
        fcntl.flock(self._fresh, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if self._journal.move_to(self._fresh, self._upto, self._fresh_path, self.path):
            self._fresh = None
        self._compact_bytes = self._journal.size
        self._failures = 0
        self.abandon()
        self._log.info("the journal is compact again", was=was, bytes=self._compact_bytes)
