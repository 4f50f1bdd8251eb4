"""A spool for an image's bytes until the upload."""

import contextlib
import io
import tempfile
from mmap import ACCESS_READ, mmap
from typing import BinaryIO

from workers.contract.errors import DownloadError, Reason
from workers.worker.http.byte_budget import BudgetedBuffer, ByteBudget


class Spool:
    """Bytes in memory, or in a temporary file beyond a limit or without budget.

    Args:
        memory_bytes: maximum in memory.
        budget: memory that the lanes of a worker share.
    """

    def __init__(self, memory_bytes: int, budget: ByteBudget) -> None:
        self._memory_bytes = memory_bytes
        self._memory: BudgetedBuffer | None = BudgetedBuffer(budget)
        self._file: BinaryIO = self._memory
        self.size = 0

    def write(self, piece: bytes | memoryview) -> None:
        self.size += len(piece)
        try:
            memory, is_long = self._memory, self.size > self._memory_bytes
            if memory is not None and (is_long or not memory.extend(len(piece))):
                self._spill(memory)
            self._file.write(piece)
        except OSError as error:
            raise storage_full() from error

    def rewind(self) -> BinaryIO:
        try:
            self._file.seek(0)  # flushes the file's buffer
        except OSError as error:
            raise storage_full() from error
        return self._file

    def discard(self) -> None:
        # With a full disk the last flush fails again; the file is closed nevertheless.
        with contextlib.suppress(OSError):
            self._file.close()

    def _spill(self, memory: BudgetedBuffer) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - the receiver of the download closes it
        self._memory = None
        with memory:
            self._file.write(memory.getvalue())


def view_of(file: BinaryIO) -> memoryview:
    """All bytes of a spooled file, without a copy.

    Parts of it, and errors that hold some, may outlive it: the file can be closed nevertheless.

    Raises:
        DownloadError: the process has no file descriptor left for it.
    """
    if isinstance(file, io.BytesIO):
        return memoryview(file.getvalue())
    try:
        return memoryview(mmap(file.fileno(), 0, access=ACCESS_READ))
    except OSError as error:
        raise storage_full() from error


def storage_full() -> DownloadError:
    """Return the error of an image for which there is no disk space, memory or descriptor now."""
    return DownloadError(
        Reason.STORAGE_FULL, "The service has no room for the image at the moment.", transient=True
    )
