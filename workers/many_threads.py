"""Memory that one thread frees is there for the others."""

import contextlib
import ctypes
from typing import Final

_M_ARENA_MAX: Final = -8  # mallopt(3)


def share_one_arena() -> None:
    """Let all threads of this process allocate from one arena; before it starts any.

    glibc gives threads arenas of their own. Jobs come in by any thread and are freed by any other,
    so that each arena would grow to what the largest jobs took: measured, twice the memory that was
    in use. Threads that hold the interpreter's lock do not contend for an arena.
    """
    # Other C libraries have no such function, and no such arenas.
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
