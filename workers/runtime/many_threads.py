"""Interpreter and allocator settings of processes with many threads."""

import contextlib
import ctypes
import sys
from typing import Final

_SWITCH_SECONDS: Final = 0.001
_M_MMAP_THRESHOLD: Final = -3  # mallopt(3)
_M_ARENA_MAX: Final = -8
_LARGE_BYTES: Final = 1024**2


def prepare_for_many_threads() -> None:
    """Reduce the latency of short requests, and the memory fragmentation of glibc.

    A short request acquires the interpreter's lock several times, and each time waits up to the
    switch interval: 5 ms by default.

    glibc gives threads their own arenas. Any thread may allocate a job and any other free it, so
    each arena would grow to the size of the largest jobs: measured, twice the memory in use.
    Threads that hold the interpreter's lock do not contend for an arena.

    A fixed threshold keeps large blocks in mappings of their own, which are returned to the system.
    By default glibc raises it after the first free; small blocks then kept more than was in use.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    # Other C libraries have neither mallopt nor such arenas.
    with contextlib.suppress(AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
