"""How many lanes of a worker are of use at the moment.

With real latencies the number of transfers under way is the limit, and a worker wants all of its
lanes. Where the processor is the limit, more lanes move no more images; each only waits longer for
its turn, and so does the image of a small job that comes now. What tells the two apart is measured:
a thread that sleeps for a moment and wakes late has had to wait for the interpreter or for a core,
and if this process itself used most of one meanwhile, its own lanes are why.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from statistics import fmean

FEWEST = 2
"""Lanes that are always of use: while one is on the processor the other waits for the network."""

_BEAT_SECONDS = 0.02
_BEATS = 5  # a look at the figures each tenth of a second

_CALM_SECONDS = 0.000_3  # late by less: the interpreter is free when a lane wants it
_LATE_SECONDS = 0.000_4  # some four lanes wait before this one, 0.1 ms each
_VERY_LATE_SECONDS = 0.002
_KEPT_IF_LATE = 0.8
_KEPT_IF_VERY_LATE = 0.5
_LITTLE_SHARE = 0.25  # of a core: with less, its own lanes cannot be why
_MUCH_SHARE = 0.55  # with more, they are

_TRIAL_LOOKS = 5
_GAIN = 1.1  # what half as many lanes again must add to the share, or they only queue
_LOOKS_UNTIL_NEXT_TRIAL = 20


class Pace:
    """The lanes allowed, between `FEWEST` and all.

    Where it is plain whether the lanes hold each other up, they get more or fewer. In between, with
    other processes on the same cores for one, more are tried: the processor is used more if it
    was the network that they waited for, and hardly if it was each other.

    Args:
        lanes: all there are.
        core_share: of a core, that this process can count on; below 1 with more workers than cores.
    """

    def __init__(self, lanes: int, core_share: float = 1.0) -> None:
        self._lanes = lanes
        self._fewest = min(FEWEST, lanes)
        self._core_share = core_share
        self._shares: deque[float] = deque(maxlen=_TRIAL_LOOKS)
        self._before_trial: tuple[int, float] | None = None
        self._looks_until_trial = 0
        self.allowed = self._fewest

    def note(self, late_seconds: float, busy_share: float) -> None:
        """Take in how a moment went.

        Args:
            late_seconds: how late this process came to run, on average.
            busy_share: of one core, used by this process.
        """
        share = busy_share / self._core_share
        self._shares.append(share)
        if share < _LITTLE_SHARE or late_seconds < _CALM_SECONDS:
            self._before_trial = None
            self._grow(self.allowed // 2 if share < _MUCH_SHARE else 1)
        elif share > _MUCH_SHARE and late_seconds > _LATE_SECONDS:
            self._before_trial = None
            kept = _KEPT_IF_VERY_LATE if late_seconds > _VERY_LATE_SECONDS else _KEPT_IF_LATE
            self.allowed = max(self._fewest, int(self.allowed * kept))
        else:
            self._try_more()

    def _try_more(self) -> None:
        if self._before_trial is None:
            self._looks_until_trial -= 1
            if self._looks_until_trial > 0 or len(self._shares) < _TRIAL_LOOKS:
                return
            self._before_trial = self.allowed, fmean(self._shares)
            self._shares.clear()
            self._grow(self.allowed // 2)
        elif len(self._shares) == _TRIAL_LOOKS:
            allowed, share = self._before_trial
            self._before_trial = None
            if fmean(self._shares) < _GAIN * share:
                self.allowed = allowed
                self._looks_until_trial = _LOOKS_UNTIL_NEXT_TRIAL

    def _grow(self, by: int) -> None:
        self.allowed = min(self._lanes, self.allowed + max(1, by))


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
