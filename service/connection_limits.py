"""How long clients may take, and how many there may be."""

import resource
from dataclasses import dataclass

_FILES_FOR_OTHERS = 128  # descriptors that are not connections: pipes, logs, temporary files


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a connection may cost. All durations are in seconds.

    Attributes:
        connections: open at once. A slow client costs a connection, not a thread; when no more fit,
            one that has no request under way makes room.
        idle_seconds: without a request, or while an answer waits for its reader.
        head_seconds: from the first byte of a request's head to its last, however it drips.
        body_seconds: for the body, beyond what the head may take.
        body_bytes_per_second: each so many bytes of body that arrive are worth another second, so
            that a long body over a slow line comes through and a dripped one does not.
        linger_seconds: for a refused client to stop sending.
        vanished_seconds: until the kernel gives up a peer that acknowledges nothing, sent data
            or probes.
        sweep_seconds: between two looks at the clock; all but the last may take so much longer.
    """

    connections: int = 1000
    idle_seconds: float = 30.0
    head_seconds: float = 20.0
    body_seconds: float = 20.0
    body_bytes_per_second: int = 1024
    linger_seconds: float = 5.0
    vanished_seconds: int = 60
    sweep_seconds: float = 1.0

    @property
    def room(self) -> int:
        """Connections that fit: with no descriptor left accept() would fail in a busy loop."""
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if descriptors == resource.RLIM_INFINITY:
            return self.connections
        return max(1, min(self.connections, descriptors - _FILES_FOR_OTHERS))
