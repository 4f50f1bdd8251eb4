"""Limits of connections, their transfers and memory; the limit of open files."""

import resource
from dataclasses import dataclass
from typing import Final

_FILES_FOR_OTHERS: Final = 128  # descriptors of pipes, logs, temporary files
_ENOUGH_FILES: Final = 65_536
"""A higher limit only slows down programs that iterate over all possible descriptors."""

_MIB: Final = 1024**2


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits of connections. All durations are in seconds."""

    # Maximum number open at once. A slow client costs a connection, not a thread. Beyond the limit
    # one closes that has no request, or whose client does not read.
    connections: int = 1000
    # Further ones for health checks only. Probes of container runtimes and load balancers come from
    # a few addresses.
    health_connections: int = 16
    idle_seconds: float = 30.0  # without a request
    head_seconds: float = 20.0  # from the first to the last byte of a request's head
    # In any window of this length a body must arrive, and a response be read, at
    # `bytes_per_second` at least. Mobile networks pause for a few seconds now and then.
    window_seconds: float = 10.0
    bytes_per_second: int = 4096  # 32 kbit/s, less than the slowest mobile networks have
    # Pipelined requests that are read before the response to the first; the connection closes after
    # them. Each takes some 3 KB.
    requests_ahead: int = 32
    # Unread responses of one connection; its other requests wait meanwhile.
    unread_each_bytes: int = _MIB
    unread_bytes: int = 64 * _MIB  # of all connections, without memory that they share
    # Bodies of all connections that arrive or wait for a thread. They are kept in memory: the
    # temporary directory is for images.
    body_bytes: int = 64 * _MIB
    linger_seconds: float = 5.0  # for a refused client to stop sending
    # Until the kernel closes the connection of a peer that acknowledges neither data nor probes.
    vanished_seconds: int = 60
    sweep_seconds: float = 1.0  # between checks; it may add to all other durations but the last

    @property
    def room(self) -> int:
        """Number of connections for which there are file descriptors: without one, accept() would
        fail in a busy loop.
        """
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if descriptors == resource.RLIM_INFINITY:
            return self.connections
        others = _FILES_FOR_OTHERS + self.health_connections
        return max(1, min(self.connections, descriptors - others))


class MinimumRate:
    """A minimum number of bytes in any window of time, however they are distributed in it.

    Each byte adds the time that it takes at the minimum rate to a budget of at most one window, so
    that a fast beginning does not allow a longer pause later.

    Args:
        bytes_per_second: the minimum rate.
        window_seconds: length of the window.
    """

    def __init__(self, bytes_per_second: float, window_seconds: float) -> None:
        self._bytes_per_second = bytes_per_second
        self._window_seconds = window_seconds
        self._left_seconds = window_seconds
        self._total = 0

    def begin(self, total: int) -> None:
        """Start a new window.

        Args:
            total: number of bytes transferred until now.
        """
        self._total = total
        self._left_seconds = self._window_seconds

    def is_late(self, total: int, seconds: float) -> bool:
        """Return whether the rate was too low in the last window; must be called often.

        Args:
            total: number of bytes transferred until now; a lower number than before has no effect.
            seconds: since the last call.
        """
        gained = max(0, total - self._total) / self._bytes_per_second
        self._total = max(total, self._total)
        self._left_seconds = min(self._window_seconds, self._left_seconds + gained - seconds)
        return self._left_seconds < 0


def raise_file_limit() -> None:
    """Raise this process's soft limit of open files to its hard limit; children inherit it.

    The usual soft limit of 1,024 is for programs that use select(2). This service does not, and a
    worker with a hundred lanes needs more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
