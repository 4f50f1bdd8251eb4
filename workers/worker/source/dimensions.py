"""Reads the pixel size that an image declares in its head; nothing is decoded.

300 KB can hold a PNG of 50,000 by 50,000 pixels. That is harmless here, but decoding it takes
gigabytes, so it is not uploaded. An image without a readable size is left to Imgur.
"""

import struct
from collections.abc import Callable
from itertools import islice

from workers.contract import image_type
from workers.contract.image_type import ImageType
from workers.worker.source.jpeg import jpeg_segments

Dimensions = tuple[int, int]

_MAX_SEGMENTS = 200
"""Maximum before a JPEG's frame header. Most have about ten, with a large profile a hundred."""

# ITU-T T.81, table B.1: markers that begin a frame.
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

_OS2_HEADER_SIZE = 12

_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TIFF_NUMBERS = {3: "H", 4: "I"}  # SHORT and LONG
_MAX_TIFF_ENTRIES = 200


def read_dimensions(data: memoryview, kind: ImageType) -> Dimensions | None:
    """Return width and height in pixels.

    Args:
        data: the image.
        kind: type of the image.

    Returns:
        None if the head has no size, or not at the usual position.
    """
    reader = _READERS.get(kind)
    if reader is None:
        return None
    try:
        return reader(data)
    except (struct.error, ValueError):  # the head is truncated, or damaged
        return None


def _png(data: memoryview) -> Dimensions | None:
    """PNG, third edition, section 11.2.1: IHDR comes first."""
    name, width, height = struct.unpack_from(">4s2I", data, 12)
    return (width, height) if name == b"IHDR" else None


def _gif(data: memoryview) -> Dimensions | None:
    """GIF89a, section 18: the logical screen."""
    width, height = struct.unpack_from("<2H", data, 6)
    return width, height


def _bmp(data: memoryview) -> Dimensions | None:
    """The header of OS/2 1 has two bytes a side, all later ones have four; a negative height
    means that the rows go downwards.
    """
    (header_size,) = struct.unpack_from("<I", data, 14)
    form = "<2H" if header_size == _OS2_HEADER_SIZE else "<2i"
    width, height = struct.unpack_from(form, data, 18)
    return abs(width), abs(height)


def _jpeg(data: memoryview) -> Dimensions | None:
    """ITU-T T.81, section B.2.2: the frame header."""
    for marker, at, _ in islice(jpeg_segments(data), _MAX_SEGMENTS):
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack_from(">2H", data, at + 5)
            return width, height
    return None


def _tiff(data: memoryview) -> Dimensions | None:
    """TIFF 6.0, section 2: the tags of the first image, wherever in the file they are."""
    order = "<" if data[:2].tobytes() == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, start)
    sides: dict[int, int] = {}
    for number in range(min(count, _MAX_TIFF_ENTRIES)):
        entry = start + 2 + 12 * number
        tag, kind = struct.unpack_from(f"{order}2H", data, entry)
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT) and kind in _TIFF_NUMBERS:
            (sides[tag],) = struct.unpack_from(order + _TIFF_NUMBERS[kind], data, entry + 8)
    if len(sides) < 2:  # noqa: PLR2004 - an image has two sides
        return None
    return sides[_TIFF_WIDTH], sides[_TIFF_HEIGHT]


_READERS: dict[ImageType, Callable[[memoryview], Dimensions | None]] = {
    image_type.PNG: _png,
    image_type.APNG: _png,
    image_type.GIF: _gif,
    image_type.BMP: _bmp,
    image_type.JPEG: _jpeg,
    image_type.TIFF: _tiff,
}
