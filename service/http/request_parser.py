"""Parses requests: waitress's parser, with the checks of RFC 9112 that it lacks.

These requests are refused at once, each with its own message:

- A line that ends with LF alone (section 2.2 allows a server to accept it). Waitress would wait for
  the CR LF that such a client never sends.
- Host is missing in HTTP/1.1, repeated, or not a host (section 3.2).
- Content-Length together with Transfer-Encoding (section 6.3): two parsers may disagree about where
  the request ends. The same applies to Transfer-Encoding in HTTP/1.0 (section 6.1).
- It begins with no method, as TLS does, or with white space other than empty lines (section 2.2);
  or the size of a chunk or the trailer is longer than a head may be.

Waitress copies all received data for each two empty lines and for each chunk, and a line or trailer
for each piece of it, so that short ones would block the loop for everybody. The parser is given
little at a time instead.
"""

import re
from io import BytesIO
from typing import Any, Final

from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import ChunkedReceiver

from service.http.refused_request import MAX_HEADER_BYTES
from service.problems.problems import Problem

_CHUNKED_AT_ONCE: Final = 4096  # bytes of a chunked body

_empty_lines = re.compile(rb"(?:\r\n)*").match
_ends_without_cr = re.compile(rb"[^\r]\n").search
# One host with an optional port (RFC 9110, section 7.2). The name itself is not checked here.
_is_host: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s,/?#@\\\[\]:]*)(?::[0-9]*)?").fullmatch


class RequestParser(HTTPRequestParser):
    headers: dict[str, str]  # a mapping in the stubs
    error: Any = None  # a problem, or the parser's own error
    # Of a request that is refused before its head is complete:
    path = query = request_uri = ""
    command = "GET"  # type: ignore[assignment]  # bytes in the stubs
    url_scheme = "http"
    _is_checked = False

    def received(self, data: bytes) -> int:
        """Parse data; return how many bytes of it belong to this request."""
        if self.body_rcv is None and not self.header_plus:
            empty = _empty_lines(data)
            if empty is not None and empty.end():
                return empty.end()
            # A lone CR may be half of an empty line.
            if not data[:1].isalpha() and data != b"\r":
                return self._refuse("The request has no method. TLS is not spoken here.", len(data))
        if self.chunked:
            data = data[:_CHUNKED_AT_ONCE]
        taken: int = super().received(data)
        fault = self._fault(len(data)) if self.error is None else None
        return taken if fault is None else self._refuse(fault, taken)

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # a number of thousands of digits, for one
            raise ParsingError("not valid HTTP") from error
        # Waitress compares the whole list, and would keep connections open that shall be closed.
        wanted = {one.strip().lower() for one in self.headers.get("CONNECTION", "").split(",")}
        for option in ("keep-alive", "close"):
            if option in wanted:
                self.headers["CONNECTION"] = option

    def get_body_stream(self) -> BytesIO:
        """Return the body; reading all of it at once makes no copy."""
        if self.error is not None:
            return BytesIO()  # a refused one is closed
        stream = super().get_body_stream()
        stream.getvalue()  # shrinks the buffer; with spare room, reading would copy
        return stream

    def _refuse(self, fault: str, taken: int) -> int:
        self.error = Problem("bad-request", fault)
        self.completed = True
        return taken

    def _fault(self, new_bytes: int) -> str | None:
        if self._is_checked:
            return self._fault_of_chunks()
        if not self.headers_finished:
            # Earlier data has been checked.
            if _ends_without_cr(self.header_plus[-new_bytes - 1 :]):
                return "A line of the request's head ends with LF alone. End each with CR LF."
            return None
        self._is_checked = True
        return self._fault_of_head()

    def _fault_of_head(self) -> str | None:
        host = self.headers.get("HOST")
        if host is None and self.version == "1.1":
            return "The Host header is missing. HTTP/1.1 needs it; it may be empty."
        if host is not None and not _is_host(host):
            return "The Host header is not one host, such as example.com or 192.0.2.1:8000."
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            return "Send Content-Length or Transfer-Encoding, not both."
        if "TRANSFER_ENCODING" in self.headers:  # waitress removes it if it applies
            return "Transfer-Encoding needs HTTP/1.1."
        return None

    def _fault_of_chunks(self) -> str | None:
        body = self.body_rcv
        if isinstance(body, ChunkedReceiver):
            longest = max(len(body.control_line), len(body.trailer))
            if longest > MAX_HEADER_BYTES:
                return f"A chunk's size, or the trailer, is longer than {MAX_HEADER_BYTES} bytes."
        return None


class DroppedRequest(RequestParser):
    """Drops data after the maximum number of pipelined requests; never complete."""

    def received(self, data: bytes) -> int:
        return len(data)
