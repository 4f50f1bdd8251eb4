"""Starts the sandbox from the command line, and ends it."""

import argparse
import asyncio
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Sequence

from sandbox.application import Application
from sandbox.event_log import finish_log, log_event
from sandbox.server import BACKLOG, serve

EXIT_STOPPED = 0
EXIT_CANNOT_START = 2

_STDIN = 0
_WANTED_OPEN_FILES = 16_384


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop.

    Args:
        arguments: the command line; None takes the process's own.

    Returns:
        The exit code: 0 stopped, 2 could not start.
    """
    options = _parser().parse_args(arguments)
    try:
        listener = _listener(options)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        sys.stderr.write(f"sandbox: cannot listen ({reason})\n")
        return EXIT_CANNOT_START
    _allow_many_connections()
    asyncio.run(_run(listener, options))
    return EXIT_STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="A stand-in for Imgur and for the sites that images come from.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument(
        "--port", type=int, default=8001, help="port to listen on; 0 takes any free one"
    )
    parser.add_argument(
        "--fd", type=int, help="serve on this inherited listening socket instead of host and port"
    )
    parser.add_argument(
        "--leave-with-stdin",
        action="store_true",
        help="end with the standard input, that is with the parent process; SIGINT is ignored",
    )
    parser.add_argument(
        "--token-seconds", type=int, default=3600, help="how long access tokens are valid"
    )
    return parser


def _listener(options: argparse.Namespace) -> socket.socket:
    if options.fd is not None:
        return socket.socket(fileno=options.fd)
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    return socket.create_server((options.host, options.port), family=family, backlog=BACKLOG)


def _allow_many_connections() -> None:
    """Raise the soft limit of open files, often 1,024, towards the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _WANTED_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _run(listener: socket.socket, options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    if options.leave_with_stdin:
        # a terminal's Ctrl-C is for the parent, which stops the sandbox when it has drained
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _stop_with_stdin(loop, stop)
    else:
        loop.add_signal_handler(signal.SIGINT, stop.set)
    origin = _origin_of(listener)
    application = Application(origin, token_seconds=options.token_seconds)
    log_event("sandbox listening", origin=origin, gallery=f"{origin}/", pid=os.getpid())
    await serve(listener, application.handle, stop)
    log_event("sandbox stopped")
    finish_log()


def _stop_with_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    def watch() -> None:
        try:
            while os.read(_STDIN, 4096):
                pass
        except OSError:
            pass  # a closed standard input has ended, too
        try:
            loop.call_soon_threadsafe(stop.set)
        except RuntimeError:
            return  # the loop has ended already

    threading.Thread(target=watch, name="stdin", daemon=True).start()


def _origin_of(listener: socket.socket) -> str:
    """Where this machine reaches the socket: a wildcard address cannot be linked to."""
    host, port = listener.getsockname()[:2]
    if host == "0.0.0.0":  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    elif host == "::":
        host = "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
