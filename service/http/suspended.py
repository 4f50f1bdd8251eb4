"""Suspended requests: long responses that hold no thread of the pool.

The web server has a few threads, and a request holds one until its response is complete. A
suspended request releases it:

- `SuspendedRequest.stream`: the response has begun, and continues piece by piece (server-sent
  events). Its connection stays open, at the cost of an idle one.
- `SuspendedRequest.wait`: there is nothing to send yet. The thread waits, and another one is
  started for that time. So only few requests may wait.

A handler gets the `SuspendedRequest` of its request from `suspended_request_of`. Its listener is
notified when the client has left or the server drains, and must then end it at once.
"""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable

ENVIRON_KEY: Final = "imgup.suspended"

_SLACK_BYTES = 512 * 1024
"""Limit of unread bytes of a stream, besides the beginning of the response."""


class SuspensionListener(Protocol):
    """The listener of a suspended request. Called by the server's thread, so it must not block."""

    def left(self) -> None:
        """The client has left. May be called several times, and before `begin`."""
        ...

    def drain(self) -> None:
        """The server drains: the request must end soon. May be called several times."""
        ...


class SuspendedRequest(Protocol):
    """A request that can be suspended; its connection, a `SuspendableChannel`."""

    @property
    def total_outbufs_len(self) -> int:
        """Number of bytes that are not sent yet."""
        ...

    def stream(self, listener: SuspensionListener, begin: "Callable[[Stream], None]") -> None:
        """Continue the response after the handler has returned and its body, without a length, is
        queued.

        Args:
            listener: of the request.
            begin: called with the rest of the response, by the request's thread; must not block.
        """
        ...

    def wait(self, listener: SuspensionListener) -> AbstractContextManager[None]:
        """While entered, another thread replaces the calling one, which waits.

        The body, which must have been read, is dropped. On `drain` the listener must end the wait.
        """
        ...

    def write_now(self, data: bytes) -> bool:
        """Queue data of a stream; returns False if the client has left."""
        ...

    def end_suspended(self) -> None:
        """End the response; the connection closes when all data is read."""
        ...

    def abandon(self) -> None:
        """Close the connection soon, even with unread data."""
        ...


class Stream:
    """The rest of a response. Not thread-safe.

    Args:
        request: whose response it is.
        is_chunked: whether it is sent in chunks (RFC 9112, section 7.1); else it ends with the
            connection.
    """

    def __init__(self, request: SuspendedRequest, *, is_chunked: bool) -> None:
        self._request = request
        self._is_chunked = is_chunked
        self._max_unread = request.total_outbufs_len + _SLACK_BYTES

    def send(self, data: bytes) -> bool:
        """Send data without blocking.

        Returns:
            False if the client has left, or its unread data exceeds the limit.
        """
        if self._request.total_outbufs_len > self._max_unread:
            self._request.abandon()
            return False
        chunk = b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data
        return self._request.write_now(chunk)

    def end(self) -> None:
        """End the response."""
        if self._is_chunked:
            self._request.write_now(b"0\r\n\r\n")
        self._request.end_suspended()


def suspended_request_of(environ: dict[str, object]) -> SuspendedRequest | None:
    """Return the request of a WSGI environment; None under another server."""
    return cast("SuspendedRequest | None", environ.get(ENVIRON_KEY))
