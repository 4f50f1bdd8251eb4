"""Takes metadata out of JPEG, PNG, GIF and TIFF files without touching their pixels; nothing is
decoded.

What tells the place an image was taken at: the GPS part of Exif, XMP, IPTC, and the manifests of
C2PA. Of these only Exif is edited, as it also says how the image is to be turned; the others go as
a whole, and so does whatever comes after the image's end, such as the video of a motion photo.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from workers.contract.image_type import APNG, BMP, GIF, JPEG, PNG, TIFF, ImageType
from workers.worker.exif import UnreadableError, edit_exif, edit_tiff
from workers.worker.source.gif import EXTENSION, IMAGE, gif_blocks
from workers.worker.source.jpeg import END_OF_IMAGE, jpeg_segments

_MAX_PARTS: Final = 100_000
"""Of a file. Real ones have some thousand; 20 MB of the smallest would take 20 s."""

_Part = TypeVar("_Part")
_Cut = tuple[int, int, bytes]
"""A piece of a file, from its first byte to the one behind its last, and what takes its place."""


def strip_metadata(data: memoryview, kind: ImageType, rule: str) -> Iterator[memoryview | bytes]:
    """Take metadata out of an image.

    Args:
        data: the file.
        kind: what it is.
        rule: ``location`` or ``all``; of the latter, what colours and orientation need is left.

    Yields:
        The parts of the new file; none if there is nothing to take out.

    Raises:
        UnreadableError: it cannot be told what is in the file, or in any of its type.
    """
    if kind is BMP:  # it has no place for them
        return
    cut = _CUTS.get(kind)
    if cut is None:
        raise UnreadableError
    end = 0
    try:
        for start, stop, instead in cut(data, rule):
            yield data[end:start]
            yield instead
            end = stop
    except (IndexError, ValueError, struct.error) as error:
        raise UnreadableError from error
    if end:
        yield data[end:]


def _bounded(parts: Iterator[_Part]) -> Iterator[_Part]:
    for count, part in enumerate(parts):
        if count == _MAX_PARTS:
            raise UnreadableError
        yield part


# --- JPEG ----------------------------------------------------------------------------------------

# ITU-T T.81, table B.1.
_START, _COMMENT = 0xFF, 0xFE
_APP0, _APP1, _APP2, _APP11, _APP13, _APP14 = 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xEE
_APPLICATION: Final = range(0xE0, 0xF0)
_EXIF: Final = b"Exif\0\0"
_SEGMENT_HEAD: Final = struct.Struct(">2BH")


def _cut_jpeg(data: memoryview, rule: str) -> Iterator[_Cut]:
    for marker, at, end in _bounded(jpeg_segments(data)):
        if end > len(data):
            raise UnreadableError
        if marker == END_OF_IMAGE:
            yield from _cut_tail(data, end)
        elif (instead := _instead_of_segment(marker, data[at:end], rule)) is not None:
            yield at, end, instead


def _cut_tail(data: memoryview, end: int) -> Iterator[_Cut]:
    if end < len(data):
        yield end, len(data), b""


def _instead_of_segment(marker: int, segment: memoryview, rule: str) -> bytes | None:
    """What takes its place; None: it stays."""
    name = bytes(segment[4:16])
    if marker == _APP1 and name.startswith(_EXIF):
        tiff = bytes(segment[4 + len(_EXIF) :])
        edited = edit_exif(tiff, rule)
        if edited == tiff:
            return None
        body = _EXIF + edited
        return _SEGMENT_HEAD.pack(_START, _APP1, len(body) + 2) + body if edited else b""
    is_kept = True
    if marker == _APP2:
        # Besides colour profiles this holds the index of further images behind this one.
        is_kept = name.startswith(b"ICC_PROFILE\0")
    elif marker in {_APP1, _APP11, _APP13}:  # XMP, C2PA, IPTC
        is_kept = False
    elif rule == "all" and (marker == _COMMENT or marker in _APPLICATION):
        is_kept = marker == _APP14 or (marker == _APP0 and name.startswith(b"JFIF\0"))
    return None if is_kept else b""


# --- PNG -----------------------------------------------------------------------------------------

_PNG_HEAD: Final = 8
_CHUNK: Final = struct.Struct(">I4s")
_TEXTS: Final = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_TEXTS_OF_PLACES: Final = (
    b"XML:com.adobe.xmp\0",
    b"Raw profile type ",
    b"exif:GPS",  # by ImageMagick, one for each value
)
# Of those that may be left out, what pixels, colours and motion need (PNG, third edition, 11.3).
_NEEDED: Final = frozenset(
    {
        *(b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"cICP", b"mDCV", b"cLLI"),
        *(b"bKGD", b"hIST", b"pHYs", b"sPLT", b"acTL", b"fcTL", b"fdAT"),
    }
)


def _png_chunks(data: memoryview) -> Iterator[tuple[bytes, int, int]]:
    """Section 5.3: length, type, data and checksum of each chunk."""
    at = _PNG_HEAD
    while at < len(data):
        length, kind = _CHUNK.unpack_from(data, at)
        end = min(at + 12 + length, len(data))  # it may be cut short; Imgur shall judge it
        yield kind, at, end
        at = end


def _cut_png(data: memoryview, rule: str) -> Iterator[_Cut]:
    for kind, at, end in _bounded(_png_chunks(data)):
        instead = _instead_of_chunk(kind, data[at + 8 : end - 4], rule)
        if instead is not None:
            yield at, end, instead
        if kind == b"IEND":
            yield from _cut_tail(data, end)
            return


def _instead_of_chunk(kind: bytes, body: memoryview, rule: str) -> bytes | None:
    """What takes its place; None: it stays."""
    if kind == b"eXIf":
        tiff = bytes(body)
        edited = edit_exif(tiff, rule)
        if edited == tiff:
            return None
        check = zlib.crc32(kind + edited).to_bytes(4, "big")
        return _CHUNK.pack(len(edited), kind) + edited + check if edited else b""
    if kind == b"caBX" or (kind in _TEXTS and bytes(body[:20]).startswith(_TEXTS_OF_PLACES)):
        return b""
    is_needed = kind[:1].isupper() or kind in _NEEDED
    return None if is_needed or rule != "all" else b""


# --- GIF -----------------------------------------------------------------------------------------

_GIF_COMMENT, _GIF_APPLICATION = 0xFE, 0xFF
# Of the extensions of applications, what motion and colours need; many others hold XMP or IPTC.
_GIF_NEEDED: Final = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"})


def _cut_gif(data: memoryview, rule: str) -> Iterator[_Cut]:
    for kind, at, end in _bounded(gif_blocks(data)):
        if kind == EXTENSION:
            label, application = data[at + 1], bytes(data[at + 3 : at + 14])
            is_told = label == _GIF_APPLICATION and application not in _GIF_NEEDED
            if is_told or (label == _GIF_COMMENT and rule == "all"):
                yield at, end, b""
        elif kind != IMAGE:
            yield from _cut_tail(data, end)


# --- TIFF ----------------------------------------------------------------------------------------


def _cut_tiff(data: memoryview, rule: str) -> Iterator[_Cut]:
    edited = edit_tiff(data, rule)
    if edited != data:
        yield 0, len(data), edited


_CUTS: Final[dict[ImageType, Callable[[memoryview, str], Iterator[_Cut]]]] = {
    JPEG: _cut_jpeg,
    PNG: _cut_png,
    APNG: _cut_png,
    GIF: _cut_gif,
    TIFF: _cut_tiff,
}
