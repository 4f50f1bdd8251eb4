"""What the server's loop waits for; each is asked what it wants when that may have changed.

Waitress's own loop asks all connections in each turn, and a body of megabytes comes in hundreds of
turns: with hundreds of idle connections that took most of the loop's time.
"""

import select
import time
from collections import deque
from typing import Any, Final

from waitress import wasyncore

# Not urgent bytes (POLLPRI), as nobody reads them: they would be an event without end.
_READ: Final = select.POLLIN
_WRITING_SECONDS: Final = 0.005


class Polled(dict[int, Any]):
    """Waitress's map of descriptors to what reads and writes them.

    What is added, removed, or has just read or written is asked anew by itself; whoever changes
    anything else of it has to say so.
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

    def ask(self, descriptor: int) -> None:
        """One may wait for something else now."""
        self._changed.append(descriptor)

    def ask_all(self) -> None:
        """Any of them may."""
        self._changed.extend(self)

    def turn(self, seconds: float) -> None:
        """Wait for the first events, at most so long, and handle them.

        Reading goes first, as requests come so. Hundreds of readers may all take a little at the
        same time, and other threads get their turn with each byte that is sent: those for whom
        there is no time are the first ones later.
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
            # Those handled before may have changed what this one waits for, or closed it.
            if polled is not None and wanted:
                wasyncore.readwrite(polled, events & (wanted | ~(_READ | select.POLLOUT)))
                changed.append(descriptor)
            if until is not None:
                self._last_written = descriptor
                if time.monotonic() > until:
                    return

    def _register(self, descriptor: int) -> int:
        """Wait for what is wanted of a descriptor; returns that, 0 if it is closed."""
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
    # What listens is written to by nobody.
    writes = polled.writable() and not polled.accepting
    return (_READ if polled.readable() else 0) | (select.POLLOUT if writes else 0)
