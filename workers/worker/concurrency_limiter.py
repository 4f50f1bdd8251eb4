"""Limits the busy lanes of a worker to a useful number.

With real latencies the number of concurrent transfers is the bottleneck, and all lanes are useful.
If the CPU is the bottleneck, more lanes do not increase the throughput; each only waits longer, as
does the image of a new small job. A measurement tells the two apart: a thread that wakes late from
a short sleep had to wait for the interpreter's lock or a core, and if this process used most of a
core meanwhile, its own lanes are the cause.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

FEWEST = 16
"""Minimum number of lanes, always useful: while one uses the CPU others wait for the network or the
Manager; and the transfer thread reads several responses at once."""

_BEAT_SECONDS = 0.02
_BEATS = 5  # per measurement of 0.1 s

_FREE_SECONDS = 0.000_15  # less delay: the latency of the system only
_CALM_SECONDS = 0.000_3  # less delay: the interpreter's lock is mostly free
_LATE_SECONDS = 0.000_4  # about four lanes wait before this one, 0.1 ms each
_VERY_LATE_SECONDS = 0.002
_KEPT_IF_LATE = 0.8
_KEPT_IF_VERY_LATE = 0.5
_LITTLE_SHARE = 0.25  # of a core: with less, its own lanes are not the cause
_MUCH_SHARE = 0.55  # with more, they are

_LAST_LOOKS = 4  # averaged: lanes that begin together use a whole core briefly
_TRIAL_LOOKS = 8  # longer than the duration of such an image
_LOST = 0.9  # of the share, with a third fewer lanes: these were useful, so they are restored
_GAINED = 1.1  # with half as many more: with less gain they only wait
_LOOKS_UNTIL_FIRST_TRIAL = 20
_LOOKS_UNTIL_NEXT_TRIAL = 100


@dataclass(slots=True)
class _Trial:
    """A trial of another number of lanes; attributes hold the state before it."""

    allowed: int
    share: float
    looks: int = 0


class ConcurrencyLimiter:
    """The number of allowed lanes, between `FEWEST` and all.

    If it is clear whether the lanes delay each other, their number changes. Otherwise, for example
    with other processes on the same cores, it tries more and fewer in turn: with another number of
    lanes the CPU share changes if they wait for the network, and hardly if for each other.

    `core_share` is that of a core for this process; below 1 with more workers than cores.
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
        """Record a measurement.

        Args:
            late_seconds: average delay of waking up.
            busy_share: share of one core used by this process.
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
    """The thread that measures the load for a limiter.

    Args:
        limiter: gets the measurements.
        on_change: called after a change.
    """

    def __init__(self, limiter: ConcurrencyLimiter, on_change: Callable[[], None]) -> None:
        self._limiter = limiter
        self._on_change = on_change
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load-monitor", daemon=True)
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
