"""HTTP answers, read more strictly than http.client does: a server may be out to do harm.

Heads are read here, by the grammar of RFC 9112. http.client leaves them to the parser of e-mails,
which passes over what makes no sense, and took a sixth of the CPU of an image. Bodies are left to
http.client, but for what tells where they end.
"""

import re
from collections.abc import Callable
from http.client import (
    BadStatusLine,
    HTTPException,
    HTTPResponse,
    IncompleteRead,
    LineTooLong,
    RemoteDisconnected,
)
from socket import socket

from urllib3 import HTTPHeaderDict

_LONGEST_LINE = 65536
_LONGEST_HEAD = 256 * 1024  # all lines together, as browsers have it
_MOST_FIELDS = 100

_MOST_INTERIM_ANSWERS = 50
"""One or two come in real life; each may bring a hundred fields."""

_HTTP_1_0, _HTTP_1_1 = 10, 11  # as http.client has them
_SWITCHING_PROTOCOLS, _OK, _NO_CONTENT, _NOT_MODIFIED = 101, 200, 204, 304

# RFC 9112, section 4; the phrase is of no use, and may be missing together with its space.
_match_status_line = re.compile(
    rb"HTTP/1\.([0-9]) +([1-9][0-9]{2})(?: ([^\r\n\0]*))?\r?\n"
).fullmatch
# Section 5: no space before the colon. Section 5.2: a value may go on in the next line.
_match_field = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\n]*)\n").fullmatch
_match_folded = re.compile(rb"[ \t]([^\n]*)\n").fullmatch
# RFC 9110, section 5.5: what could pass for the end of a line becomes a space.
_TO_SPACES = bytes.maketrans(b"\r\0", b"  ")
# RFC 9110, section 8.6: the same number may be repeated. Longer ones are beyond what int takes.
_match_length = re.compile(r"([0-9]{1,4000})(?:[ \t]*,[ \t]*\1)*").fullmatch
# RFC 9112, section 7.1. A size of 16 digits has never been too small.
_match_chunk_line = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?\r?\n").fullmatch


class StrictAnswer(HTTPResponse):
    """An answer whose head and framing leave no doubt.

    http.client takes a chunk of the size -1 for all that is to come, in one piece of memory, reads
    on to the end of the connection when it does not understand the length, and takes the end of
    the connection for the end of the head.

    Args:
        sock: where it comes from.
        method: of the request.
        hang_up: closes the connection; called when nothing more can be asked on it.
    """

    def __init__(self, sock: socket, method: str, hang_up: Callable[[], None]) -> None:
        super().__init__(sock, method=method)
        self._request_method = method
        self._hang_up = hang_up
        self.fields = HTTPHeaderDict()

    def begin(self) -> None:
        """Read the head.

        Raises:
            HTTPException: it is none, or where the body ends cannot be told (RFC 9112, 6.3).
                IncompleteRead and RemoteDisconnected: the connection ended before the head did.
        """
        for _ in range(_MOST_INTERIM_ANSWERS + 1):
            minor, status, phrase = self._read_status_line()
            fields = self._read_fields()
            if status >= _OK or status == _SWITCHING_PROTOCOLS:
                break
        else:
            raise HTTPException("too many interim answers")
        self.version = _HTTP_1_1 if minor else _HTTP_1_0
        self.code = self.status = status
        self.reason = phrase
        self.fields = fields
        self.headers = self.msg = fields  # type: ignore[assignment] # what is asked of these fits
        self._frame(fields)

    def close(self) -> None:
        """End the reading; with more to come, the connection is of no more use."""
        is_unread = not self.isclosed()
        super().close()
        if is_unread:
            self._hang_up()

    def _close_conn(self) -> None:
        # http.client calls this at the end of the body, also at an early one.
        super()._close_conn()  # type: ignore[misc] # not in typeshed
        if self.will_close or self.length:
            self._hang_up()

    def _read_line(self) -> bytes:
        line = self.fp.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise LineTooLong("line")
        return line

    def _read_status_line(self) -> tuple[int, int, str]:
        line = self._read_line()
        match = _match_status_line(line)
        if match is None:
            if not line:
                raise RemoteDisconnected("no answer")
            if line.startswith(b"HTTP/1.") and not line.endswith(b"\n"):
                raise IncompleteRead(line)
            raise BadStatusLine(repr(line[:100]))
        minor, status, phrase = match.groups(b"")
        return int(minor), int(status), phrase.decode("latin-1").strip()

    def _read_fields(self) -> HTTPHeaderDict:
        fields: list[tuple[str, str]] = []
        left = _LONGEST_HEAD
        for _ in range(_MOST_FIELDS + 1):
            line = self._read_line()
            if line in (b"\r\n", b"\n"):
                return HTTPHeaderDict(fields)
            left -= len(line)
            if left < 0:
                raise HTTPException("a head too long")
            if match := _match_field(line):
                fields.append((match[1].decode("ascii"), _text(match[2])))
            elif fields and (match := _match_folded(line)):
                name, begun = fields[-1]
                fields[-1] = name, f"{begun} {_text(match[1])}".strip(" ")
            elif not line.endswith(b"\n"):
                raise IncompleteRead(line)
            else:
                raise HTTPException("a header line that is none")
        raise HTTPException("too many header fields")

    def _frame(self, fields: HTTPHeaderDict) -> None:
        """Tell where the body ends (RFC 9112, section 6.3), and the connection (section 9.3)."""
        coding = fields.get("Transfer-Encoding", "").lower()
        if coding not in ("", "chunked", "identity"):
            raise HTTPException("a transfer coding that was not asked for")
        length = fields.get("Content-Length")
        match = None if length is None else _match_length(length)
        if length is not None and match is None:
            raise HTTPException("invalid Content-Length")
        is_bodiless = self.status in (_SWITCHING_PROTOCOLS, _NO_CONTENT, _NOT_MODIFIED)
        is_bodiless = is_bodiless or self._request_method == "HEAD"
        self.chunked = coding == "chunked" and not is_bodiless
        self.chunk_left = None
        if is_bodiless:
            self.length = 0
        else:
            self.length = None if self.chunked or match is None else int(match[1])
        options = fields.get("Connection", "").lower()
        self.will_close = (
            (self.version == _HTTP_1_0 and "keep-alive" not in options)
            or "close" in options
            or (self.length is None and not self.chunked)
            # Whoever stood in between may have seen another end (section 6.1).
            or (self.chunked and (length is not None or self.version == _HTTP_1_0))
            or self.status == _SWITCHING_PROTOCOLS
        )

    def _read_next_chunk_size(self) -> int:
        line = self._read_line()
        if not line.endswith(b"\n"):
            raise IncompleteRead(line)
        match = _match_chunk_line(line)
        if match is None:
            raise HTTPException("invalid chunk size")
        return int(match[1], 16)


def _text(value: bytes) -> str:
    return value.translate(_TO_SPACES).strip(b" \t").decode("latin-1")
