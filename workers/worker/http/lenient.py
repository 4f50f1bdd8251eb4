"""Reads responses with a head that libcurl refuses and browsers accept.

Examples: a PHP warning among the fields, a status line with two spaces. The request is repeated on
a connection that libcurl opens, with the same guard, proxy and TLS. `Head` parses the head,
http.client the body. Few sources need this, so it runs in the lane and keeps no connection.
"""

import io
import select
import time
from collections.abc import Callable
from functools import partial
from http.client import HTTPException, HTTPResponse

import pycurl

from workers.worker.http.errors import Fault, TransferError, fault_of
from workers.worker.http.handle import Body, Guard, Handle, Request, TransferOptions
from workers.worker.http.head import MAX_HEAD_BYTES, Head, HeadTooLongError

_PIECE_BYTES = 65536


def read_leniently(
    options: TransferOptions, guard: Guard | None, request: Request
) -> tuple[Head, Body]:
    """Repeat a GET.

    Args:
        options: of the failed transfer.
        guard: of the failed transfer.
        request: of the failed transfer.

    Raises:
        TransferError: no valid response either, or the end of its body is ambiguous.
        Exception: raised by the guard or the body's `write`.
    """
    handle = Handle(options, guard)
    try:
        handle.set_method("GET")
        handle.prepare(request)
        handle.prepare_deadline(time.monotonic())
        handle.curl.setopt(pycurl.CONNECT_ONLY, 1)
        handle.curl.setopt(pycurl.HTTPPROXYTUNNEL, 1)  # libcurl authenticates at the proxy
        handle.curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        try:
            handle.curl.perform()
        except pycurl.error as error:
            raise handle.refusal or TransferError(fault_of(handle.curl, error)) from error
        stream = _Stream(handle.curl, request.deadline)
        fields = [line for line in request.headers if not line.endswith(":")]
        host = f"Host: {handle.origin.partition('://')[2]}"
        lines = (f"GET {handle.target} HTTP/1.1", host, *fields, "Connection: close", "", "")
        stream.send("\r\n".join(lines).encode("latin-1"))
        response = HTTPResponse(stream, method="GET")  # type: ignore[arg-type] # needs makefile only
        head = _read_head(response.fp)
        body = request.open_body(head)
        try:
            _read_body(response, head, body)
        except BaseException:
            body.discard()
            raise
    finally:
        handle.curl.close()
    return head, body


class _Stream(io.RawIOBase):
    """The byte stream of a connection, with a deadline."""

    def __init__(self, curl: pycurl.Curl, deadline: float) -> None:
        super().__init__()
        self._curl = curl
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a buffered reader, as http.client expects of a socket."""
        return io.BufferedReader(self, _PIECE_BYTES)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # the type that it gets
        return self._when_ready(select.POLLIN, partial(self._curl.recv_into, buffer))

    def send(self, data: bytes) -> None:
        while data:
            data = data[self._when_ready(select.POLLOUT, partial(self._curl.send, data)) :]

    def _when_ready(self, event: int, act: Callable[[], int]) -> int:
        poll = select.poll()  # select() does not support descriptors above 1,023
        poll.register(self._curl.getinfo(pycurl.ACTIVESOCKET), event)
        # Checked each time: a fast sender never blocks.
        while (left := self._deadline - time.monotonic()) > 0:
            try:
                return act()
            except BlockingIOError:
                poll.poll(left * 1000)
            except pycurl.error as error:
                raise TransferError(Fault.CUT_SHORT) from error
        raise TransferError(Fault.TIMEOUT)


def _read_head(stream: io.BufferedReader) -> Head:
    head = Head()
    try:
        while not head.is_complete:
            line = stream.readline(MAX_HEAD_BYTES + 1)
            if not line:
                raise TransferError(Fault.CUT_SHORT if head.status else Fault.NOT_HTTP)
            head.feed(line)
    except HeadTooLongError as error:
        raise TransferError(Fault.NOT_HTTP, "a head too long") from error
    is_sized = head.is_chunked or head.length() is not None or "Content-Length" not in head.fields
    if not is_sized or len(head.fields.all("Location")) > 1:
        raise TransferError(Fault.NOT_HTTP, "fields that contradict each other")
    return head


def _read_body(response: HTTPResponse, head: Head, body: Body) -> None:
    # Replaces HTTPResponse.begin, which would parse the head strictly.
    response.chunked, response.chunk_left, response.length = head.is_chunked, None, head.length()
    try:
        is_wanted = body.write(b"")
        while is_wanted and (piece := response.read1(_PIECE_BYTES)):
            is_wanted = body.write(piece)
    except (HTTPException, ValueError) as error:
        raise TransferError(Fault.NOT_HTTP, str(error)) from error
    if is_wanted and response.length:
        raise TransferError(Fault.CUT_SHORT)
