"""Sends answers of megabytes without holding a thread, and without a copy for each client.

Given bytes, waitress copies them, to a temporary file from 1 MiB on, and holds the thread while
more than 16 MiB wait for a slow client. Given a file, it reads from that what the socket takes.
"""

import threading
import weakref
from bisect import bisect_right
from collections import Counter, deque
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from itertools import accumulate
from os import SEEK_CUR, SEEK_END, SEEK_SET
from typing import TYPE_CHECKING

import falcon

from service.http.suspended import SuspendedRequest, suspended_request_of
from service.problems.problems import Problem
from workers import share_left

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_READ_BYTES = 256 * 1024  # waitress asks for megabytes again and again, however little is taken
_SMALL_BYTES = 64 * 1024  # copied as quickly as anything else is done with it
_RETRY_SECONDS = 5


class PiecesFile:
    """Pieces of bytes, to be read as one file.

    Args:
        pieces: shared with whoever else sends them.
        on_close: called once, when all is sent or the client gone.
    """

    def __init__(self, pieces: tuple[bytes, ...], on_close: "Callable[[], object]") -> None:
        self._pieces = pieces
        self._ends = list(accumulate(map(len, pieces)))
        self._at = 0
        # Also where nobody closes it: an answer may break off before it reaches the server.
        self._finalize = weakref.finalize(self, on_close)

    def close(self) -> None:
        self._finalize()
        self._pieces = ()  # whoever keeps the closed file does not keep the megabytes

    def read(self, size: int | None = None, /) -> bytes:
        """Bytes of one piece, at most so many; none at the end only."""
        # The piece that ends behind this place: empty ones are passed over.
        place = bisect_right(self._ends, self._at)
        if place >= len(self._pieces):
            return b""
        piece = self._pieces[place]
        begin = self._at - self._ends[place] + len(piece)
        most = _READ_BYTES if size is None else min(size, _READ_BYTES)
        found = piece[begin : begin + most]
        self._at += len(found)
        return found

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        origins = {SEEK_SET: 0, SEEK_CUR: self._at, SEEK_END: self._ends[-1]}
        self._at = origins[whence] + offset
        return self._at

    def tell(self) -> int:
        return self._at


@dataclass(frozen=True, slots=True, eq=False)
class _Reader:
    """A client that an answer is under way to; the answer goes by its identity."""

    answer: int
    size: int
    tenant: str
    suspended: SuspendedRequest | None


class LargeResponses:
    """The answers under way; safe to use from any thread.

    When there is no memory for another one, the client that holds the most loses the answer that
    has been under way for longest: whoever comes again finds room.

    Args:
        max_bytes: memory for those that are not small. An answer sent to several clients counts
            once, for the first of them.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._readers: dict[_Reader, None] = {}  # in the order of their coming
        # Those that ended; a file may be closed by the garbage collector at any place, even while
        # this very thread holds the lock.
        self._ended: deque[_Reader] = deque()

    def check(self, req: falcon.Request, least_bytes: int, tenant: str) -> None:
        """Refuse an answer that there is no memory for, before it is rendered.

        Args:
            req: the request.
            least_bytes: memory that the answer takes which no other client's answer shares.
            tenant: whose share of the memory it takes.

        Raises:
            Problem: 503, as `send` would.
        """
        if least_bytes <= _SMALL_BYTES or req.method == "HEAD":
            return
        with self._lock:
            self._require_room(least_bytes, tenant, self._payers())

    def send(
        self, req: falcon.Request, resp: falcon.Response, pieces: tuple[bytes, ...], tenant: str
    ) -> None:
        """Let this be the body of an answer; never empty.

        Args:
            req: the request.
            resp: its answer.
            pieces: the body, to be joined.
            tenant: whose share of the memory it takes.

        Raises:
            Problem: 503, there is no memory left for it.
        """
        size = sum(map(len, pieces))
        if size <= _SMALL_BYTES:
            resp.data = b"".join(pieces)
        elif req.method == "HEAD":
            resp.content_length = size
        else:
            reader = _Reader(id(pieces), size, tenant, suspended_request_of(req.env))
            self._take_in(reader)
            resp.set_stream(PiecesFile(pieces, partial(self._ended.append, reader)), size)

    def _take_in(self, reader: _Reader) -> None:
        with self._lock:
            payers = self._payers()
            if reader.answer not in payers:
                self._require_room(reader.size, reader.tenant, payers)
            self._readers[reader] = None

    def _payers(self) -> dict[int, _Reader]:
        """The first reader of each answer that is under way."""
        while self._ended:
            self._readers.pop(self._ended.popleft(), None)
        return {one.answer: one for one in reversed(self._readers)}

    def _require_room(self, size: int, tenant: str, payers: "Mapping[int, _Reader]") -> None:
        used = sum(one.size for one in payers.values())
        own = sum(one.size for one in payers.values() if one.tenant == tenant)
        # One goes out in any case, or it never would.
        if used > 0 and size > share_left(self._max_bytes, used, own):
            if used + size > self._max_bytes:
                self._make_room()
            raise _too_many()

    def _make_room(self) -> None:
        shares: Counter[str] = Counter()
        for one in self._readers:
            shares[one.tenant] += one.size
        longest = max(self._readers, key=lambda one: shares[one.tenant])  # the first of equals
        if longest.suspended is not None:
            longest.suspended.abandon()


def _too_many() -> Problem:
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "too-many-large-answers",
        "Too many large answers are under way to clients that read slowly. Ask for a page "
        "(?limit=1000), or again later.",
        headers={"Retry-After": str(_RETRY_SECONDS)},
    )
