import struct
import zlib

import pytest

from workers.contract import image_type
from workers.contract.image_type import ImageType, describe, recognize

PNG = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def box(*brands: bytes) -> bytes:
    data = brands[0] + bytes(4) + b"".join(brands[1:])
    return struct.pack(">I", 8 + len(data)) + b"ftyp" + data + b"\x00\x00\x00\x08mdat"


def tiff(order: str, *entries: tuple[int, int, int]) -> bytes:
    """Tag, type and value of each."""
    table = b"".join(
        struct.pack(order + ("2HIH2x" if kind == 3 else "2H2I"), tag, kind, 1, value)
        for tag, kind, value in entries
    )
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(f"{order}IH", 8, len(entries)) + table + bytes(4)


HEADER = chunk(b"IHDR", bytes(13))
ANIMATION = chunk(b"acTL", bytes(8))
PIXELS = chunk(b"IDAT", b"pixels")

IMAGES: list[tuple[str, bytes, ImageType]] = [
    ("jpeg-jfif", b"\xff\xd8\xff\xe0\x00\x10JFIF", image_type.JPEG),
    ("jpeg-exif", b"\xff\xd8\xff\xe1\x00\x10Exif", image_type.JPEG),
    ("jpeg-raw", b"\xff\xd8\xff\xdb", image_type.JPEG),
    ("png", PNG + HEADER + PIXELS, image_type.PNG),
    ("png-head-only", PNG, image_type.PNG),
    ("png-cut-chunk", PNG + HEADER[:10], image_type.PNG),
    ("png-endless-chunk", PNG + b"\xff\xff\xff\xfftEXt", image_type.PNG),
    ("apng", PNG + HEADER + ANIMATION + PIXELS, image_type.APNG),
    ("apng-late", PNG + HEADER + chunk(b"iCCP", bytes(900)) + ANIMATION, image_type.APNG),
    ("png-actl-after-pixels", PNG + HEADER + PIXELS + ANIMATION, image_type.PNG),
    ("png-actl-in-text", PNG + HEADER + chunk(b"tEXt", ANIMATION) + PIXELS, image_type.PNG),
    ("gif87", b"GIF87a\x01\x00", image_type.GIF),
    ("gif89", b"GIF89a\x01\x00", image_type.GIF),
    ("tiff-intel", b"II*\x00\x08\x00\x00\x00", image_type.TIFF),
    ("tiff-motorola", b"MM\x00*\x00\x00\x00\x08", image_type.TIFF),
    ("tiff-of-pages", tiff("<", (0xFE, 4, 2), (0x14A, 4, 99)), image_type.TIFF),
    ("tiff-with-smaller-ones", tiff(">", (0xFE, 3, 0), (0x14A, 4, 99)), image_type.TIFF),
    ("tiff-of-a-preview", tiff(">", (0xFE, 4, 1), (0x100, 3, 1)), image_type.TIFF),
    ("tiff-far-table", b"II*\x00\xff\xff\xff\xff", image_type.TIFF),
    ("raw", tiff("<", (0xFE, 4, 1), (0x100, 3, 160), (0x14A, 4, 99)), image_type.CAMERA_RAW),
    ("raw-motorola", tiff(">", (0xFE, 3, 1), (0x14A, 4, 99)), image_type.CAMERA_RAW),
    ("raw-raf", b"FUJIFILMCCD-RAW 0201", image_type.CAMERA_RAW),
    ("raw-orf", b"IIRO\x08\x00\x00\x00", image_type.CAMERA_RAW),
    ("raw-rw2", b"IIU\x00\x18\x00\x00\x00", image_type.CAMERA_RAW),
    ("raw-cr3", box(b"crx ", b"crx ", b"isom"), image_type.CAMERA_RAW),
    ("raw-dng", tiff("<", (0x100, 3, 4032), (0xC612, 1, 1)), image_type.CAMERA_RAW),
    ("bmp", b"BM" + bytes(12) + b"\x28\x00\x00\x00", image_type.BMP),
    ("bmp-v5", b"BM" + bytes(12) + b"\x7c\x00\x00\x00", image_type.BMP),
    ("bmp-os2", b"BM" + bytes(12) + b"\x18\x00\x00\x00", image_type.BMP),
    ("webp", b"RIFF\x24\x00\x00\x00WEBPVP8L", image_type.WEBP),
    ("avif", box(b"avif", b"mif1", b"miaf"), image_type.AVIF),
    ("avif-sequence", box(b"avis", b"msf1"), image_type.AVIF),
    ("avif-by-compatible-brand", box(b"mif1", b"avif"), image_type.AVIF),
    ("heic", box(b"heic", b"mif1", b"heic"), image_type.HEIC),
    ("heic-by-compatible-brand", box(b"mif1", b"heic"), image_type.HEIC),
    ("heif", box(b"mif1", b"mif1"), image_type.HEIF),
    ("jpeg-xl", b"\xff\x0a\x00", image_type.JPEG_XL),
    ("jpeg-xl-boxed", b"\x00\x00\x00\x0cJXL \r\n\x87\n", image_type.JPEG_XL),
    ("jpeg-2000", b"\x00\x00\x00\x0cjP  \r\n\x87\n", image_type.JPEG_2000),
    ("jpeg-2000-stream", b"\xff\x4f\xff\x51\x00\x2f", image_type.JPEG_2000),
    ("psd", b"8BPS\x00\x01" + bytes(20), image_type.PSD),
    ("pnm-letters", b"P1\n# drawn\n# by hand\n12 9\n0 1 0", image_type.PNM),
    ("pnm", b"P6 12 9 255\n", image_type.PNM),
    ("tga", bytes(2) + b"\x02" + bytes(9) + b"\x05\0\x04\0\x18\0", image_type.TGA),
    ("tga-packed", bytes(2) + b"\x0a" + bytes(9) + b"\x05\0\x04\0\x20\x28", image_type.TGA),
    ("tga-table", b"\0\1\1\0\0\0\1\x18" + bytes(4) + b"\5\0\4\0\x08\0", image_type.TGA),
    ("ico", b"\x00\x00\x01\x00\x01\x00", image_type.ICO),
    ("svg", b"\xef\xbb\xbf \n<svg xmlns='http://www.w3.org/2000/svg'/>", image_type.SVG),
    ("svg-comments", b"<!-- a -->\n<!-- <b> -->\n<svg/>", image_type.SVG),
    ("svg-utf-16", "<?xml version='1.0'?>\n<svg/>".encode("utf-16"), image_type.SVG),
    ("svg-utf-16-be", "\ufeff<svg/>".encode("utf-16-be") + b"\xd8", image_type.SVG),
    ("svg-xml", b"<?xml version='1.0'?>\n<!-- x -->\n<svg/>", image_type.SVG),
]

OTHERS: list[tuple[str, bytes, str]] = [
    ("html", b"<!DOCTYPE html><title>Not found</title>", "a web page"),
    ("html-utf-16", "<!DOCTYPE html>".encode("utf-16"), "a web page"),
    ("html-bare", b"\r\n  <HTML><body>", "a web page"),
    ("html-comment", b"<!-- x --><html><svg></svg>", "a web page"),
    ("html-with-svg", b"<html><svg></svg>", "a web page"),
    ("xhtml", b"<?xml version='1.0'?><html xmlns='x'>", "a web page"),
    ("pdf", b"%PDF-1.7\n", "a PDF document"),
    ("mp4", box(b"isom", b"iso2", b"avc1", b"mp41"), "a video"),
    ("webm", b"\x1aE\xdf\xa3\x01", "a video"),
    ("json", b' {"error": "gone"}', "JSON text"),
    ("text", b"BM is how this text begins, but it is no bitmap", "something else"),
    ("sound", b"RIFF\x24\x00\x00\x00WAVEfmt ", "something else"),
    ("text-with-a-number", b"P5 is a processor of 1993", "something else"),
    ("tga-without-pixels", bytes(2) + b"\x02" + bytes(13) + b"\x18\0", "something else"),
    (
        "tga-with-a-stray-table",
        bytes(2) + b"\x02\1" + bytes(8) + b"\5\0\4\0\x18\0",
        "something else",
    ),
    ("zeros", bytes(64), "something else"),
    ("one-byte", b"\xff", "something else"),
    ("nothing", b"", "something else"),
]


@pytest.mark.parametrize(
    ("head", "expected"), [row[1:] for row in IMAGES], ids=[r[0] for r in IMAGES]
)
def test_recognizes(head: bytes, expected: ImageType) -> None:
    assert recognize(head) is expected


@pytest.mark.parametrize(
    ("head", "expected"), [row[1:] for row in OTHERS], ids=[r[0] for r in OTHERS]
)
def test_describes_what_is_no_image(head: bytes, expected: str) -> None:
    assert recognize(head) is None
    assert describe(head) == expected


def test_every_type_has_a_code_of_its_own() -> None:
    assert {one for _, _, one in IMAGES} == set(image_type.TYPES)
    assert len(set(image_type.IMAGE_TYPES)) == len(image_type.TYPES)
    assert "jpeg-xl" in image_type.IMAGE_TYPES


@pytest.mark.parametrize("head", [row[1] for row in IMAGES], ids=[row[0] for row in IMAGES])
def test_every_beginning_of_a_head_is_decided(head: bytes) -> None:
    for length in range(len(head)):
        recognize(head[:length])
        describe(head[:length])
