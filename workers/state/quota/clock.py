"""The clock of long waits."""

import time


def long_clock() -> float:
    """Seconds that only go forward, and go on while the machine sleeps, where the system has such a
    clock: an hour that Imgur asks for is over after a night in a bag.
    """
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
