"""Reads the pixel size that an image declares in its head; nothing is decoded.

300 KB can hold a PNG of 50,000 by 50,000 pixels. That is harmless here, but decoding it takes
gigabytes, so it is not uploaded. An image without a readable size is left to Imgur.
"""

import struct
from collections.abc import Callable
from typing import Any, BinaryIO

from workers.contract import image_type
from workers.contract.image_type import ImageType

Dimensions = tuple[int, int]

_MAX_SEGMENTS = 200
"""Maximum before a JPEG's frame header. Most have about ten, with a large profile a hundred."""

# ITU-T T.81, table B.1: markers that begin a frame, and markers without a segment.
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MARKER_START = 0xFF
_LONE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})

_OS2_HEADER_SIZE = 12

_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TIFF_NUMBERS = {3: "H", 4: "I"}  # SHORT and LONG
_MAX_TIFF_ENTRIES = 200


def read_dimensions(file: BinaryIO, kind: ImageType) -> Dimensions | None:
    """Return width and height in pixels.

    Args:
        file: the image; its position changes.
        kind: type of the image.

    Returns:
        None if the head has no size, or not at the usual position.
    """
    reader = _READERS.get(kind)
    if reader is None:
        return None
    try:
        return reader(file)
    except struct.error:  # the head is truncated
        return None


def _png(file: BinaryIO) -> Dimensions | None:
    """PNG, third edition, section 11.2.1: IHDR comes first."""
    name, width, height = _unpack(">4x4s2I", file, 8)
    return (width, height) if name == b"IHDR" else None


def _gif(file: BinaryIO) -> Dimensions | None:
    """GIF89a, section 18: the logical screen."""
    width, height = _unpack("<2H", file, 6)
    return width, height


def _bmp(file: BinaryIO) -> Dimensions | None:
    """The header of OS/2 1 has two bytes a side, all later ones have four; a negative height
    means that the rows go downwards.
    """
    (header_size,) = _unpack("<I", file, 14)
    width, height = _unpack("<2H" if header_size == _OS2_HEADER_SIZE else "<2i", file, 18)
    return abs(width), abs(height)


def _jpeg(file: BinaryIO) -> Dimensions | None:
    """ITU-T T.81, section B.1.1: segments, each with its length, up to the frame header."""
    position = 2
    for _ in range(_MAX_SEGMENTS):
        start, marker, length = _unpack(">2BH", file, position)
        if start != _MARKER_START:
            return None
        if marker in _FRAME_MARKERS:
            height, width = _unpack(">2H", file, position + 5)
            return width, height
        if marker == _MARKER_START:  # a fill byte
            position += 1
        else:
            position += 2 if marker in _LONE_MARKERS else 2 + length
    return None


def _tiff(file: BinaryIO) -> Dimensions | None:
    """TIFF 6.0, section 2: the tags of the first image, wherever in the file they are."""
    (mark,) = _unpack("2s", file, 0)
    order = "<" if mark == b"II" else ">"
    (start,) = _unpack(f"{order}I", file, 4)
    (count,) = _unpack(f"{order}H", file, start)
    sides: dict[int, int] = {}
    for number in range(min(count, _MAX_TIFF_ENTRIES)):
        entry = start + 2 + 12 * number
        tag, kind = _unpack(f"{order}2H", file, entry)
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT) and kind in _TIFF_NUMBERS:
            (sides[tag],) = _unpack(order + _TIFF_NUMBERS[kind], file, entry + 8)
    if len(sides) < 2:  # noqa: PLR2004 - an image has two sides
        return None
    return sides[_TIFF_WIDTH], sides[_TIFF_HEIGHT]


def _unpack(form: str, file: BinaryIO, position: int) -> tuple[Any, ...]:
    file.seek(position)
    return struct.unpack(form, file.read(struct.calcsize(form)))


_READERS: dict[ImageType, Callable[[BinaryIO], Dimensions | None]] = {
    image_type.PNG: _png,
    image_type.APNG: _png,
    image_type.GIF: _gif,
    image_type.BMP: _bmp,
    image_type.JPEG: _jpeg,
    image_type.TIFF: _tiff,
}
