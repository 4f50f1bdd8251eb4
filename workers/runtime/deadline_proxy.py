"""Calls of the Manager with deadlines.

Stock proxies wait for ever for a Manager that is stopped or hangs: while they connect, send a large
job, or wait for the response. Here each of these has a limit.
"""

import errno
import pickle
import socket
import struct
from collections.abc import Callable
from multiprocessing.connection import (
    Connection,
    Listener,
    answer_challenge,
    deliver_challenge,
)
from multiprocessing.managers import (  # type: ignore[attr-defined] # two lack in typeshed
    BaseProxy,
    convert_to_error,
    listener_client,
)
from typing import Any

from workers.contract.backend import BackendBusyError, BackendLostError

CALL_SECONDS = 10.0
"""Time limit of a call. Calls take well under 1 ms, sending a job of 100,000 URLs about 300 ms; a
Manager that does not respond for this long is stopped or hangs."""

SERIALIZER = "pickle-with-deadlines"  # of a Manager whose clients use `connect`


class ManagerLostError(BackendLostError):
    """The Manager process is gone or does not respond."""


def connect(address: str, authkey: bytes) -> "Connection[Any, Any]":
    """Connect to a Manager on this machine; no read or write on the connection blocks for longer
    than `CALL_SECONDS`.

    Raises:
        OSError: no process listens there, or it does not respond.
        multiprocessing.AuthenticationError: the keys differ.
    """
    with socket.socket(socket.AF_UNIX) as sock:
        # Kernel timeouts (socket(7)), as multiprocessing reads and writes the bare descriptor; a
        # non-blocking socket would fail at once on a full backlog.
        limit = struct.pack("ll", int(CALL_SECONDS), int(CALL_SECONDS % 1 * 1_000_000))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        sock.connect(address)
        connection: Connection[Any, Any] = Connection(sock.detach())
    try:
        answer_challenge(connection, authkey)
        deliver_challenge(connection, authkey)
    except BaseException:
        connection.close()
        raise
    return connection


# The registry of multiprocessing, where managers and proxies find listener and client. Listener and
# wire format are the stock ones; importing this module registers them in each process.
listener_client[SERIALIZER] = (Listener, connect)


def _answer(connection: "Connection[Any, Any]", wait_seconds: float) -> Any:  # noqa: ANN401 - any message
    # The kernel's limit covers a short wait; poll costs a tenth of a round trip.
    if wait_seconds > CALL_SECONDS / 5 and not connection.poll(wait_seconds + CALL_SECONDS):
        raise BlockingIOError
    return connection.recv()


class DeadlineProxy(BaseProxy):
    """A proxy whose calls have deadlines.

    A call ends at most `CALL_SECONDS` after the time that it may wait in the Manager.

    Raises:
        ManagerLostError: from every call, if the Manager is gone or does not respond.
        BackendBusyError: from a thread's first call, if this process has no descriptor left.
    """

    # Set by BaseProxy; one connection per thread.
    _id: str
    _tls: Any
    _connect: Callable[[], None]

    def _callmethod(
        self,
        methodname: str,
        args: tuple[Any, ...] = (),
        kwds: dict[str, Any] | None = None,
        *,
        wait_seconds: float = 0.0,
    ) -> Any:  # noqa: ANN401 - what the method returns
        # multiprocessing's wire format: (object id, method, args, kwds) → (kind, result).
        try:
            connection = self._connection()
            # Not `send`: it writes a view of a BytesIO; if that fails, the error keeps both alive,
            # and their collection raises an unraisable BufferError (seen with Python 3.13).
            connection.send_bytes(pickle.dumps((self._id, methodname, args, kwds or {})))
            kind, result = _answer(connection, wait_seconds)
        except BlockingIOError as error:
            self._disconnect()
            raise ManagerLostError("The Manager process does not answer.") from error
        except (EOFError, OSError) as error:
            self._disconnect()
            raise ManagerLostError("The Manager process is gone.") from error
        except BaseException:  # a signal handler may raise during the call
            self._disconnect()
            raise
        if kind == "#RETURN":
            return result
        raise convert_to_error(kind, result)

    def _connection(self) -> "Connection[Any, Any]":
        if not hasattr(self._tls, "connection"):
            try:
                self._connect()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    raise BackendBusyError("No file descriptor is free for the call.") from error
                raise
        return self._tls.connection  # type: ignore[no-any-return] # set by BaseProxy

    def _disconnect(self) -> None:
        # A late response would be taken for that of the next call.
        if hasattr(self._tls, "connection"):
            self._tls.connection.close()
            del self._tls.connection
