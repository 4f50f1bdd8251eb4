"""Log lines on standard output, one JSON object each."""

import contextlib
import datetime as dt
import json
import os
import traceback

_STDOUT = 1


def log_event(event: str, *, level: str = "info", **fields: str | float | None) -> None:
    """Write one line; a reader that is gone is no reason to stop."""
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    line = {"timestamp": now.replace("+00:00", "Z"), "level": level, "process": "sandbox"}
    text = json.dumps(line | {"event": event} | fields) + "\n"
    with contextlib.suppress(OSError):
        os.write(_STDOUT, text.encode("ascii"))


def log_internal_error(error: BaseException, **fields: str | float | None) -> None:
    """Write a fault of the sandbox's own, with its trace."""
    trace = "".join(traceback.format_exception(error))
    log_event("sandbox internal error", level="error", exception=trace, **fields)
