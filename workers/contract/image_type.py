"""Recognizes an image's type by its first bytes.

Nothing is decoded: 300 KB can hold an image of 50,000 by 50,000 pixels, and every decoder adds
code that processes untrusted bytes. The declared media type is ignored: it is often wrong, and
Imgur examines the bytes too.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

HEAD_BYTES = 4096
"""Number of bytes that `recognize` needs, if there are as many."""


@dataclass(frozen=True, slots=True)
class ImageType:
    """A kind of image.

    Attributes:
        name: common name.
        media_type: IANA media type.
        extension: file name extension, without the dot.
        decoder: Pillow's name of it; empty if it is not converted.
    """

    name: str
    media_type: str
    extension: str
    decoder: str = ""

    @property
    def code(self) -> str:
        """Its name in settings, such as ``jpeg-xl``."""
        return self.name.lower().replace(" ", "-")


# The first six are converted only where they are too large.
JPEG = ImageType("JPEG", "image/jpeg", "jpg", "JPEG")
PNG = ImageType("PNG", "image/png", "png", "PNG")
# An APNG is also a valid PNG, and image/png is understood everywhere.
APNG = ImageType("APNG", "image/png", "png", "PNG")
GIF = ImageType("GIF", "image/gif", "gif", "GIF")
TIFF = ImageType("TIFF", "image/tiff", "tiff", "TIFF")
BMP = ImageType("BMP", "image/bmp", "bmp", "BMP")
WEBP = ImageType("WebP", "image/webp", "webp", "WEBP")
AVIF = ImageType("AVIF", "image/avif", "avif", "AVIF")
HEIC = ImageType("HEIC", "image/heic", "heic", "HEIF")
HEIF = ImageType("HEIF", "image/heif", "heif", "HEIF")
SVG = ImageType("SVG", "image/svg+xml", "svg")
JPEG_XL = ImageType("JPEG XL", "image/jxl", "jxl")
JPEG_2000 = ImageType("JPEG 2000", "image/jp2", "jp2", "JPEG2000")
ICO = ImageType("ICO", "image/vnd.microsoft.icon", "ico", "ICO")
PSD = ImageType("PSD", "image/vnd.adobe.photoshop", "psd", "PSD")
PNM = ImageType("PNM", "image/x-portable-anymap", "pnm", "PPM")
TGA = ImageType("TGA", "image/x-tga", "tga", "TGA")
# DNG, NEF, ARW and others: a TIFF of which programs show a tiny preview (Imagick/imagick#685).
CAMERA_RAW = ImageType("camera raw", "image/x-raw", "raw")

TYPES: Final = (
    *(JPEG, PNG, APNG, GIF, TIFF, BMP),
    *(WEBP, AVIF, HEIC, HEIF, SVG, JPEG_XL, JPEG_2000, ICO, PSD, PNM, TGA),
    CAMERA_RAW,
)
"""All that `recognize` knows."""

IMAGE_TYPES: Final = tuple(kind.code for kind in TYPES)
"""Their codes."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_PNG_CHUNKS = 10_000  # before the first IDAT; most have about ten

# Unambiguous signatures.
_SIGNATURES = (
    (b"\xff\xd8\xff", JPEG),
    (_PNG_SIGNATURE, PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"\xff\x0a", JPEG_XL),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", JPEG_XL),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", JPEG_2000),
    (b"\xff\x4f\xff\x51", JPEG_2000),  # without a container (ITU-T T.800, annex A.4)
    (b"\x00\x00\x01\x00", ICO),
    (b"8BPS\x00\x01", PSD),
    # RAF; ORF; RW2
    (b"FUJIFILMCCD-RAW", CAMERA_RAW),
    *((mark, CAMERA_RAW) for mark in (b"IIRO", b"IIRS", b"MMOR", b"IIU\x00")),
)

# Sizes of the header that follows a BMP's first 14 bytes: OS/2 1; OS/2 2, which may be cut anywhere
# behind its first fields, and Windows 3; Windows 4 and 5.
_BMP_HEADER_SIZES = frozenset({12, *range(16, 65, 4), 108, 124})

# TIFF's tags for what a picture is and where further ones are; DNG's for itself. A TIFF's type.
_SUBFILE_TYPE, _FURTHER_PICTURES, _DNG_VERSION = 0x00FE, 0x014A, 0xC612
_SHORT: Final = 3

# ISO/IEC 23000-22 (AVIF, HEIC) brands, the more specific ones first.
_BRANDS = (
    (frozenset({b"avif", b"avis"}), AVIF),
    (frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}), HEIC),
    (frozenset({b"mif1", b"msf1", b"mif2"}), HEIF),
    (frozenset({b"crx "}), CAMERA_RAW),  # CR3
)

# netpbm.sourceforge.net/doc: PBM, PGM and PPM, in letters or not: a number, white space, the width.
_match_pnm = re.compile(rb"P[1-6]\s+(#[^\n]*\n\s*)*\d+\s").match

# Whether there is a colour table, and the type: with one, in colours, in grey; 8 more if packed.
_TGA_KINDS = frozenset({(1, 1), (1, 9), (0, 2), (0, 3), (0, 10), (0, 11)})
_TGA_DEPTHS = frozenset({8, 15, 16, 24, 32})

_without_comments = re.compile(rb"\A(?:<!--.*?-->\s*)+", re.DOTALL).sub

_UTF_16 = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE

_HTML_BEGINNINGS = (
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<body",
    b"<script",
    b"<title",
    b"<meta",
    b"<!--",
)


def recognize(head: bytes) -> ImageType | None:
    """Return the type of the image that begins with these HEAD_BYTES bytes, or with all of it; None
    if it is not an image.
    """
    for signature, image_type in _SIGNATURES:
        if head.startswith(signature):
            if image_type is TIFF:
                return CAMERA_RAW if _is_camera_raw(head) else TIFF
            return APNG if image_type is PNG and is_animated_png(head) else image_type
    if head[4:8] == b"ftyp":
        return _recognize_by_brand(head)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    matches = (kind for is_kind, kind in _TESTS if is_kind(head))
    return next(matches, None)


def describe(head: bytes) -> str:
    """Return what `head`, not an image, seems to be, as part of a sentence."""
    if head[4:8] == b"ftyp" or head.startswith(b"\x1aE\xdf\xa3"):
        return "a video"
    if head.startswith(b"%PDF-"):
        return "a PDF document"
    text = _beginning_of_text(head)
    if text.startswith(_HTML_BEGINNINGS) or (text.startswith(b"<?xml") and b"<html" in text):
        return "a web page"
    if text.startswith((b"{", b"[")):
        return "JSON text"
    return "something else"


def _is_bmp(head: bytes) -> bool:
    return head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES


def is_animated_png(data: bytes | memoryview) -> bool:
    """Return whether an acTL chunk precedes the first IDAT (PNG, third edition, 11.3.5).

    Args:
        data: the image, or its beginning, in which a colour profile may leave no room for the acTL.
    """
    position = len(_PNG_SIGNATURE)
    for _ in range(_MAX_PNG_CHUNKS):
        kind = data[position + 4 : position + 8]
        if kind == b"acTL":
            return True
        if kind == b"IDAT" or len(kind) < 4:  # noqa: PLR2004 - a chunk's type has four bytes
            return False
        # Length, type and checksum take 12 bytes besides the data.
        position += 12 + int.from_bytes(data[position : position + 4], "big")
    return False


def _is_camera_raw(head: bytes) -> bool:
    """TIFF 6.0, section 8, and Adobe's Technical Note 1: the first picture is a preview of one that
    is not among the pages; or DNG 1.7, which has a tag of its own.
    """
    byte_order: Literal["little", "big"] = "little" if head.startswith(b"II") else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(head[at : at + size], byte_order)

    start = number(4, 4)
    end = min(start + 2 + 12 * number(start, 2), len(head))
    entries = {number(at, 2): at for at in range(start + 2, end, 12)}
    if _DNG_VERSION in entries:
        return True
    if _FURTHER_PICTURES not in entries or _SUBFILE_TYPE not in entries:
        return False
    kind = entries[_SUBFILE_TYPE] + 2
    value = number(kind + 6, 2 if number(kind, 2) == _SHORT else 4)
    return bool(value & 1)


def _recognize_by_brand(head: bytes) -> ImageType | None:
    """ISO/IEC 14496-12, section 4.3: a major brand, a version, then the compatible brands."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))}
    for telling, image_type in _BRANDS:
        if brands & telling:
            return image_type
    return None


def _is_tga(head: bytes) -> bool:
    """Truevision TGA, version 2.0: no signature at its beginning, so all of its header has to fit.

    With a colour table, that has entries of one of four sizes; without, its description is empty.
    """
    if len(head) < 18:  # noqa: PLR2004 - the header's length
        return False
    has_table, kind, table = head[1], head[2], head[3:8]
    is_right_table = table[4] in _TGA_DEPTHS if has_table else table == bytes(5)
    has_pixels = head[12:14] != b"\0\0" and head[14:16] != b"\0\0"
    return (
        (has_table, kind) in _TGA_KINDS
        and is_right_table
        and has_pixels
        and head[16] in _TGA_DEPTHS
        and head[17] < 0x40  # noqa: PLR2004 - its upper two bits are unused
    )


def _is_svg(head: bytes) -> bool:
    text = _without_comments(b"", _beginning_of_text(head))
    return text.startswith(b"<svg") or (
        text.startswith((b"<?xml", b"<!doctype svg")) and b"<svg" in text
    )


def _beginning_of_text(head: bytes) -> bytes:
    if head.startswith(_UTF_16):
        head = head.decode("utf-16", "ignore").encode()
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()


# For those that no signature tells, the surest first.
_TESTS: Final[tuple[tuple[Callable[[bytes], object], ImageType], ...]] = (
    (_is_bmp, BMP),
    (_match_pnm, PNM),
    (_is_svg, SVG),
    (_is_tga, TGA),
)
