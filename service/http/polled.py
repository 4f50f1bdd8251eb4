"""The sockets that the server's loop polls; events are updated only when they may have changed.

Waitress's own loop updates all connections in each turn, and a body of megabytes arrives in
hundreds of turns: with hundreds of idle connections that took most of the loop's time.
"""

import select
import time
from collections import deque
from typing import Any, Final

from waitress import wasyncore

# Not urgent data (POLLPRI): it is never read, so the event would repeat without end.
_READ: Final = select.POLLIN
_WRITING_SECONDS: Final = 0.005


class Polled(dict[int, Any]):
    """Waitress's map of descriptors to dispatchers.

    The events of a dispatcher are updated when it is added, removed, or has read or written; after
    any other change `update_events` must be called.
    """

    def __init__(self) -> None:
        super().__init__()
        self._poll = select.poll()
        self._registered: dict[int, int] = {}
        # Threads other than the loop's may close a connection.
        self._changed: deque[int] = deque()
        self._last_written = -1

    def __setitem__(self, descriptor: int, polled: Any) -> None:  # noqa: ANN401 - waitress's
        super().__setitem__(descriptor, polled)
        self._changed.append(descriptor)

    def __delitem__(self, descriptor: int) -> None:
        super().__delitem__(descriptor)
        self._changed.append(descriptor)

    def update_events(self, descriptor: int) -> None:
        """Update the events of a descriptor before the next turn."""
        self._changed.append(descriptor)

    def update_all(self) -> None:
        """Update the events of all descriptors before the next turn."""
        self._changed.extend(self)

    def turn(self, seconds: float) -> None:
        """Wait for events, for a maximum time, and handle them.

        Reading has priority, as requests arrive by it. Hundreds of clients may all read a little at
        the same time, and each send lets other threads run. So writing has a maximum time, and the
        next turn continues with the other clients.
        """
        changed = self._changed
        while changed:
            self._register(changed.popleft())
        found = self._poll.poll(seconds * 1000)
        found.sort(key=lambda one: (not one[1] & _READ, one[0] <= self._last_written))
        until: float | None = None
        for descriptor, events in found:
            if until is None and not events & _READ:
                until = time.monotonic() + _WRITING_SECONDS
            polled, wanted = self.get(descriptor), self._register(descriptor)
            # A dispatcher handled before may have changed the events of this one, or closed it.
            if polled is not None and wanted:
                wasyncore.readwrite(polled, events & (wanted | ~(_READ | select.POLLOUT)))
                changed.append(descriptor)
            if until is not None:
                self._last_written = descriptor
                if time.monotonic() > until:
                    return

    def _register(self, descriptor: int) -> int:
        """Poll for the events of a descriptor; return them, 0 if it is closed."""
        polled = self.get(descriptor)
        wanted = 0 if polled is None else _interest(polled)
        if wanted != self._registered.get(descriptor, 0):
            if wanted:
                self._registered[descriptor] = wanted
                self._poll.register(descriptor, wanted)
            else:
                del self._registered[descriptor]
                self._poll.unregister(descriptor)
        return wanted


def _interest(polled: Any) -> int:  # noqa: ANN401 - waitress's
    # A listening socket is never written to.
    writes = polled.writable() and not polled.accepting
    return (_READ if polled.readable() else 0) | (select.POLLOUT if writes else 0)
