"""SIGTERM and SIGINT as a file descriptor to wait for."""

import os
import signal
from types import FrameType
from typing import Self

from workers import flush_logs

_WANTED = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """While entered: the first stop signal makes `fileno` readable, a second ends the process.

    The second one skips the drain, without any cleanup; the children detect the end of their parent
    and end too.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._previous = [(wanted, signal.signal(wanted, self._note)) for wanted in _WANTED]
        return self

    def __exit__(self, *_: object) -> None:
        for wanted, handler in self._previous:
            signal.signal(wanted, handler)
        os.close(self._reader)
        os.close(self._writer)

    def fileno(self) -> int:
        """Return the descriptor, readable from the first signal on."""
        return self._reader

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            flush_logs()
            os._exit(128 + number)
        self.received = signal.Signals(number)
        os.write(self._writer, b"!")
