"""A self-pipe: wakes a thread that waits for file descriptors."""

import contextlib
import os

_PIPE_BYTES = 65_536  # capacity of a pipe (pipe(7)); a rest would only wake once more


class WakeupPipe:
    """Readable from the first `ring` until `hush`. Thread-safe."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def close(self) -> None:
        """Close the pipe; `ring` must not be called any more."""
        os.close(self._reader)
        os.close(self._writer)

    def fileno(self) -> int:
        return self._reader

    def ring(self) -> None:
        """Wake the waiting thread; several calls before that count as one."""
        with contextlib.suppress(BlockingIOError):  # full: the wakeup is pending
            os.write(self._writer, b"!")

    def hush(self) -> None:
        """Reset; call it before checking the condition."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._reader, _PIPE_BYTES)
