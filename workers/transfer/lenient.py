"""Reads answers whose head libcurl refuses, and browsers read.

A warning of PHP among the fields, a status line with two spaces: libcurl gives up on these.
The request is sent once more, over a connection that libcurl opens (so guard, proxy and TLS are
the same), and the head is mended before http.client reads it. Few sources need this, so it runs in
the lane and keeps no connection.
"""

import io
import select
import time
from http.client import HTTPException, HTTPResponse

import pycurl

from workers.transfer.errors import Fault, TransferError, fault_of
from workers.transfer.handle import Body, Guard, Handle, Request, TransferOptions
from workers.transfer.head import MAX_HEAD_BYTES, Head, HeadTooLongError

_PIECE_BYTES = 65536


def read_leniently(
    options: TransferOptions, guard: Guard | None, request: Request
) -> tuple[Head, Body]:
    """GET once more.

    Args:
        options: as for the transfer that failed.
        guard: likewise.
        request: likewise.

    Raises:
        TransferError: this is no answer either, or where its body ends cannot be told.
        Exception: what the guard or the body's `write` raised.
    """
    handle = Handle(options, guard)
    try:
        handle.set_method("GET")
        handle.prepare(request)
        handle.prepare_deadline(time.monotonic())
        handle.curl.setopt(pycurl.CONNECT_ONLY, 1)
        handle.curl.setopt(pycurl.HTTPPROXYTUNNEL, 1)  # libcurl logs in at the proxy
        handle.curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        try:
            handle.curl.perform()
        except pycurl.error as error:
            raise handle.refusal or TransferError(fault_of(handle.curl, error)) from error
        stream = _Stream(handle.curl, request.deadline)
        stream.send(_request(request))
        head = _read_head(stream)
        body = request.open_body(head)
        _read_body(stream, body)
    finally:
        handle.curl.close()
    return head, body


class _Stream(io.RawIOBase):
    """The bytes of a connection, until the deadline."""

    def __init__(self, curl: pycurl.Curl, deadline: float) -> None:
        super().__init__()
        self._curl = curl
        self._deadline = deadline
        self._socket: int = curl.getinfo(pycurl.ACTIVESOCKET)
        self._first = b""

    def readable(self) -> bool:
        return True

    def put_back(self, data: bytes) -> None:
        """Let `data` be what is read next."""
        self._first = data

    def makefile(self, _mode: str) -> io.BufferedReader:
        """As http.client asks a socket for it."""
        return io.BufferedReader(self, _PIECE_BYTES)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what it is given
        if self._first:
            piece, self._first = self._first[: len(buffer)], self._first[len(buffer) :]
            buffer[: len(piece)] = piece
            return len(piece)
        while True:
            try:
                return self._curl.recv_into(buffer)
            except BlockingIOError:
                self._wait(reading=True)
            except pycurl.error as error:
                raise TransferError(Fault.CUT_SHORT) from error

    def send(self, data: bytes) -> None:
        while data:
            try:
                data = data[self._curl.send(data) :]
            except BlockingIOError:
                self._wait(reading=False)
            except pycurl.error as error:
                raise TransferError(Fault.CUT_SHORT) from error

    def _wait(self, *, reading: bool) -> None:
        sockets = ([self._socket], []) if reading else ([], [self._socket])
        left = self._deadline - time.monotonic()
        if left <= 0 or not any(select.select(*sockets, [], left)):
            raise TransferError(Fault.TIMEOUT)


def _request(request: Request) -> bytes:
    host, _, target = request.url.partition("://")[2].partition("/")
    host, mark, query = host.partition("?")
    fields = [line for line in request.headers if not line.endswith(":")]
    lines = [f"GET /{target}{mark}{query} HTTP/1.1", f"Host: {host}", *fields, "Connection: close"]
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def _read_body(stream: _Stream, body: Body) -> None:
    answer = HTTPResponse(stream, method="GET")  # type: ignore[arg-type] # all it asks for is there
    try:
        answer.begin()
        is_wanted = body.write(b"")
        while is_wanted and (piece := answer.read1(_PIECE_BYTES)):
            is_wanted = body.write(piece)
    except (HTTPException, ValueError) as error:
        body.discard()
        raise TransferError(Fault.NOT_HTTP, str(error)) from error
    except BaseException:
        body.discard()
        raise
    if is_wanted and answer.length:
        body.discard()
        raise TransferError(Fault.CUT_SHORT)


def _feed(head: Head, line: bytes) -> None:
    try:
        head.feed(line)
    except HeadTooLongError as error:
        raise TransferError(Fault.NOT_HTTP, "a head too long") from error


def _read_head(stream: _Stream) -> Head:
    """Read the head; what stands in the stream instead is its mended form."""
    head, rest = Head(), b""
    while not head.is_complete:
        line, end, rest = rest.partition(b"\n")
        if end:
            _feed(head, line + end)
        elif more := stream.read(_PIECE_BYTES):
            rest = line + more
            if len(rest) > MAX_HEAD_BYTES:
                raise TransferError(Fault.NOT_HTTP, "a head too long")
        else:
            raise TransferError(Fault.CUT_SHORT if head.status else Fault.NOT_HTTP)
    length = head.length()
    is_unclear = length is None and "Content-Length" in head.fields and not head.is_chunked
    if is_unclear or len(head.fields.all("Location")) > 1:
        raise TransferError(Fault.NOT_HTTP, "fields that contradict each other")
    lines = [f"HTTP/1.1 {head.status} -"]
    lines += [f"Content-Length: {length}"] if length is not None else []
    lines += ["Transfer-Encoding: chunked"] if head.is_chunked else []
    stream.put_back("\r\n".join((*lines, "", "")).encode() + rest)
    return head
