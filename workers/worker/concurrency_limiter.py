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
from dataclasses import dataclass
from statistics import fmean

FEWEST = 16
"""Lanes that are always of use: while one is on the processor others wait for the network, or for
the next trip to the Manager; and the thread of the transfers reads several answers in a turn."""

_BEAT_SECONDS = 0.02
_BEATS = 5  # a look at the figures each tenth of a second

_FREE_SECONDS = 0.000_15  # late by less: as soon as the system lets a thread run
_CALM_SECONDS = 0.000_3  # by less: the interpreter is mostly free when a lane wants it
_LATE_SECONDS = 0.000_4  # some four lanes wait before this one, 0.1 ms each
_VERY_LATE_SECONDS = 0.002
_KEPT_IF_LATE = 0.8
_KEPT_IF_VERY_LATE = 0.5
_LITTLE_SHARE = 0.25  # of a core: with less, its own lanes cannot be why
_MUCH_SHARE = 0.55  # with more, they are

_LAST_LOOKS = 4  # whose mean counts: lanes that begin together use all of a core for a moment
_TRIAL_LOOKS = 8  # longer than an image takes with which a process is this busy
_LOST = 0.9  # of the share, with a third fewer lanes: these were of use, so they come back
_GAINED = 1.1  # with half as many again: less, and they only queue
_LOOKS_UNTIL_FIRST_TRIAL = 20
_LOOKS_UNTIL_NEXT_TRIAL = 100


@dataclass(slots=True)
class _Trial:
    """Another number of lanes, and how it was before."""

    allowed: int
    share: float
    looks: int = 0


class ConcurrencyLimiter:
    """The lanes allowed, between `FEWEST` and all.

    Where it is plain whether the lanes hold each other up, they get more or fewer. In between, with
    other processes on the same cores for one, both are tried in turn: another number of lanes uses
    another share of the processor if it is the network that they wait for, and hardly if it is
    each other.

    Args:
        lanes: all there are.
        core_share: of a core, that this process can count on; below 1 with more workers than cores.
    """

    def __init__(self, lanes: int, core_share: float = 1.0) -> None:
        self._lanes = lanes
        self._fewest = min(FEWEST, lanes)
        self._core_share = core_share
        self._shares: deque[float] = deque(maxlen=_LAST_LOOKS)
        self._late: deque[float] = deque(maxlen=_LAST_LOOKS)
        self._trial: _Trial | None = None
        self._looks_until_trial = _LOOKS_UNTIL_FIRST_TRIAL
        self._tries_more = False
        self.allowed = self._fewest

    def note(self, late_seconds: float, busy_share: float) -> None:
        """Take in how a moment went.

        Args:
            late_seconds: how late this process came to run, on average.
            busy_share: of one core, used by this process.
        """
        self._shares.append(busy_share / self._core_share)
        self._late.append(late_seconds)
        share, late = fmean(self._shares), fmean(self._late)
        if share > _MUCH_SHARE:
            self._trial = None
            if late > _LATE_SECONDS:
                very = late > _VERY_LATE_SECONDS
                self._shrink(_KEPT_IF_VERY_LATE if very else _KEPT_IF_LATE)
            elif late < _FREE_SECONDS:
                self._grow(1)
        elif share < _LITTLE_SHARE or late < _CALM_SECONDS:
            if self._trial is not None and not self._tries_more:
                self._take_back(self._trial)
            self._trial = None
            self._grow(self.allowed // 2)
        else:
            self._try(share)

    def _try(self, share: float) -> None:
        if self._trial is not None:
            self._trial.looks += 1
            if self._trial.looks == _TRIAL_LOOKS:
                self._judge(self._trial, share)
            return
        self._looks_until_trial -= 1
        if self._looks_until_trial <= 0:
            self._trial = _Trial(self.allowed, share)
            at_an_end = self.allowed in {self._fewest, self._lanes}
            self._tries_more = self.allowed == self._fewest if at_an_end else self._tries_more
            if self._tries_more:
                self._grow(self.allowed // 2)
            else:
                self._shrink(2 / 3)

    def _judge(self, trial: _Trial, share: float) -> None:
        self._trial = None
        if share < (_GAINED if self._tries_more else _LOST) * trial.share:
            self._take_back(trial)

    def _take_back(self, trial: _Trial) -> None:
        self.allowed = trial.allowed
        self._tries_more = not self._tries_more
        self._looks_until_trial = _LOOKS_UNTIL_NEXT_TRIAL

    def _shrink(self, factor: float) -> None:
        self.allowed = max(self._fewest, int(self.allowed * factor))

    def _grow(self, by: int) -> None:
        self.allowed = min(self._lanes, self.allowed + max(1, by))


class LoadMonitor:
    """The thread that measures, and tells the pace.

    Args:
        limiter: what is told.
        on_change: called after a change.
    """

    def __init__(self, limiter: ConcurrencyLimiter, on_change: Callable[[], None]) -> None:
        self._limiter = limiter
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
            before = self._limiter.allowed
            share = (time.process_time() - used) / (time.monotonic() - wall)
            self._limiter.note(late / _BEATS, share)
            if self._limiter.allowed != before:
                self._on_change()
