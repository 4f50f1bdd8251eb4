"""Asking the system for the addresses of a name, in bounded time."""

import queue
import socket
import threading
from collections.abc import Sequence


def look_up(host: str, seconds: float) -> Sequence[str]:
    """The addresses of `host`.

    ``getaddrinfo`` cannot be interrupted, so a thread waits for it; one that is waited for no
    longer ends with the system's own patience (RES_OPTIONS).

    Args:
        host: a name, or an address in any notation that the system understands.
        seconds: how long to wait.

    Raises:
        TimeoutError: there was no answer in time.
        OSError: socket.gaierror, when the answer is no.
        UnicodeError: the name cannot be encoded.
    """
    answers: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            answers.put([str(address[0]) for *_, address in found])
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="lookup", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError("no answer from the name servers") from None
    if isinstance(answer, Exception):
        raise answer
    return answer
