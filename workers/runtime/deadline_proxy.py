"""Calls of the Manager with deadlines.

Stock proxies wait for ever for a Manager that is stopped or hangs: while they connect, send a large
job, or wait for the response. Here each of these has a limit.
"""

import errno
import os
import pickle
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, Listener, answer_challenge, deliver_challenge
from multiprocessing.managers import (  # type: ignore[attr-defined] # two lack in typeshed
    BaseProxy,
    convert_to_error,
    listener_client,
)
from pathlib import Path
from typing import Any, Final

from workers.contract.backend import BackendBusyError, BackendLostError

CALL_SECONDS = 10.0
"""Time limit of a call. Calls take well under 1 ms, sending a job of 100,000 URLs about 300 ms; a
Manager that does not respond for this long is stopped or hangs, or the machine is overloaded."""

_MAX_LIMITS: Final = 3
"""How many of these in a row a Manager may take that is at work, or waits for its turn on an
overloaded machine: to end it would cost all attempts under way, and help nobody."""

_PEER: Final = struct.Struct("3i")  # pid, uid, gid: see SO_PEERCRED in unix(7)

SERIALIZER = "pickle-with-deadlines"  # of a Manager whose clients use `connect`


class ManagerLostError(BackendLostError):
    """The Manager process is gone or does not respond."""


class _PatientConnection(Connection):
    """Reads and writes go on after the kernel's time limit while the other process is at work."""

    peer = 0  # the pid of that process; 0 if unknown

    def _send(self, buf: bytes) -> None:
        super()._send(buf, partial(self._patiently, os.write))  # type: ignore[misc] # not in typeshed

    def _recv(self, size: int) -> Any:  # noqa: ANN401 - a BytesIO
        return super()._recv(size, partial(self._patiently, os.read))  # type: ignore[misc] # the same

    def _patiently(self, call: Callable[[int, Any], Any], fd: int, data: Any) -> Any:  # noqa: ANN401 - as of `call`
        for _ in range(1, _MAX_LIMITS):
            try:
                return call(fd, data)
            except BlockingIOError:
                if not is_at_work(self.peer):
                    raise
        return call(fd, data)


def is_at_work(pid: int) -> bool:
    """Return whether a thread of a process runs, or would if it had a processor or the disk; False
    where that is not known.
    """
    with suppress(OSError):  # no descriptor is free
        for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
            with suppress(OSError):  # the thread has ended
                # After the name, which may have any characters: see proc(5).
                if stat.read_bytes().rpartition(b")")[2].split()[0] in {b"R", b"D"}:
                    return True
    return False


def connect(address: str, authkey: bytes) -> "Connection[Any, Any]":
    """Connect to a Manager on this machine; no read or write on the connection blocks for longer
    than `CALL_SECONDS`, or `_MAX_LIMITS` times that if the Manager is at work.

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
        peer = 0
        if hasattr(socket, "SO_PEERCRED"):
            peer, *_ = _PEER.unpack(
                sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
            )
        connection = _PatientConnection(sock.detach())
        connection.peer = peer
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
    if wait_seconds > CALL_SECONDS / 5:
        connection.poll(wait_seconds)
    return connection.recv()


class DeadlineProxy(BaseProxy):
    """A proxy whose calls have deadlines.

    A call that the Manager lets wait on purpose has that time besides the limits of `connect`.

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
