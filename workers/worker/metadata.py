"""Takes metadata out of JPEG and PNG files without touching their pixels; nothing is decoded.

What tells the place an image was taken at: the GPS part of Exif, XMP, IPTC, and the manifests of
C2PA. Of these only Exif is edited, as it also says how the image is to be turned; the others go as
a whole, and so does whatever comes after the image's end, such as the video of a motion photo.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final

from workers.contract.image_type import APNG, JPEG, PNG, ImageType

Part = memoryview | bytes


class UnreadableError(Exception):
    """The file is not built as its format wants."""


def strip_metadata(data: memoryview, kind: ImageType, rule: str) -> list[Part] | None:
    """Take metadata out of an image.

    Args:
        data: the file.
        kind: what it is.
        rule: ``location`` or ``all``; of the latter, what colours and orientation need is left.

    Returns:
        The parts of the new file; None if there is nothing to take out, or of another type.

    Raises:
        UnreadableError: it cannot be told what is in the file.
    """
    walk = _WALKS.get(kind)
    if walk is None:
        return None
    try:
        parts = list(walk(data, rule))
    except (IndexError, struct.error) as error:
        raise UnreadableError from error
    is_same = all(isinstance(part, memoryview) for part in parts)
    return None if is_same and sum(map(len, parts)) == len(data) else parts


# --- JPEG ----------------------------------------------------------------------------------------

# ITU-T T.81, table B.1.
_START, _END_OF_IMAGE, _START_OF_SCAN, _COMMENT = 0xFF, 0xD9, 0xDA, 0xFE
_LONE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_APP0, _APP1, _APP2, _APP11, _APP13, _APP14 = 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xEE
_APPLICATION: Final = range(0xE0, 0xF0)
_END_OF_SCAN: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
_EXIF: Final = b"Exif\0\0"
_SEGMENT_HEAD: Final = struct.Struct(">2BH")


def _walk_jpeg(data: memoryview, rule: str) -> Iterator[Part]:
    """Section B.1.1: segments with their lengths; after the head of a scan comes its data."""
    yield data[:2]
    at = 2
    while True:
        start, marker = data[at], data[at + 1]
        if start != _START:
            raise UnreadableError
        if marker == _START:  # a fill byte
            at += 1
            continue
        if marker == _END_OF_IMAGE:
            yield data[at : at + 2]
            return
        end = at + 2 if marker in _LONE_MARKERS else at + 2 + _SEGMENT_HEAD.unpack_from(data, at)[2]
        if end > len(data):
            raise UnreadableError
        kept = _kept_of_segment(marker, data[at:end], rule)
        if kept is not None:
            yield kept
        at = end
        if marker == _START_OF_SCAN:
            found = _END_OF_SCAN.search(data, at)
            if found is None:  # cut short; Imgur shall judge it
                yield data[at:]
                return
            yield data[at : found.start()]
            at = found.start()


def _kept_of_segment(marker: int, segment: memoryview, rule: str) -> Part | None:
    name = bytes(segment[4:16])
    if marker == _APP1 and name.startswith(_EXIF):
        tiff = bytes(segment[4 + len(_EXIF) :])
        edited = _edit_exif(tiff, rule)
        if edited == tiff:
            return segment
        body = _EXIF + edited
        return _SEGMENT_HEAD.pack(_START, _APP1, len(body) + 2) + body if edited else None
    # Besides colour profiles this holds the index of further images behind this one.
    if marker == _APP2:
        return segment if name.startswith(b"ICC_PROFILE\0") else None
    if marker in {_APP1, _APP11, _APP13}:  # XMP, C2PA, IPTC
        return None
    if rule == "all" and (marker == _COMMENT or marker in _APPLICATION):
        is_kept = marker == _APP14 or (marker == _APP0 and name.startswith(b"JFIF\0"))
        return segment if is_kept else None
    return segment


# --- PNG -----------------------------------------------------------------------------------------

_PNG_HEAD: Final = 8
_CHUNK: Final = struct.Struct(">I4s")
_TEXTS: Final = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_TEXTS_OF_PLACES: Final = (b"XML:com.adobe.xmp\0", b"Raw profile type ")
# Of those that may be left out, what pixels, colours and motion need (PNG, third edition, 11.3).
_NEEDED: Final = frozenset(
    {
        *(b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"cICP", b"mDCV", b"cLLI"),
        *(b"bKGD", b"hIST", b"pHYs", b"sPLT", b"acTL", b"fcTL", b"fdAT"),
    }
)


def _walk_png(data: memoryview, rule: str) -> Iterator[Part]:
    """Section 5.3: length, type, data and checksum of each chunk."""
    yield data[:_PNG_HEAD]
    at = _PNG_HEAD
    while at < len(data):
        length, kind = _CHUNK.unpack_from(data, at)
        end = at + 12 + length
        if end > len(data):  # cut short; Imgur shall judge it
            yield data[at:]
            return
        kept = _kept_of_chunk(kind, data[at:end], rule)
        if kept is not None:
            yield kept
        if kind == b"IEND":
            return
        at = end


def _kept_of_chunk(kind: bytes, chunk: memoryview, rule: str) -> Part | None:
    body = chunk[8:-4]
    if kind == b"eXIf":
        tiff = bytes(body)
        edited = _edit_exif(tiff, rule)
        if edited == tiff:
            return chunk
        return _chunk(kind, edited) if edited else None
    if kind == b"caBX" or (kind in _TEXTS and bytes(body[:20]).startswith(_TEXTS_OF_PLACES)):
        return None
    is_needed = kind[:1].isupper() or kind in _NEEDED
    return chunk if is_needed or rule != "all" else None


def _chunk(kind: bytes, body: bytes) -> bytes:
    return _CHUNK.pack(len(body), kind) + body + zlib.crc32(kind + body).to_bytes(4, "big")


# --- Exif ----------------------------------------------------------------------------------------

# TIFF 6.0, section 2, and Exif 3.0, section 4.6: tags, and the sizes of the types of their values.
_ORIENTATION, _GPS = 0x0112, 0x8825
_PLACES: Final = frozenset({_GPS, 0x02BC, 0x83BB, 0x8649})  # and XMP, IPTC, Photoshop's
_TYPE_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_ENTRY_BYTES: Final = 12
_SHORT: Final = 3
_UPRIGHT: Final = 1


def _edit_exif(tiff: bytes, rule: str) -> bytes:
    """The Exif without what is to go; empty if that is all of it."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return b""
    try:
        if rule == "all":
            return _only_orientation(tiff, order)
        return _without_places(bytearray(tiff), order)
    except (struct.error, IndexError):  # damaged: nobody could read more of it
        return b""


def _only_orientation(tiff: bytes, order: str) -> bytes:
    for at in _entries(tiff, order, _first_directory(tiff, order)):
        tag, kind, _, value = struct.unpack_from(f"{order}2HIH", tiff, at)
        if tag == _ORIENTATION and kind == _SHORT and value != _UPRIGHT:
            return b"MM\0*" + struct.pack(">IH2HI2HI", 8, 1, _ORIENTATION, _SHORT, 1, value, 0, 0)
    return b""


def _without_places(tiff: bytearray, order: str) -> bytes:
    directory = _first_directory(tiff, order)
    kept = bytearray()
    entries = list(_entries(tiff, order, directory))
    for at in entries:
        tag, _, _, offset = struct.unpack_from(f"{order}2H2I", tiff, at)
        if tag not in _PLACES:
            kept += tiff[at : at + _ENTRY_BYTES]
            continue
        if tag == _GPS:
            for inner in list(_entries(tiff, order, offset)):
                _blank_value(tiff, order, inner)
                tiff[inner : inner + _ENTRY_BYTES] = bytes(_ENTRY_BYTES)
            tiff[offset : offset + 2] = bytes(2)
        _blank_value(tiff, order, at)
    removed = len(entries) - len(kept) // _ENTRY_BYTES
    if not removed:
        return bytes(tiff)
    # What stood elsewhere stays there, as others point at it; this table ends earlier.
    begin, end = directory + 2, directory + 2 + _ENTRY_BYTES * len(entries)
    following = tiff[end : end + 4]
    struct.pack_into(f"{order}H", tiff, directory, len(entries) - removed)
    tiff[begin : end + 4] = (kept + following).ljust(end + 4 - begin, b"\0")
    return bytes(tiff)


def _first_directory(tiff: bytes | bytearray, order: str) -> int:
    return int(struct.unpack_from(f"{order}I", tiff, 4)[0])


def _entries(tiff: bytes | bytearray, order: str, directory: int) -> Iterator[int]:
    """Where the entries of a directory begin."""
    (count,) = struct.unpack_from(f"{order}H", tiff, directory)
    end = directory + 2 + _ENTRY_BYTES * count
    if end > len(tiff):
        raise IndexError
    yield from range(directory + 2, end, _ENTRY_BYTES)


def _blank_value(tiff: bytearray, order: str, entry: int) -> None:
    """Overwrite the value that an entry points at, if it does not hold it itself."""
    _, kind, count, offset = struct.unpack_from(f"{order}2H2I", tiff, entry)
    size = _TYPE_SIZES.get(kind, 1) * count
    if size > 4 and offset + size <= len(tiff):  # noqa: PLR2004 - the bytes of an offset
        tiff[offset : offset + size] = bytes(size)


_WALKS: Final[dict[ImageType, Callable[[memoryview, str], Iterator[Part]]]] = {
    JPEG: _walk_jpeg,
    PNG: _walk_png,
    APNG: _walk_png,
}
