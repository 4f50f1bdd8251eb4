"""Wakes a thread that waits for file descriptors, from any other thread."""

import contextlib
import os

_PIPE_BYTES = 65_536  # what a pipe holds (pipe(7)); anything left would only wake once more


class WakeupPipe:
    """A pipe to itself: readable from the first ring until it is hushed."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def close(self) -> None:
        """To be called when nobody rings it any more."""
        os.close(self._reader)
        os.close(self._writer)

    def fileno(self) -> int:
        """Readable once it has rung."""
        return self._reader

    def ring(self) -> None:
        """Wake whoever waits; rung again before that, it is once all the same."""
        with contextlib.suppress(BlockingIOError):  # full of rings that nobody has heard yet
            os.write(self._writer, b"!")

    def hush(self) -> None:
        """Take it as heard; to be called before looking for what it rang for."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._reader, _PIPE_BYTES)
