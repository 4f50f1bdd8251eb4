"""Calls to the Manager that end in time.

Stock proxies wait for ever on a Manager that is stopped or wedged: while they connect, while they
send a large job, and while they wait for the answer. Here each of these has its limit.
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
from typing import Any, TypeVar

from workers.contract.backend import BackendBusyError, BackendLostError
from workers.contract.derived import derive

CALL_SECONDS = 10.0
"""How long a call may stay unanswered. Calls take well under a millisecond, a job of 100,000 URLs
that is sent some 300 ms; a Manager that is silent for this long is stopped or wedged."""

_Calls = TypeVar("_Calls")

SERIALIZER = "pickle-with-deadlines"
"""What a Manager is given so that all of its clients connect by `connect`."""


class ManagerLostError(BackendLostError):
    """The Manager process is gone, or does not answer: the state it owned is lost."""


def connect(address: str, authkey: bytes) -> "Connection[Any, Any]":
    """Connect to a Manager on this machine; no read or write on the connection blocks for longer
    than `CALL_SECONDS`.

    Raises:
        OSError: nobody listens there, or whoever does is silent.
        multiprocessing.AuthenticationError: the keys differ.
    """
    with socket.socket(socket.AF_UNIX) as sock:
        # In the kernel (socket(7)), as multiprocessing reads and writes the bare descriptor; a
        # non-blocking socket would be refused at once where a full backlog only needs a moment.
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


# The registry of multiprocessing, where managers and proxies look up how to listen and connect.
# Stock listening, stock wire form; importing this module enters it in every process concerned.
listener_client[SERIALIZER] = (Listener, connect)


def _answer(connection: "Connection[Any, Any]", wait_seconds: float) -> Any:  # noqa: ANN401 - any message
    # The kernel's limit alone covers a short wait; to ask first costs a tenth of a worker's turn.
    if wait_seconds > CALL_SECONDS / 5 and not connection.poll(wait_seconds + CALL_SECONDS):
        raise BlockingIOError
    return connection.recv()


class DeadlineProxy(BaseProxy):
    """A proxy whose calls end in time.

    A call ends `CALL_SECONDS` after the time that it was to wait in the Manager, at the latest.

    Raises:
        ManagerLostError: from every call, when the Manager is gone or silent.
        BackendBusyError: from a thread's first call, when this process has no descriptor left.
    """

    # Set by BaseProxy; one connection a thread.
    _id: str
    _tls: Any
    _connect: Callable[[], None]

    def calls(self, protocol: type[_Calls]) -> _Calls:
        """The object behind this proxy, with the methods of a protocol."""
        return derive(protocol, self._callmethod)

    def _callmethod(
        self,
        methodname: str,
        args: tuple[Any, ...] = (),
        kwds: dict[str, Any] | None = None,
        *,
        wait_seconds: float = 0.0,
    ) -> Any:  # noqa: ANN401 - what the method returns
        # Follows multiprocessing's wire form: (object id, method, args, kwds) → (kind, result).
        try:
            connection = self._connection()
            # Not `send`: it would write a view of a BytesIO, and where that fails, both hang on the
            # error. Collected together, they are an unraisable BufferError (Python 3.13 tells).
            connection.send_bytes(pickle.dumps((self._id, methodname, args, kwds or {})))
            kind, result = _answer(connection, wait_seconds)
        except BlockingIOError as error:
            self._hang_up()
            raise ManagerLostError("The Manager process does not answer.") from error
        except (EOFError, OSError) as error:
            self._hang_up()
            raise ManagerLostError("The Manager process is gone.") from error
        except BaseException:  # also one that a signal handler raises in mid-call
            self._hang_up()
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
                    raise BackendBusyError("No file descriptor is free to ask with.") from error
                raise
        return self._tls.connection  # type: ignore[no-any-return] # set by BaseProxy

    def _hang_up(self) -> None:
        # An answer still on its way would be taken for the next call's.
        if hasattr(self._tls, "connection"):
            self._tls.connection.close()
            del self._tls.connection
