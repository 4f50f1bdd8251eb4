"""How many images are converted at once on one machine, over all workers."""

import fcntl
import os
from pathlib import Path


class Slots:
    """Files to be locked; the system gives back what a dead process held.

    Args:
        folder: where they are; workers with the same one share them.
        count: how many.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._paths = [folder / f"converter-{number}" for number in range(count)]

    def take(self) -> int | None:
        """Take one: a file descriptor, which gives it back by being closed; None: all are taken."""
        for path in self._paths:
            slot = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(slot)
            else:
                return slot
        return None
