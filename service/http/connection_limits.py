"""How long clients may take, and how much of the server they may hold."""

import resource
from dataclasses import dataclass
from typing import Final

_FILES_FOR_OTHERS: Final = 128  # descriptors that are not connections: pipes, logs, temporary files

_MIB: Final = 1024**2


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What connections may cost. All durations are in seconds.

    Attributes:
        connections: open at once. A slow client costs a connection, not a thread; when no more fit,
            one without a request under way makes room, or one that does not read its answer.
        health_connections: beyond those, for requests that ask for health only. Probes of container
            runtimes and load balancers come from a few places.
        idle_seconds: without a request.
        head_seconds: from the first byte of a request's head to its last, however it drips.
        window_seconds: in any stretch of so long a body arrives, and an answer is taken, at
            `bytes_per_second` at least. Mobile networks are silent for a few seconds now and then.
        bytes_per_second: 32 kbit/s, below what the slowest mobile networks carry.
        requests_ahead: read before the first of them is answered; the connection closes behind
            them. Each takes some 3 KB.
        unread_each_bytes: of answers that wait for one reader; no other request of its connection
            is answered then.
        unread_bytes: of answers that wait for their readers, all together, in memory of their own.
        body_bytes: of bodies that arrive or wait for their turn, all together. They are kept in
            memory: the temporary directory is for images.
        linger_seconds: for a refused client to stop sending.
        vanished_seconds: until the kernel gives up a peer that acknowledges nothing, sent data
            or probes.
        sweep_seconds: between two looks at the clock; all but the last may take so much longer.
    """

    connections: int = 1000
    health_connections: int = 16
    idle_seconds: float = 30.0
    head_seconds: float = 20.0
    window_seconds: float = 10.0
    bytes_per_second: int = 4096
    requests_ahead: int = 32
    unread_each_bytes: int = _MIB
    unread_bytes: int = 64 * _MIB
    body_bytes: int = 64 * _MIB
    linger_seconds: float = 5.0
    vanished_seconds: int = 60
    sweep_seconds: float = 1.0

    @property
    def room(self) -> int:
        """Connections that fit: with no descriptor left accept() would fail in a busy loop."""
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if descriptors == resource.RLIM_INFINITY:
            return self.connections
        others = _FILES_FOR_OTHERS + self.health_connections
        return max(1, min(self.connections, descriptors - others))
