"""The clock of long waits."""

import time


def long_clock() -> float:
    """Return monotonic seconds that include the time in which the machine sleeps, where the system
    has such a clock: a pause of an hour is over after a night of suspend.
    """
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
