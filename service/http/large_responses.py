"""Sends responses of megabytes without holding a thread, and without a copy for each client.

Waitress copies bytes, from 1 MiB on to a temporary file, and holds the thread while more than
16 MiB wait for a slow client. From a file it reads what the socket takes.
"""

import threading
import weakref
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from os import SEEK_CUR, SEEK_END, SEEK_SET

import falcon

from service.http.suspended import SuspendableChannel, suspended_request_of
from service.problems.problems import Problem
from workers import share_left

_SMALL_BYTES = 64 * 1024  # a copy costs no more than the rest of a response
_RETRY_SECONDS = 5


class PiecesFile:
    """Pieces of bytes, read as one file.

    Args:
        pieces: shared with other responses.
        on_close: called once, when all is sent or the client has left.
    """

    def __init__(self, pieces: tuple[bytes, ...], on_close: Callable[[], object]) -> None:
        self._pieces = pieces
        self._ends = list(accumulate(map(len, pieces)))
        self._position = 0
        # Also if nobody closes it: a response may fail before it reaches the server.
        self._finalize = weakref.finalize(self, on_close)

    def close(self) -> None:
        self._finalize()
        self._pieces = ()  # a reference to the closed file does not keep the memory

    def read(self, size: int | None = None, /) -> bytes:
        """Return at most `size` bytes of one piece; empty at the end only."""
        # The first piece that ends after the position, so that empty ones are skipped.
        index = bisect_right(self._ends, self._position)
        if index >= len(self._pieces):
            return b""
        piece = self._pieces[index]
        begin = self._position - self._ends[index] + len(piece)
        data = piece[begin : None if size is None else begin + size]
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        origins = {SEEK_SET: 0, SEEK_CUR: self._position, SEEK_END: self._ends[-1]}
        self._position = origins[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position


@dataclass(frozen=True, slots=True, eq=False)
class _Reader:
    """A client that receives a response; `pieces` is the id of the object."""

    pieces: int
    size: int
    tenant: str
    suspended: SuspendableChannel | None


class LargeResponses:
    """The large responses that are being sent. Thread-safe.

    Without memory for another one, the oldest response of the client that holds the most memory is
    aborted, so that there is room when the refused client tries again. A response that is sent to
    several clients counts once, for the first of them.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._readers: dict[_Reader, None] = {}  # the oldest first
        # Ended ones: the garbage collector may close a file at any moment, even while this thread
        # holds the lock.
        self._ended: deque[_Reader] = deque()

    def check(self, req: falcon.Request, least_bytes: int, tenant: str) -> None:
        """Check before rendering that there is memory for a response.

        Args:
            req: the request.
            least_bytes: minimum memory of the response that it shares with no other.
            tenant: whose share of the memory it uses.

        Raises:
            Problem: 503, without memory.
        """
        if least_bytes <= _SMALL_BYTES or req.method == "HEAD":
            return
        with self._lock:
            self._require_room(least_bytes, tenant, self._payers())

    def send(
        self, req: falcon.Request, resp: falcon.Response, pieces: tuple[bytes, ...], tenant: str
    ) -> None:
        """Set the body of a response; it must not be empty.

        Raises:
            Problem: 503, without memory.
        """
        size = sum(map(len, pieces))
        if size <= _SMALL_BYTES:
            resp.data = b"".join(pieces)
        elif req.method == "HEAD":
            resp.content_length = size
        else:
            reader = _Reader(id(pieces), size, tenant, suspended_request_of(req.env))
            with self._lock:
                payers = self._payers()
                if reader.pieces not in payers:
                    self._require_room(size, tenant, payers)
                self._readers[reader] = None
            resp.set_stream(PiecesFile(pieces, partial(self._ended.append, reader)), size)

    def _payers(self) -> dict[int, _Reader]:
        """Return the first reader of each response."""
        while self._ended:
            self._readers.pop(self._ended.popleft(), None)
        return {one.pieces: one for one in reversed(self._readers)}

    def _require_room(self, size: int, tenant: str, payers: Mapping[int, _Reader]) -> None:
        used = sum(one.size for one in payers.values())
        own = sum(one.size for one in payers.values() if one.tenant == tenant)
        # One is always sent, however large it is.
        if used > 0 and size > share_left(self._max_bytes, used, own):
            if used + size > self._max_bytes:
                self._abort_one()
            raise Problem(
                "too-many-large-answers",
                "Too many large responses are being sent to clients that read slowly. Request a "
                "page (?limit=1000), or try again later.",
                retry_after=_RETRY_SECONDS,
            )

    def _abort_one(self) -> None:
        shares: Counter[str] = Counter()
        for one in self._readers:
            shares[one.tenant] += one.size
        oldest = max(self._readers, key=lambda one: shares[one.tenant])  # the first of equals
        if oldest.suspended is not None:
            oldest.suspended.abandon()
