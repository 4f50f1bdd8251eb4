"""Structured logs: one event per line on stdout, in all processes."""

import logging
import os
import re
from collections.abc import MutableMapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

import structlog
from structlog.typing import Processor

from workers.contract.log_writer import LogWriter

_STDOUT = 1  # the descriptor

# A line is one write. Pipes do not interleave writes up to 4096 bytes (POSIX PIPE_BUF), so lines of
# several processes stay whole while values are well below that.
_LONGEST_VALUE = 1000
_LONGEST_TRACEBACK = 2000

# All but tab and line feed.
_escape_in = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]").sub

_FIRST_KEYS = ("timestamp", "level", "event", "process")


@dataclass(frozen=True, slots=True)
class LogConfig:
    """Format and level of the log.

    Attributes:
        format: "json" for machines, "console" for a person at a terminal.
        level: minimum level.
    """

    format: Literal["json", "console"] = "json"
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


def configure_logging(config: LogConfig, process: str) -> None:
    """Set up structlog, and the standard library's logging through it, for this process; its name
    ("service", "worker-3") is in each line.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_process(process),
        structlog.processors.format_exc_info,
        _shorten_values,
        _lead_with_the_event,
    ]
    renderer: Processor = structlog.processors.JSONRenderer()
    if config.format == "console":
        shared.append(_escape_controls)
        renderer = structlog.dev.ConsoleRenderer(colors=os.isatty(_STDOUT))
    level = logging.getLevelNamesMapping()[config.level]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_LineLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # Libraries (waitress) use `logging`; their lines get the same form.
    handler = logging.StreamHandler(WRITER)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))


def flush_logs() -> None:
    """Wait until this process's lines are written, for a bounded time.

    A normal exit does it by itself; call it before `os._exit`.
    """
    WRITER.drain()


def _log_dropped(lines: int) -> None:
    structlog.get_logger("log").warning("log lines dropped: stdout took no more", lines=lines)


WRITER = LogWriter(_log_dropped)
"""Writes all lines of this process."""


class _LineLogger:
    def msg(self, message: str) -> None:
        WRITER.write(message + "\n")

    debug = info = warning = error = critical = exception = fatal = log = msg


class _LineLoggerFactory:
    def __call__(self, *_args: object) -> _LineLogger:
        return _LineLogger()


def _lead_with_the_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:  # noqa: ANN401
    """Put the most important keys first."""
    return {key: event[key] for key in _FIRST_KEYS if key in event} | dict(event)


def _name_process(process: str) -> Processor:
    def add(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:  # noqa: ANN401
        event["process"] = process
        return event

    return add


def _shorten_values(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:  # noqa: ANN401
    for key, value in event.items():
        if not isinstance(value, str):
            continue
        if key == "exception":
            # The error is at the end of a traceback.
            event[key] = _head(value[::-1], _LONGEST_TRACEBACK)[::-1]
        else:
            event[key] = _head(value, _LONGEST_VALUE)
    return event


def _escape_controls(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:  # noqa: ANN401
    """Escape control characters, as JSON does: a terminal obeys them, and paths and URLs hold what
    clients and sources put there.
    """
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _escape_in(lambda found: repr(found[0])[1:-1], value)
    return event


def _head(text: str, longest: int) -> str:
    """Return the beginning that JSON writes in `longest` bytes."""
    count = longest
    if not text.isascii():
        # JSON escapes take 6 bytes, 12 for a surrogate pair.
        costs = (1 if char < "\x80" else 6 if char <= "\uffff" else 12 for char in text)
        count = sum(1 for size in accumulate(costs) if size <= longest)
    return text if len(text) <= count else text[:count] + "…"
