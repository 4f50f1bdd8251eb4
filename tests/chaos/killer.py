"""Kills a process drawn by lot, again and again."""

import os
import random
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Self


class Killer:
    """Kills while entered.

    Args:
        victims: the processes to draw from.
        every_seconds: between two kills.

    Attributes:
        kills: how many there were.
    """

    def __init__(self, victims: Callable[[], Sequence[int]], every_seconds: float) -> None:
        self._victims = victims
        self._every_seconds = every_seconds
        self._chance = random.Random(11)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._kill_on, name="killer", daemon=True)
        self.kills = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _kill_on(self) -> None:
        while not self._stopping.wait(self._every_seconds):
            victims = self._victims()
            if not victims:
                continue
            try:
                os.kill(self._chance.choice(victims), signal.SIGKILL)
            except ProcessLookupError:
                continue
            self.kills += 1
