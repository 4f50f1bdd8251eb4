"""Starts and stops the sandbox from the command line."""

import argparse
import asyncio
import contextlib
import logging
import os
import queue
import resource
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from logging.handlers import QueueHandler, QueueListener

from aiohttp import web
from aiohttp.http import HttpProcessingError
from structlog import processors, stdlib

from sandbox.application import Application

_STDIN, _STDOUT = 0, 1
_LAST_LINES_SECONDS = 0.5  # for the end of the log to be written
_BACKLOG = 1024
_IDLE_SECONDS = 300.0  # between requests; clients keep their connections over a pause
_DISCARD_SECONDS = 2.0  # for the rest of a request that is answered before its end
_MAX_FIELD_BYTES = 64 * 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a stop signal; return the exit code: 0 stopped, 2 could not start."""
    options = _parser().parse_args(arguments)
    try:
        listener = _listener(options)
    except (OSError, OverflowError) as error:
        sys.stderr.write(f"sandbox: cannot listen ({getattr(error, 'strerror', None) or error})\n")
        return 2
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))  # the soft limit is often 1,024
    lines = _configure_logging()
    web.run_app(
        _application(listener, options),
        sock=listener,
        backlog=_BACKLOG,
        access_log=None,
        print=None,
        handler_cancellation=True,  # a client that is gone needs no response
        keepalive_timeout=_IDLE_SECONDS,
        lingering_time=_DISCARD_SECONDS,
        max_field_size=_MAX_FIELD_BYTES,
        max_line_size=_MAX_FIELD_BYTES,
        shutdown_timeout=0.01,  # slow responses are not waited for
    )
    logging.getLogger("sandbox").info("sandbox stopped")
    written = threading.Thread(target=lines.join, daemon=True)
    written.start()
    written.join(_LAST_LINES_SECONDS)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A stand-in for Imgur.")
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=8001, help="port to listen on; 0 takes any free one")
    add("--fd", type=int, help="serve on this inherited listening socket instead")
    add("--leave-with-stdin", action="store_true", help="end with stdin, ignore SIGINT")
    add("--token-seconds", type=int, default=3600, help="how long access tokens are valid")
    return parser


def _listener(options: argparse.Namespace) -> socket.socket:
    if options.fd is not None:
        return socket.socket(fileno=options.fd)
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    return socket.create_server((options.host, options.port), family=family, backlog=_BACKLOG)


class _LineWriter(QueueListener):
    """Write the log in a thread: the server responds even if the log has no reader."""

    def handle(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError):  # a reader that is gone does not stop the sandbox
            os.write(_STDOUT, f"{record.getMessage()}\n".encode())


def _configure_logging() -> "queue.Queue[logging.LogRecord]":
    """Log JSON lines on standard output, for the libraries as well."""
    lines: queue.Queue[logging.LogRecord] = queue.Queue(1000)
    formatter = stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            stdlib.add_log_level,
            stdlib.ExtraAdder(),
            processors.TimeStamper(fmt="iso", utc=True),
            processors.format_exc_info,
            lambda _logger, _method, event: {"process": "sandbox", **event},
        ],
        processor=processors.JSONRenderer(),
    )
    handler = QueueHandler(lines)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    _LineWriter(lines).start()
    # A client that does not speak HTTP gets a response; it is no error of the sandbox.
    logging.getLogger("aiohttp.server").addFilter(
        lambda line: not (line.exc_info and isinstance(line.exc_info[1], HttpProcessingError))
    )
    logging.raiseExceptions = False  # lines are dropped if the queue is full
    return lines


def _application(listener: socket.socket, options: argparse.Namespace) -> web.Application:
    origin, key = _origin_of(listener), secrets.token_urlsafe(12)
    links = {
        "origin": origin,
        "gallery": f"{origin}/",
        "uploads": f"{origin}/sandbox/uploads?key={key}",
        "imgur": f"{origin}/sandbox/imgur?key={key}",
        "pid": os.getpid(),
    }

    async def begin(_application: web.Application) -> None:
        if options.leave_with_stdin:
            # A terminal's Ctrl-C is for the parent, which stops the sandbox when it has drained.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            asyncio.get_running_loop().add_reader(_STDIN, _leave_at_its_end)
        logging.getLogger("sandbox").info("sandbox listening", extra=links)

    application = Application(origin, key, options.token_seconds).make_web()
    application.on_startup.append(begin)
    return application


def _leave_at_its_end() -> None:
    if not os.read(_STDIN, 4096):
        asyncio.get_running_loop().remove_reader(_STDIN)
        raise web.GracefulExit


def _origin_of(listener: socket.socket) -> str:
    """Return the address of a socket on this machine: a wildcard address cannot be linked to."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
