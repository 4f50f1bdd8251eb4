"""Reads a request's body: decoded bytes within a limit.

Decided where the specification is silent: a body may come in gzip, as one member (RFC 1952, section
2.2), and in no other coding.
"""

import zlib
from typing import Final

import falcon
from falcon.typing import ReadableIO

from service.problems.problems import Problem

_PLAIN: Final = frozenset({"", "identity"})
_GZIP: Final = frozenset({"gzip", "x-gzip"})  # two names of one coding (RFC 9110, section 8.4.1.3)
_GZIP_WINDOW_BITS: Final = 16 + zlib.MAX_WBITS  # with the header and trailer of gzip
_PIECE_BYTES: Final = 64 * 1024


def read_body(req: falcon.Request, *, max_body_bytes: int, if_too_long: str) -> bytes:
    """Read a request's body, of a maximum size as sent and decoded.

    `if_too_long` is the remedy for a longer body, a sentence.

    Raises:
        Problem: 413, 415 or 400.
    """
    coding = (req.get_header("Content-Encoding") or "").strip().lower()
    if coding not in _PLAIN | _GZIP:
        raise _unsupported_coding()
    declared = req.content_length
    if declared is not None and declared > max_body_bytes:
        raise _too_long(max_body_bytes, if_too_long)
    # A server that decodes chunks itself declares that its stream ends with the body.
    ends = req.env.get("wsgi.input_terminated", False)
    stream = req.stream if ends else req.bounded_stream
    longest = max_body_bytes + 1
    body: bytes = stream.read(longest) if coding in _PLAIN else _gunzip(stream, longest)
    if len(body) > max_body_bytes:
        raise _too_long(max_body_bytes, if_too_long)
    return body


def _gunzip(stream: ReadableIO, longest: int) -> bytes:
    """Decode gzip up to `longest` bytes; the rest of the stream stays unread."""
    decoder = zlib.decompressobj(_GZIP_WINDOW_BITS)
    body = bytearray()
    try:
        while not decoder.eof and (piece := stream.read(_PIECE_BYTES)):
            body += decoder.decompress(piece, longest - len(body))
            if len(body) == longest:
                return bytes(body)
    except zlib.error as error:
        raise _bad_gzip("is not gzip, or damaged") from error
    if not decoder.eof:
        raise _bad_gzip("is cut short")
    if decoder.unused_data or stream.read(1):
        raise _bad_gzip("goes on behind its end")
    return bytes(body)


def _bad_gzip(what: str) -> Problem:
    return Problem(
        "invalid-gzip",
        f"The body is declared as gzip and {what}. Send one whole gzip member, or leave out "
        "Content-Encoding and send the body as it is.",
    )


def _unsupported_coding() -> Problem:
    return Problem(
        "unsupported-content-coding",
        "The only Content-Encoding taken is gzip. Send the body in gzip, or as it is without that "
        "header.",
        headers={"Accept-Encoding": "gzip"},  # RFC 9110, section 15.5.16
    )


def _too_long(max_body_bytes: int, if_too_long: str) -> Problem:
    return Problem(
        "body-too-large", f"The body is longer than {max_body_bytes} bytes. {if_too_long}"
    )
