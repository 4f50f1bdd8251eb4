"""Reads responses with a head that libcurl refuses and browsers accept.

Examples: a PHP warning among the fields, a status line with two spaces. The request is repeated on
a connection that libcurl opens, with the same guard, proxy and TLS. `Head` parses the head,
http.client the body. Few sources need this, so it runs in the lane and keeps no connection.
"""

import io
import select
import time
from http.client import HTTPException, HTTPResponse

import pycurl

from workers.worker.http.errors import Fault, TransferError
from workers.worker.http.head import MAX_HEAD_BYTES
from workers.worker.http.transfer import Transfer, lines_of

_PIECE_BYTES = 65536


def perform_leniently(transfer: Transfer) -> TransferError | None:
    """Run a GET, and wait for its end, as `TransferLoop.perform` does.

    Args:
        transfer: with a handle of its own.

    Returns:
        Its error: no valid response either, or the end of its body is ambiguous.

    Raises:
        Exception: the guard or the body raised it.
    """
    stream = _Stream(transfer.curl, transfer.deadline)
    try:
        _send(transfer)
        _receive(transfer, stream)
    except (pycurl.error, TransferError) as error:
        return transfer.error_of(error)
    except (HTTPException, ValueError) as error:
        # http.client has one error for a chunk that is cut and one that makes no sense.
        fault = Fault.CUT_SHORT if stream.is_ended else Fault.NOT_HTTP
        return transfer.error_of(TransferError(fault, str(error)))
    return transfer.error_of(None)


def _send(transfer: Transfer) -> None:
    curl = transfer.curl
    transfer.start_clock()
    curl.setopt(pycurl.CONNECT_ONLY, 1)
    curl.setopt(pycurl.HTTPPROXYTUNNEL, 1)  # libcurl authenticates at the proxy
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    curl.perform()
    lines = (
        f"GET {transfer.target} HTTP/1.1",
        f"Host: {transfer.origin.partition('://')[2]}",
        *(*lines_of(transfer.request), "Connection: close", "", ""),
    )
    head = "\r\n".join(lines).encode("latin-1")
    if curl.send(head) != len(head):  # a new connection has room for it
        raise TransferError(Fault.CUT_SHORT)


def _receive(transfer: Transfer, stream: "_Stream") -> None:
    head = transfer.head
    response = HTTPResponse(stream, method="GET")  # type: ignore[arg-type] # needs makefile only
    while not head.is_complete:
        line = response.fp.readline(MAX_HEAD_BYTES + 1)
        if not line:
            raise TransferError(Fault.CUT_SHORT if head.status else Fault.NOT_HTTP)
        head.feed(line)
        if not head.status and line.strip():  # no status line: do not wait for another
            raise TransferError(Fault.NOT_HTTP)
    is_sized = head.is_chunked or head.length() is not None or "Content-Length" not in head.fields
    if not is_sized or head.has_several_targets:
        raise TransferError(Fault.NOT_HTTP, "fields that contradict each other")
    transfer.open_body()
    # Replaces HTTPResponse.begin, which would parse the head strictly.
    response.chunked, response.chunk_left, response.length = head.is_chunked, None, head.length()
    while not transfer.is_enough and (piece := response.read1(_PIECE_BYTES)):
        transfer.take_piece(piece)
    if response.length and not transfer.is_enough:
        raise TransferError(Fault.CUT_SHORT)


class _Stream(io.RawIOBase):
    """What is received on a connection, until a deadline.

    Attributes:
        is_ended: whether the peer has closed the connection.
    """

    def __init__(self, curl: pycurl.Curl, deadline: float) -> None:
        super().__init__()
        self._curl = curl
        self._deadline = deadline
        self.is_ended = False

    def readable(self) -> bool:
        return True

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a buffered reader, as http.client expects of a socket."""
        return io.BufferedReader(self, _PIECE_BYTES)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # the type that it gets
        poll = select.poll()  # select() does not support descriptors above 1,023
        poll.register(self._curl.getinfo(pycurl.ACTIVESOCKET), select.POLLIN)
        # Checked each time: a fast sender never blocks.
        while (left := self._deadline - time.monotonic()) > 0:
            try:
                size = self._curl.recv_into(buffer)
            except BlockingIOError:
                poll.poll(left * 1000)
            else:
                self.is_ended = not size
                return size
        raise TransferError(Fault.TIMEOUT)
