"""Requests that wait for a thread: clients take turns, and each has a maximum number of threads.

With one queue in the order of arrival, each client would wait for all requests of the client that
sends most.
"""

from collections import Counter, deque
from collections.abc import Iterator
from typing import Protocol


class Request(Protocol):
    """A request for a thread; a channel, with its first request."""

    @property
    def group(self) -> str:
        """The client."""

    def service(self) -> None: ...
    def cancel(self) -> None: ...


class RequestQueue:
    """Replaces waitress's deque. True if a request may be handled now; others wait for a thread of
    the same client. Not thread-safe.

    Args:
        most: maximum number of threads for one client.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        # No queue is empty. The first client that may have another thread has the next turn; it is
        # found at once, as there are few threads, and so few clients that have the maximum.
        self._waiting: dict[str, deque[Request]] = {}
        self._threads: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return any(True for _ in self._eligible())

    def append(self, request: Request) -> None:
        self._waiting.setdefault(request.group, deque()).append(request)

    def popleft(self) -> Request:
        """Return the next request; it counts as a thread of its client until `release`.

        Raises:
            IndexError: no request may be handled now.
        """
        client = next(self._eligible(), None)
        if client is None:
            raise IndexError
        waiting = self._waiting.pop(client)
        request = waiting.popleft()
        if waiting:
            self._waiting[client] = waiting  # behind all others
        self._threads[client] += 1
        return request

    def release(self, client: str) -> None:
        """Count one thread of a client less."""
        self._threads[client] -= 1
        if not self._threads[client]:
            del self._threads[client]

    def resume(self, client: str) -> None:
        """Count a released thread again, which continues its request; may exceed the maximum."""
        self._threads[client] += 1

    def drop_all(self) -> list[Request]:
        """Remove and return all queued requests."""
        dropped = [request for waiting in self._waiting.values() for request in waiting]
        self._waiting.clear()
        return dropped

    def _eligible(self) -> Iterator[str]:
        return (client for client in self._waiting if self._threads[client] < self._most)
