"""Read by every Python process that finds this folder in PYTHONPATH: a wall clock that is set.

``time.time`` is off by what the file named in CLOCK_OFFSET_FILE says, in seconds, at each call; so
a test sets the clock of a whole service, and nobody else's.
"""

import os
import time

_true_time = time.time
_offset_file = os.environ["CLOCK_OFFSET_FILE"]


def _set_time() -> float:
    with open(_offset_file) as file:  # noqa: PTH123 - pathlib is not imported this early
        return _true_time() + float(file.read() or 0)


time.time = _set_time
