"""HTTP connections that end in time, whatever the other side does.

A read timeout bounds each read, not the whole: a server that drips a byte a second, in the head,
in the body or in a TLS handshake, holds a lane for ever. So each lane has a line a session: the
line knows the socket in use and the deadline, and one watchdog thread a process shuts the socket
of every line that is past its deadline.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

TICK_SECONDS = 0.2
"""How often deadlines are looked at; how late a transfer is cut at most."""

Dial = Callable[[str, int, float | None], socket.socket]
"""Connects: host, port and seconds for it → a connected socket."""


class TransferTimeoutError(Exception):
    """The transfer as a whole took too long.

    Derived from neither OSError nor RequestException: urllib3 and requests wrap those, and the
    reason would be lost.
    """


def dial_directly(host: str, port: int, timeout: float | None) -> socket.socket:
    """Connect to whatever the name resolves to; for hosts that come from the settings."""
    return socket.create_connection((host, port), timeout)


class Line:
    """One transfer at a time: its socket and its deadline.

    Args:
        dial: connects; a guard refuses addresses here, where nothing can slip past it.
    """

    def __init__(self, dial: Dial = dial_directly) -> None:
        self.dial = dial
        self._deadline: float | None = None
        self._socket: socket.socket | None = None
        self._was_cut = False
        # Between the watchdog and the end of a transfer: the next one is not cut in its place.
        self._lock = threading.Lock()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Bound all that happens on this line inside the block.

        Raises:
            TransferTimeoutError: at the end of the block, if the line was cut. Also after seeming
                success: the end of a connection cut in mid-head reads as an empty answer.
        """
        self._was_cut = False
        self._socket = None
        self._deadline = time.monotonic() + seconds
        try:
            yield
        except Exception as error:
            if self._was_cut:
                raise TransferTimeoutError(f"not done within {seconds:g} s") from error
            raise
        finally:
            with self._lock:
                self._deadline = None
                self._socket = None
        if self._was_cut:
            raise TransferTimeoutError(f"not done within {seconds:g} s")

    def remaining(self) -> float:
        """Seconds left; never below a tick, so that it can serve as a socket timeout."""
        if self._deadline is None:
            return TICK_SECONDS
        return max(TICK_SECONDS, self._deadline - time.monotonic())

    def attach(self, sock: socket.socket | None) -> None:
        """Note the socket in use.

        Raises:
            TransferTimeoutError: the deadline passed while there was no socket to cut.
        """
        self._socket = sock
        if self._was_cut:
            raise TransferTimeoutError("not connected in time")

    def cut_if_late(self, now: float) -> None:
        """Shut the socket if the deadline is past; called by the watchdog."""
        with self._lock:
            if self._deadline is None or now < self._deadline:
                return
            self._was_cut = True
            if self._socket is not None:
                # Closed already, or not connected yet: the reader notices by itself.
                with suppress(OSError):
                    # Not SSLSocket.shutdown: it drops the TLS state under the thread that reads.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Watchdog:
    """The one thread of a process that cuts lines past their deadline."""

    def __init__(self, tick_seconds: float = TICK_SECONDS) -> None:
        self._tick_seconds = tick_seconds
        self._lines: set[Line] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def watch(self, line: Line) -> None:
        with self._lock:
            self._lines.add(line)

    def forget(self, line: Line) -> None:
        with self._lock:
            self._lines.discard(line)

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(self._tick_seconds):
            with self._lock:
                lines = tuple(self._lines)
            now = time.monotonic()
            for line in lines:
                line.cut_if_late(now)
