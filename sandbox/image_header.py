"""Recognizes an uploaded image by its first bytes and reads its size in pixels from them."""

import struct
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What the answer to an upload tells of the image."""

    media_type: str
    extension: str
    width: int
    height: int
    animated: bool = False


_ANIMATION_WITHIN = 2048  # the marks of an animation stand near the start of the file
_NO_SIZE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_SHORT = 256, 257, 3
_MAX_TIFF_ENTRIES = 200


def read_header(data: bytes) -> ImageHeader | None:
    """Return what `data` is, or None if Imgur would refuse its type or the header is broken."""
    for signature, read in _READERS:
        if data.startswith(signature):
            try:
                return read(data)
            except (struct.error, IndexError):
                return None
    return None


def _read_png(data: bytes) -> ImageHeader:
    width, height = struct.unpack_from(">II", data, 16)
    animated = data.find(b"acTL", 0, _ANIMATION_WITHIN) > 0
    return ImageHeader("image/png", "png", width, height, animated=animated)


def _read_gif(data: bytes) -> ImageHeader:
    width, height = struct.unpack_from("<HH", data, 6)
    animated = data.find(b"NETSCAPE2.0", 0, _ANIMATION_WITHIN) > 0
    return ImageHeader("image/gif", "gif", width, height, animated=animated)


def _read_bmp(data: bytes) -> ImageHeader:
    width, height = struct.unpack_from("<ii", data, 18)
    return ImageHeader("image/bmp", "bmp", width, abs(height))


def _read_jpeg(data: bytes) -> ImageHeader | None:
    """Walk the segments to the frame header (ITU-T T.81 B.2.2)."""
    at = 2
    while data[at] == 0xFF:  # noqa: PLR2004 - every marker starts so
        marker = data[at + 1]
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return ImageHeader("image/jpeg", "jpg", width, height)
        if marker == _START_OF_SCAN:
            break
        at += 2
        if marker not in _NO_SIZE_MARKERS:
            at += struct.unpack_from(">H", data, at)[0]
    return None


def _read_tiff(data: bytes) -> ImageHeader | None:
    """Look the size up in the first directory (TIFF 6.0, section 2)."""
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", data, 4)
    (entries,) = struct.unpack_from(order + "H", data, at)
    found = {}
    for index in range(min(entries, _MAX_TIFF_ENTRIES)):
        entry = at + 2 + 12 * index
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        value = "H" if kind == _TIFF_SHORT else "I"
        (found[tag],) = struct.unpack_from(order + value, data, entry + 8)
    if _TIFF_WIDTH not in found or _TIFF_HEIGHT not in found:
        return None
    return ImageHeader("image/tiff", "tiff", found[_TIFF_WIDTH], found[_TIFF_HEIGHT])


_READERS: tuple[tuple[bytes, Callable[[bytes], ImageHeader | None]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _read_png),
    (b"\xff\xd8\xff", _read_jpeg),
    (b"GIF87a", _read_gif),
    (b"GIF89a", _read_gif),
    (b"BM", _read_bmp),
    (b"II*\x00", _read_tiff),
    (b"MM\x00*", _read_tiff),
)
