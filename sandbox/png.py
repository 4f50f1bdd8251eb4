"""PNG and animated PNG files (PNG specification, third edition, W3C 2025)."""

import struct
import zlib
from collections.abc import Iterable, Sequence

from sandbox.canvas import Picture

SIGNATURE = b"\x89PNG\r\n\x1a\n"
AFTER_HEADER = len(SIGNATURE) + 25  # where the first chunk after IHDR starts
_TRUECOLOUR = 2
_NO_FILTER = b"\x00"
_UP_FILTER = b"\x02"


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk: length, type, data and the checksum over type and data."""
    checksum = zlib.crc32(data, zlib.crc32(kind))
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def text_chunk(keyword: str, text: str) -> bytes:
    return chunk(b"tEXt", keyword.encode("latin-1") + b"\x00" + text.encode("latin-1"))


def padding_chunk(size: int) -> bytes:
    """A private ancillary chunk, which every reader skips, of about `size` bytes altogether."""
    return chunk(b"saNd", bytes(max(0, size - 12)))


def encode_png(picture: Picture, *, compression: int = 9) -> bytes:
    """Encode `picture`; compression 0 stores the pixels as they are, for a large file."""
    return b"".join(
        [
            SIGNATURE,
            _header(picture),
            chunk(b"IDAT", _compressed(picture, compression)),
            chunk(b"IEND", b""),
        ]
    )


def encode_apng(frames: Sequence[Picture], *, frame_milliseconds: int) -> bytes:
    """Encode equally large frames as an animation that repeats for ever."""
    first = frames[0]
    parts = [SIGNATURE, _header(first), chunk(b"acTL", struct.pack(">II", len(frames), 0))]
    sequence = 0
    for index, frame in enumerate(frames):
        control = struct.pack(
            ">IIIIIHHBB", sequence, frame.width, frame.height, 0, 0, frame_milliseconds, 1000, 0, 0
        )
        parts.append(chunk(b"fcTL", control))
        sequence += 1
        data = _compressed(frame, 9)
        if index == 0:  # the first frame is also what a reader without animation shows
            parts.append(chunk(b"IDAT", data))
        else:
            parts.append(chunk(b"fdAT", struct.pack(">I", sequence) + data))
            sequence += 1
    parts.append(chunk(b"IEND", b""))
    return b"".join(parts)


def splice(image: bytes, chunks: Iterable[bytes]) -> bytes:
    """Insert `chunks` behind the header chunk of a PNG file."""
    return b"".join([image[:AFTER_HEADER], *chunks, image[AFTER_HEADER:]])


def _header(picture: Picture) -> bytes:
    size = struct.pack(">II", picture.width, picture.height)
    return chunk(b"IHDR", size + bytes([8, _TRUECOLOUR, 0, 0, 0]))


def _compressed(picture: Picture, compression: int) -> bytes:
    """Filtered and deflated rows; subtracting the row above leaves smooth waves little to say."""
    if compression == 0:
        return zlib.compress(_NO_FILTER + _NO_FILTER.join(picture.rows()), 0)
    above = bytes(picture.width * 3)
    filtered = []
    for row in picture.rows():
        filtered.append(_UP_FILTER)
        filtered.append(bytes((here - up) & 255 for here, up in zip(row, above, strict=True)))
        above = row
    return zlib.compress(b"".join(filtered), compression)
