"""What a process sets before it starts many threads, some of which work on megabytes."""

import contextlib
import ctypes
import sys
from typing import Final

_SWITCH_SECONDS: Final = 0.001
_M_MMAP_THRESHOLD: Final = -3  # mallopt(3)
_M_ARENA_MAX: Final = -8
_LARGE_BYTES: Final = 1024**2


def prepare_for_many_threads() -> None:
    """Let long work hold up short work less, and memory that one thread frees be there for all.

    A short request takes the interpreter's lock several times, and waits for it each time for as
    long as a thread may keep it while others want it: 5 ms by default.

    glibc gives threads arenas of their own. Jobs come in by any thread and are freed by any other,
    so that each arena would grow to what the largest jobs took: measured, twice the memory that was
    in use. Threads that hold the interpreter's lock do not contend for an arena.

    What is large comes from the system and goes back to it. By itself glibc ends that once the
    first such piece was freed, and what small ones among them then kept was more than was in use.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    # Other C libraries have no such function, and no such arenas.
    with contextlib.suppress(AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
