"""Kills something again and again: a process drawn by lot, or what a subclass says."""

import os
import random
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Self


class RepeatedKills:
    """Kills while entered.

    Args:
        every_seconds: between two kills.

    Attributes:
        kills: how many there were.
    """

    def __init__(self, every_seconds: float) -> None:
        self._every_seconds = every_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._kill_on, name="killer", daemon=True)
        self.kills = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopping.set()
        self._thread.join()

    def kill(self) -> bool:
        """Kill one; False if there was none."""
        raise NotImplementedError

    def mend(self) -> None:
        """What follows on a kill."""

    def _kill_on(self) -> None:
        while not self._stopping.wait(self._every_seconds):
            if self.kill():
                self.kills += 1
                self.mend()


class Killer(RepeatedKills):
    """Kills processes.

    Args:
        victims: the processes to draw from.
        every_seconds: between two kills.
    """

    def __init__(self, victims: Callable[[], Sequence[int]], every_seconds: float) -> None:
        super().__init__(every_seconds)
        self._victims = victims
        self._chance = random.Random(11)

    def kill(self) -> bool:
        victims = self._victims()
        if not victims:
            return False
        try:
            os.kill(self._chance.choice(victims), signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True


def after_progress(
    victims: Callable[[], Sequence[int]], open_urls: Callable[[], int]
) -> Callable[[], Sequence[int]]:
    """The victims if a URL has ended since they were last asked for, or if none is open: on a busy
    machine a worker may take longer to start than a kill.
    """
    seen = -1

    def found() -> Sequence[int]:
        nonlocal seen
        before, seen = seen, open_urls()
        return [] if before == seen > 0 else victims()

    return found
