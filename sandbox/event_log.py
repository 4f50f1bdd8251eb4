"""Log lines on standard output, one JSON object each.

A thread writes them: the server must answer even if nobody reads the log.
"""

import contextlib
import datetime as dt
import functools
import json
import os
import queue
import threading
import traceback

_STDOUT = 1
_LAST_LINES_SECONDS = 0.5
_lines: queue.Queue[bytes] = queue.Queue(1000)


def log_event(event: str, *, level: str = "info", **fields: str | float | None) -> None:
    """Have one line written; it is dropped if too many wait for a reader."""
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    line = {"timestamp": now.replace("+00:00", "Z"), "level": level, "process": "sandbox"}
    text = json.dumps(line | {"event": event} | fields) + "\n"
    with contextlib.suppress(queue.Full):
        _lines.put_nowait(text.encode("ascii"))
    _start_writer()


def log_internal_error(error: BaseException, **fields: str | float | None) -> None:
    """Write a fault of the sandbox's own, with its trace."""
    trace = "".join(traceback.format_exception(error))
    log_event("sandbox internal error", level="error", exception=trace, **fields)


def finish_log() -> None:
    """Wait until the lines are written, for a moment at most."""
    end = threading.Thread(target=_lines.join, daemon=True)
    end.start()
    end.join(_LAST_LINES_SECONDS)


@functools.cache
def _start_writer() -> None:
    threading.Thread(target=_write, name="log-writer", daemon=True).start()


def _write() -> None:
    while True:
        line = _lines.get()
        with contextlib.suppress(OSError):  # a reader that is gone is no reason to stop
            os.write(_STDOUT, line)
        _lines.task_done()
