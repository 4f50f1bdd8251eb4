"""Requests that wait for a thread: clients take turns, and none has more than so many threads.

One queue in the order of arrival made each client wait for all requests of whoever sent most.
"""

from collections import Counter, OrderedDict, deque
from typing import Protocol


class Request(Protocol):
    """What a thread is to answer; a connection, with its first request."""

    @property
    def group(self) -> str:
        """The client that it is of."""
        ...

    def service(self) -> None: ...

    def cancel(self) -> None: ...


class RequestQueue:
    """Stands where waitress has a deque. Its length counts only what may be answered now: the rest
    waits for a thread that answers the same client. Not safe for threads by itself.

    Args:
        most: threads that answer one client at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        # No queue is empty; the first of these clients has the next turn.
        self._waiting: OrderedDict[str, deque[Request]] = OrderedDict()
        # Of those the ones that have fewer threads than they may.
        self._eligible: OrderedDict[str, None] = OrderedDict()
        self._threads: Counter[str] = Counter()

    def __len__(self) -> int:
        return sum(
            min(len(self._waiting[client]), self._most - self._threads[client])
            for client in self._eligible
        )

    def __bool__(self) -> bool:
        return bool(self._eligible)

    def append(self, request: Request) -> None:
        """A request waits."""
        client = request.group
        self._waiting.setdefault(client, deque()).append(request)
        self._judge(client)

    def popleft(self) -> Request:
        """The next request to answer; it has a thread until `release`.

        Raises:
            KeyError: there is none.
        """
        client, _ = self._eligible.popitem(last=False)
        waiting = self._waiting[client]
        request = waiting.popleft()
        if not waiting:
            del self._waiting[client]
        self._threads[client] += 1
        self._judge(client)
        return request

    def release(self, client: str) -> None:
        """A thread does not answer this client any more, or waits with its request."""
        self._threads[client] -= 1
        if not self._threads[client]:
            del self._threads[client]
        self._judge(client)

    def resume(self, client: str) -> None:
        """A thread that was released goes on with its request, beyond the bound if need be."""
        self._threads[client] += 1
        if self._threads[client] >= self._most:
            self._eligible.pop(client, None)

    def drop_all(self) -> list[Request]:
        """Take out whatever waits."""
        dropped = [request for waiting in self._waiting.values() for request in waiting]
        self._waiting.clear()
        self._eligible.clear()
        return dropped

    def _judge(self, client: str) -> None:
        if client in self._waiting and self._threads[client] < self._most:
            self._eligible.setdefault(client)
