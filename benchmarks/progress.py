"""What is said while a run goes on; the report itself goes to stdout."""

import os
import sys
import time

_BEGAN = time.monotonic()


def say(what: str) -> None:
    """One line on stderr, with the seconds since the start and the machine's load."""
    seconds, load = time.monotonic() - _BEGAN, os.getloadavg()[0]
    sys.stderr.write(f"bench {seconds:5.0f} s, load {load:4.1f}: {what}\n")
