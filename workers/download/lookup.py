"""Names to addresses, in time: getaddrinfo cannot be interrupted, whatever keeps it waiting."""

import queue
import socket
import threading
from collections.abc import Sequence
from typing import Any

AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]
"""As ``socket.getaddrinfo`` gives it."""


def look_up(host: str, port: int, seconds: float | None) -> Sequence[AddressInfo]:
    """What ``socket.getaddrinfo`` says about `host`.

    A name server that belongs to the attacker can be as slow as it likes, at each redirect anew.
    A thread waits for it; one that is waited for no longer ends with the system's own patience
    (RES_OPTIONS bounds that to some seconds).

    Args:
        host: a name, or an address in any notation that the system understands.
        port: goes into the addresses.
        seconds: how long to wait.

    Raises:
        TimeoutError: there was no answer in time.
        OSError: socket.gaierror, when the answer is no.
        UnicodeError: the name cannot be encoded.
    """
    if _is_address(host):
        return _ask(host, port)
    answers: queue.SimpleQueue[Sequence[AddressInfo] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_ask(host, port))
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            answers.put(error)

    threading.Thread(target=ask, name="lookup", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError("no answer from the name servers") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _ask(host: str, port: int) -> Sequence[AddressInfo]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _is_address(host: str) -> bool:
    """Whether no name server is asked: 127.0.0.1, 0x7f.1, ::1."""
    if ":" in host:
        return True
    try:
        socket.inet_aton(host)
    except (OSError, UnicodeError):
        return False
    return True
