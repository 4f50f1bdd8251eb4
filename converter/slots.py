"""Limits the number of conversions on one machine, over all workers."""

import fcntl
import os
from pathlib import Path


class Slots:
    """A number of files to be locked; the system unlocks those of a dead process.

    Workers with the same folder share them.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._paths = [folder / f"converter-{number}" for number in range(count)]

    def take(self) -> int | None:
        """Lock a file and return its descriptor, to be closed; None if all are locked."""
        for path in self._paths:
            slot = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(slot)
            else:
                return slot
        return None
