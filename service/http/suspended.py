"""Suspended requests: long responses that hold no thread of the pool.

The web server has a few threads, and a request holds one until it is answered. A suspended request
gives it back:

- `SuspendedRequest.stream`: the response has begun, and goes on piece by piece (server-sent
  events). Its connection stays open, at the cost of an idle one.
- `SuspendedRequest.wait`: there is nothing to send yet. The thread waits, and another one is
  started for that time. So only few requests may wait.

A handler finds the `SuspendedRequest` of its request with `suspended_request_of`. Its listener is
told when the client has left or the server drains, and must then end it at once.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Protocol

ENVIRON_KEY: Final = "imgup.parking"

_SLACK_BYTES = 512 * 1024
"""Limit of unread bytes of a stream, besides the response's beginning."""


class Connection(Protocol):
    """The methods of `service.http.channel.Channel` used here."""

    @property
    def total_outbufs_len(self) -> int: ...

    def write_now(self, data: bytes) -> bool: ...

    def end_suspended(self) -> None: ...

    def abandon(self) -> None: ...

    def wait(self, listener: "SuspensionListener") -> AbstractContextManager[None]: ...


class SuspensionListener(Protocol):
    """The listener of a suspended request. Called by the server's thread, so it must not block."""

    def left(self) -> None:
        """The client is gone. May be called several times, and before `begin`."""
        ...

    def drain(self) -> None:
        """The server drains: the request must end soon. May be called several times."""
        ...


class Stream:
    """The rest of a response. Not thread-safe.

    Args:
        connection: of the client.
        is_chunked: whether it is sent in chunks (RFC 9112, section 7.1); else it ends with the
            connection.
    """

    def __init__(self, connection: Connection, *, is_chunked: bool) -> None:
        self._connection = connection
        self._is_chunked = is_chunked
        self._max_unread = connection.total_outbufs_len + _SLACK_BYTES

    def send(self, data: bytes) -> bool:
        """Send data without blocking.

        Returns:
            False if the client is gone, or its unread data exceeds the limit.
        """
        connection = self._connection
        if connection.total_outbufs_len > self._max_unread:
            connection.abandon()
            return False
        return connection.write_now(
            b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data
        )

    def end(self) -> None:
        """End the response; the connection closes when all is read."""
        if self._is_chunked:
            self._connection.write_now(b"0\r\n\r\n")
        self._connection.end_suspended()


class SuspendedError(BaseException):
    """Suspends a request by leaving its thread. Not an `Exception`, so that no handler catches it.

    Args:
        listener: of the request.
        begin: called when it is suspended.
    """

    def __init__(self, listener: SuspensionListener, begin: Callable[[], None]) -> None:
        super().__init__("parked")
        self.listener = listener
        self.begin = begin


class SuspendedRequest:
    """Suspends a request.

    Args:
        connection: of the request.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._streaming: tuple[SuspensionListener, Callable[[Stream], None]] | None = None

    def abandon(self) -> None:
        """Close the connection soon, whatever of its answer is unread."""
        self._connection.abandon()

    def stream(self, listener: SuspensionListener, begin: Callable[[Stream], None]) -> None:
        """Let the answer go on when the handler has returned, and what it gave as a stream without
        a length has been sent.

        Args:
            listener: of the request.
            begin: called with the rest of the answer, by the thread that leaves; it must not wait.
        """
        self._streaming = listener, begin

    def wait(self, listener: SuspensionListener) -> AbstractContextManager[None]:
        """Let the request wait in its thread: as long as this lasts, another one is there in
        place of that.

        The body, if there was one, is read: what it said must be kept.

        Args:
            listener: told to drain, it ends the wait.
        """
        return self._connection.wait(listener)

    def leave(self, *, is_chunked: bool) -> None:
        """For the server: the answer has begun; raises if it is to go on.

        Args:
            is_chunked: see `Stream`.
        """
        if self._streaming is not None:
            listener, begin = self._streaming
            stream = Stream(self._connection, is_chunked=is_chunked)
            raise SuspendedError(listener, lambda: begin(stream))


def suspended_request_of(environ: dict[str, object]) -> SuspendedRequest | None:
    """The way out of a request, by its WSGI environment; None under another server."""
    suspended = environ.get(ENVIRON_KEY)
    return suspended if isinstance(suspended, SuspendedRequest) else None
