"""SIGTERM and SIGINT as a file descriptor to wait for."""

import os
import signal
from types import FrameType
from typing import Self

from workers import WakeupPipe, flush_logs

_WANTED = (signal.SIGTERM, signal.SIGINT)


class StopSignals(WakeupPipe):
    """While entered: the first stop signal makes it readable, a second ends the process.

    The second one skips the drain, without any cleanup; the children detect the end of their parent
    and end too.
    """

    received: signal.Signals | None = None

    def __enter__(self) -> Self:
        self._previous = [(wanted, signal.signal(wanted, self._note)) for wanted in _WANTED]
        return self

    def __exit__(self, *_: object) -> None:
        for wanted, handler in self._previous:
            signal.signal(wanted, handler)
        self.close()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            flush_logs()
            os._exit(128 + number)
        self.received = signal.Signals(number)
        self.ring()
