"""Writes log lines to stdout in a thread of its own, so that no caller waits for the reader."""

import atexit
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable

MAX_QUEUED_BYTES = 1024 * 1024
"""Size of the queue of a process; lines beyond it are dropped."""

DRAIN_SECONDS = 1.0
"""Maximum wait of `LogWriter.drain`."""

STALLED_SECONDS = 0.5
"""A write that takes this long counts as stalled: `drain` does not wait for it."""

_STDOUT = 1  # the descriptor


class LogWriter:
    """A bounded queue of lines, and a thread that writes them, started with the first line.

    When the queue is full, lines are dropped until half of it is written; so are lines that cannot
    be written, as on a full disk. Safe to use from any thread and from a signal handler.

    Args:
        on_dropped: called in the writer's thread with the number of dropped lines; may write one.
    """

    def __init__(self, on_dropped: Callable[[int], None]) -> None:
        self._on_dropped = on_dropped
        # Its default lock is reentrant: a signal handler may interrupt its holder.
        self._changed = threading.Condition()
        self._lines: deque[bytes] = deque()
        self._queued_bytes = 0  # with the batch being written
        self._dropped = 0
        self._lost = 0  # lines that could not be written, or queued, and are not told yet
        self._is_idle = True
        self._writing_since: float | None = None
        self._thread: threading.Thread | None = None

    def write(self, text: str) -> None:
        """Queue one event: one or more whole lines."""
        self._queue(text.encode(errors="backslashreplace"))

    def write_lines(self, lines: bytes) -> None:
        """Queue whole lines of another process, unchanged."""
        for line in lines.splitlines(keepends=True):
            self._queue(line)

    def drain(self) -> None:
        """Wait until all lines are written, for a bounded time; not for a stalled reader."""
        give_up = time.monotonic() + DRAIN_SECONDS
        with self._changed:
            while not self._is_idle:
                began = self._writing_since
                until = give_up if began is None else min(give_up, began + STALLED_SECONDS)
                left = until - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(left)

    def _queue(self, line: bytes) -> None:
        with self._changed:
            if self._dropped or self._queued_bytes + len(line) > MAX_QUEUED_BYTES:
                self._dropped += 1
                return
            self._lines.append(line)
            self._queued_bytes += len(line)
            if self._is_idle:
                self._is_idle = False
                self._changed.notify_all()
            if self._thread is None:
                self._start()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return  # out of threads; the next line tries again
        self._thread = thread
        atexit.register(self.drain)

    def _run(self) -> None:
        is_torn = False  # the last line was written in part
        while True:
            with self._changed:
                while not self._lines:
                    self._is_idle = True
                    self._changed.notify_all()
                    self._changed.wait()
                batch = self._take_batch()
                self._writing_since = time.monotonic()
            data = b"\n" + batch if is_torn else batch
            left = _write_out(data)
            if written := data[: len(data) - len(left)]:
                is_torn = not written.endswith(b"\n")
            with self._changed:
                self._writing_since = None
                self._queued_bytes -= len(batch)
                dropped = 0
                if left:
                    self._lost += min(left.count(b"\n"), batch.count(b"\n"))
                if self._queued_bytes <= MAX_QUEUED_BYTES // 2:
                    # Lines are queued again: only a write shows whether there is room.
                    self._lost, self._dropped = self._lost + self._dropped, 0
                    if not left:
                        dropped, self._lost = self._lost, 0
            if dropped:
                self._on_dropped(dropped)

    def _take_batch(self) -> bytes:
        # Writes up to this size do not interleave with those of other processes (POSIX PIPE_BUF).
        batch = bytearray(self._lines.popleft())
        while self._lines and len(batch) + len(self._lines[0]) <= select.PIPE_BUF:
            batch += self._lines.popleft()
        return bytes(batch)


def _write_out(data: bytes) -> bytes:
    """Write as much as possible; return the rest."""
    try:
        while data:
            try:
                data = data[os.write(_STDOUT, data) :]
            except BlockingIOError:
                # Another user of the descriptor made it non-blocking; lines must stay whole.
                select.select([], [_STDOUT], [])
    except OSError:
        pass  # the disk is full, or the log has no reader; the work goes on
    return data
