"""Where the bytes of an image lie until they are uploaded."""

import contextlib
import io
import tempfile
from typing import BinaryIO

from workers.errors import DownloadError, Reason


class Storage:
    """Bytes in memory, or in a temporary file once they are many.

    Args:
        memory_bytes: how many may stay in memory.
    """

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._file: BinaryIO = io.BytesIO()
        self._in_memory = True
        self.size = 0

    def write(self, piece: bytes) -> None:
        self.size += len(piece)
        try:
            if self._in_memory and self.size > self._memory_bytes:
                self._spill()
            self._file.write(piece)
        except OSError as error:
            raise _storage_full() from error

    def rewind(self) -> BinaryIO:
        try:
            self._file.seek(0)  # writes out what is still in the file's buffer
        except OSError as error:
            raise _storage_full() from error
        return self._file

    def discard(self) -> None:
        # A full disk fails the last write of the buffer once more; the file is closed all the same.
        with contextlib.suppress(OSError):
            self._file.close()

    def _spill(self) -> None:
        assert isinstance(self._file, io.BytesIO)  # noqa: S101 - tells the type checker
        held = self._file.getvalue()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever gets the download closes it
        self._in_memory = False
        self._file.write(held)


def _storage_full() -> DownloadError:
    return DownloadError(
        Reason.STORAGE_FULL,
        "The service has no room for the image at the moment.",
        transient=True,
    )
