"""Name lookup by the system, with a deadline."""

import queue
import socket
import threading
from collections.abc import Sequence


def look_up(host: str, seconds: float) -> Sequence[str]:
    """Return the addresses of `host`.

    ``getaddrinfo`` cannot be interrupted, so a thread calls it; after the deadline the thread ends
    with the resolver's own timeout (RES_OPTIONS).

    Args:
        host: a name, or an address in any notation of the system.
        seconds: maximum wait.

    Raises:
        TimeoutError: no response in time.
        OSError: socket.gaierror, if the lookup fails.
        UnicodeError: the name cannot be encoded.
    """
    results: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            results.put([str(address[0]) for *_, address in found])
        except (OSError, UnicodeError) as error:
            results.put(error)

    threading.Thread(target=resolve, name="lookup", daemon=True).start()
    try:
        result = results.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError("no answer from the name servers") from None
    if isinstance(result, Exception):
        raise result
    return result
