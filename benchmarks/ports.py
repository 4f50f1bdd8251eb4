"""Free ports, and waiting until somebody listens on one."""

import socket
import time

_PATIENCE_SECONDS = 10.0


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for_listener(port: int) -> None:
    """Wait until a connection can be made.

    Raises:
        OSError: nobody listens within ten seconds.
    """
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.02)
        else:
            return
