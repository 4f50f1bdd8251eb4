"""Puts the bytes of a connection together to requests (RFC 9112, sections 6 and 7)."""

import re
from http import HTTPStatus

from sandbox.http_message import Request, RequestError, parse_head

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 25_000_000
_MAX_CHUNK_LINE = 1024
_DIGITS = re.compile(r"[0-9]{1,15}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")


class RequestReader:
    """Takes bytes as they come and gives requests once they are whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._request: Request | None = None
        self._length: int | None = 0
        self._chunks = bytearray()
        self._expectation = False

    @property
    def idle(self) -> bool:
        """Whether no part of a request is waiting here."""
        return self._request is None and not self._buffer

    @property
    def waiting_bytes(self) -> int:
        """Bytes that are here but belong to no request yet given."""
        return len(self._buffer)

    def feed(self, data: bytes | memoryview) -> None:
        self._buffer += data

    def next(self) -> Request | None:
        """Return the next whole request, or None until more bytes come.

        Raises:
            RequestError: the bytes are no request, or too many.
        """
        if self._request is None and not self._read_head():
            return None
        body = self._read_chunked() if self._length is None else self._read_counted(self._length)
        request = self._request
        if body is None or request is None:
            return None
        request.body = body
        self._request = None
        self._expectation = False
        return request

    def take_expectation(self) -> bool:
        """Whether the client waits for "100 Continue" before it sends the body; said once."""
        expected, self._expectation = self._expectation, False
        return expected

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n", self._searched)
        if end > MAX_HEAD_BYTES or (end < 0 and len(self._buffer) > MAX_HEAD_BYTES):
            raise RequestError(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"The request head is larger than {MAX_HEAD_BYTES} bytes.",
            )
        if end < 0:
            self._searched = max(0, len(self._buffer) - 3)
            return False
        head = bytes(self._buffer[: end + 4])
        del self._buffer[: end + 4]
        self._searched = 0
        request = parse_head(head)
        self._length = _body_length(request)
        self._expectation = request.headers.get("expect", "").lower() == "100-continue"
        self._request = request
        return True

    def _read_counted(self, length: int) -> bytes | None:
        if length == 0:
            return b""
        if len(self._buffer) < length:
            return None
        with memoryview(self._buffer) as view:
            body = bytes(view[:length])
        del self._buffer[:length]
        return body

    def _read_chunked(self) -> bytes | None:
        """Move whole chunks over; the trailer is read and dropped."""
        while True:
            line_end = self._buffer.find(b"\r\n", 0, _MAX_CHUNK_LINE)
            if line_end < 0:
                if len(self._buffer) >= _MAX_CHUNK_LINE:
                    raise RequestError(HTTPStatus.BAD_REQUEST, "A chunk is malformed.")
                return None
            match = _CHUNK_SIZE.fullmatch(self._buffer[:line_end])
            if match is None:
                raise RequestError(HTTPStatus.BAD_REQUEST, "A chunk is malformed.")
            size = int(match[1], 16)
            if size == 0:
                return self._end_of_chunks(line_end)
            if len(self._chunks) + size > MAX_BODY_BYTES:
                raise _too_large()
            chunk_end = line_end + 2 + size
            if len(self._buffer) < chunk_end + 2:
                return None
            if self._buffer[chunk_end : chunk_end + 2] != b"\r\n":
                raise RequestError(HTTPStatus.BAD_REQUEST, "A chunk is malformed.")
            self._chunks += self._buffer[line_end + 2 : chunk_end]
            del self._buffer[: chunk_end + 2]

    def _end_of_chunks(self, line_end: int) -> bytes | None:
        end = self._buffer.find(b"\r\n\r\n", line_end)
        if end < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise RequestError(HTTPStatus.BAD_REQUEST, "The trailer is too large.")
            return None
        del self._buffer[: end + 4]
        body = bytes(self._chunks)
        self._chunks.clear()
        return body


def _body_length(request: Request) -> int | None:
    """Bytes of the body, or None if it comes in chunks."""
    coding = request.headers.get("transfer-encoding")
    length = request.headers.get("content-length")
    if coding is not None:
        if length is not None or coding.lower() != "chunked":
            raise RequestError(HTTPStatus.BAD_REQUEST, "The length of the body is ambiguous.")
        return None
    if length is None:
        return 0
    if not _DIGITS.fullmatch(length):
        raise RequestError(HTTPStatus.BAD_REQUEST, "The Content-Length is malformed.")
    if int(length) > MAX_BODY_BYTES:
        raise _too_large()
    return int(length)


def _too_large() -> RequestError:
    return RequestError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The request body is larger than the {MAX_BODY_BYTES} bytes that the sandbox takes.",
    )
