"""How many lanes of a worker are of use at the moment.

With real latencies the number of transfers under way is the limit, and a worker wants all of its
lanes. Where the processor is the limit, more lanes move no more images; each only waits longer for
its turn, and so does the image of a small job that comes now. What tells the two apart is measured:
a thread that sleeps for a moment and wakes late has had to wait for the interpreter or for a core,
and if this process itself used most of one meanwhile, its own lanes are why.
"""

import threading
import time
from collections.abc import Callable

FEWEST = 4
"""Lanes that are always of use: while one is on the processor others wait for the network."""

_BEAT_SECONDS = 0.02
_BEATS = 5  # a look at the figures each tenth of a second
_LATE_SECONDS = 0.004  # a busy interpreter passes itself on after 5 ms (sys.getswitchinterval)
_BUSY_SHARE = 0.5  # of one core


class Pace:
    """The lanes allowed, between `FEWEST` and all.

    Args:
        lanes: all there are.
    """

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes
        self.allowed = min(FEWEST, lanes)

    def note(self, late_seconds: float, busy_share: float) -> None:
        """Take in how a moment went.

        Args:
            late_seconds: how late this process came to run, on average.
            busy_share: of one core, used by this process.
        """
        if late_seconds > _LATE_SECONDS and busy_share > _BUSY_SHARE:
            self.allowed = max(min(FEWEST, self._lanes), int(self.allowed * 0.8))
        else:
            self.allowed = min(self._lanes, self.allowed * 3 // 2)


class Pacemaker:
    """The thread that measures, and tells the pace.

    Args:
        pace: what is told.
        on_change: called after a change.
    """

    def __init__(self, pace: Pace, on_change: Callable[[], None]) -> None:
        self._pace = pace
        self._on_change = on_change
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pacemaker", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            wall, used, late = time.monotonic(), time.process_time(), 0.0
            for _ in range(_BEATS):
                due = time.monotonic() + _BEAT_SECONDS
                time.sleep(_BEAT_SECONDS)  # an event's wait would wake twice
                late += time.monotonic() - due
            before = self._pace.allowed
            share = (time.process_time() - used) / (time.monotonic() - wall)
            self._pace.note(late / _BEATS, share)
            if self._pace.allowed != before:
                self._on_change()
