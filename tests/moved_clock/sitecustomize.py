"""Read by every Python process that finds this folder in PYTHONPATH: hours that pass in a moment.

The wall clock and the clock that goes on while the machine sleeps are ahead by what the file named
in CLOCK_AHEAD_FILE says, in seconds, at each call. All other clocks are as they were, so that no
lease and no timeout is over by that.
"""

import os
import time

_true_time, _true_clock = time.time, time.clock_gettime
_ahead_file = os.environ["CLOCK_AHEAD_FILE"]


def _ahead() -> float:
    with open(_ahead_file) as file:  # noqa: PTH123 - pathlib is not imported this early
        return float(file.read() or 0)


def _moved_clock(clock: int) -> float:
    return _true_clock(clock) + (_ahead() if clock == time.CLOCK_BOOTTIME else 0.0)


time.time = lambda: _true_time() + _ahead()
time.clock_gettime = _moved_clock
