"""Reads the bytes of data URLs from the mailbox."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from workers.contract.messages.round_trip import DATA_PIECE_BYTES


class DataReader:
    """Reads the data URL of a lease, piece by piece.

    All lanes read through one thread, as each thread that calls the Manager has a connection and a
    thread there. It starts with the first data URL.

    `read` is that of the mailbox, for this worker; see `Mailbox.read_data`.
    """

    def __init__(self, read: Callable[[int, int], bytes | None]) -> None:
        self._read = read
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="data-urls")

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def pieces(self, token: int) -> Iterator[bytes]:
        """Yield the bytes of the data URL of a lease, in order.

        Raises:
            LeaseLostError: the lease is not valid any more.
            BackendLostError: the mailbox is gone.
        """
        start = 0
        while True:
            piece = self._thread.submit(self._read, token, start).result()
            if piece is None:
                raise LeaseLostError
            yield piece
            start += len(piece)
            if len(piece) < DATA_PIECE_BYTES:
                return


class LeaseLostError(Exception):
    """The lease had passed to another worker."""
