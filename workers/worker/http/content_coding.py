"""Undoes content codings (RFC 9110, section 8.4), with a bound on the work."""

import io
import struct
import zlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, BinaryIO, Final

import brotli  # type: ignore[import-untyped] # it has no annotations
from backports import zstd
from urllib3 import HTTPResponse
from urllib3.exceptions import DecodeError

DECODED: Final = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd"})
_REGISTERED: Final = DECODED | {"compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip"}

DECODED_PIECE_BYTES: Final = 16 * 1024
"""To be read at once: behind each of many short streams urllib3 copies the rest of the piece."""

MAX_STREAMS: Final = 10_000
"""Of gzip or zstd, one after the other. Tools that write several begin one about every 64 KB."""

_GZIP: Final = frozenset({"gzip", "x-gzip"})

HAVE_LARGE_WINDOWS: Final = frozenset({"br", "zstd"})
"""A decoder keeps up to 16 MB (RFC 7932, section 9.1) or 128 MB (libzstd) of what it yielded."""

_MAX_CODINGS: Final = 5
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_LAST_BLOCK: Final = b"\x03\0"  # without content (RFC 1951, section 3.2.6)
_LAST_ZSTD_BLOCK: Final = b"\x01\0\0"  # likewise (RFC 8878, section 3.1.1.2)
# gzip (RFC 1952, section 2.3.1), zstd and its skippable frames (RFC 8878, section 3.1).
_BEGINNINGS: Final = (b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x2a\x4d\x18")


def codings_of(field: str) -> Sequence[str]:
    """Return the codings of a Content-Encoding that are registered with IANA.

    Other tokens, such as `aws-chunked` or `utf-8`, are ignored.
    """
    tokens = (token.strip().lower() for token in field.split(","))
    return [token for token in tokens if token in _REGISTERED]


def open_decoded(file: BinaryIO, codings: Sequence[str], max_bytes: int) -> BinaryIO:
    """Open content to be read without its codings; those that are not in `DECODED` stay.

    Args:
        file: the content as it came.
        codings: result of `codings_of`.
        max_bytes: limit of what a coding may yield for the next one.

    Returns:
        A reader, whose `read` raises urllib3's HTTPError where the content is damaged, or exceeds a
        limit.
    """
    if len(codings) > _MAX_CODINGS:
        raise DecodeError(f"{len(codings)} codings")
    reader: Any = file
    for coding in reversed(codings):
        headers = {"Content-Encoding": coding}
        bounded = _Bounded(reader, max_bytes)
        reader = HTTPResponse(bounded, headers, preload_content=False, decode_content=True)
    return reader  # type: ignore[no-any-return] # reads as a file does


def is_cut(file: BinaryIO, coding: str) -> bool:
    """Return whether content ends within its first stream, which urllib3 does not tell.

    False where all content is there and only the stream's end is missing: browsers show that.

    Args:
        file: content that `open_decoded` has read without an error.
        coding: its outermost one.
    """
    if coding in _GZIP:
        return _is_zlib_cut(file, _GZIP_WINDOW)
    if coding != "deflate":
        return _is_br_cut(file) if coding == "br" else _is_zstd_cut(file)
    try:
        return _is_zlib_cut(file, zlib.MAX_WBITS)
    except zlib.error:  # sent without the header of zlib, as urllib3 has found out
        file.seek(0)
        return _is_zlib_cut(file, -zlib.MAX_WBITS)


def _is_zstd_cut(file: BinaryIO) -> bool:
    stream = zstd.ZstdDecompressor()
    while not stream.eof:
        coded = file.read(DECODED_PIECE_BYTES) if stream.needs_input else b""
        if stream.needs_input and not coded:
            break
        stream.decompress(coded, DECODED_PIECE_BYTES)
    with suppress(zstd.ZstdError):
        if not stream.eof:
            stream.decompress(_LAST_ZSTD_BLOCK)
    return not stream.eof


def _is_br_cut(file: BinaryIO) -> bool:
    stream = brotli.Decompressor()
    while not stream.is_finished() and (coded := file.read(DECODED_PIECE_BYTES)):
        while stream.process(coded, output_buffer_limit=DECODED_PIECE_BYTES):
            coded = b""  # the rest of what it yields
    with suppress(brotli.error):
        if not stream.is_finished():
            stream.process(_LAST_BLOCK[:1])  # the same bits as of gzip (RFC 7932, section 9.2)
        return not stream.is_finished()
    return True


def _is_zlib_cut(file: BinaryIO, window_bits: int) -> bool:
    stream, size = zlib.decompressobj(window_bits), 0
    add_to = zlib.crc32 if window_bits == _GZIP_WINDOW else zlib.adler32
    checksum = add_to(b"")
    coded = plain = b"."
    while coded or plain:
        coded = stream.unconsumed_tail or file.read(DECODED_PIECE_BYTES)
        plain = stream.decompress(coded, DECODED_PIECE_BYTES)
        checksum, size = add_to(plain, checksum), size + len(plain)
        if stream.eof:
            return False
    # RFC 1952, section 2.3.1; RFC 1950, section 2.2; without the last block only behind a flush.
    end = _LAST_BLOCK
    if window_bits == _GZIP_WINDOW:
        end += struct.pack("<2I", checksum, size & 0xFFFF_FFFF)
    elif window_bits > 0:
        end += checksum.to_bytes(4)
    for there in range(len(end)):
        trial = stream.copy()
        with suppress(zlib.error):
            if not trial.decompress(end[there:]) and trial.eof:
                return False
    return True


class _Bounded(io.RawIOBase):
    """Limits what one coding yields for the next.

    With two codings, a kilobyte can become a megabyte of empty streams. Each costs microseconds,
    and adds nothing to the size of the content.
    """

    def __init__(self, file: BinaryIO, max_bytes: int) -> None:
        super().__init__()
        self._file = file
        self._bytes_left = max_bytes
        self._streams_left = MAX_STREAMS

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._bytes_left -= len(piece)
        self._streams_left -= sum(map(piece.count, _BEGINNINGS))
        if self._bytes_left < 0 or self._streams_left < 0:
            raise DecodeError("more streams or bytes than any real content has")
        return piece
