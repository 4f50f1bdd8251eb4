import struct

import pytest

from workers.contract import image_type
from workers.contract.image_type import ImageType
from workers.worker.source.dimensions import read_dimensions

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + struct.pack(">2I", 300, 200)
GIF = b"GIF89a" + struct.pack("<2H", 300, 200)
BMP = b"BM" + bytes(12)
EXIF = b"\xff\xe1\x00\x08Exif\0\0"
FRAME = struct.pack(">HB2H", 17, 8, 200, 300)


def tiff(*entries: tuple[int, int, int], order: str = "<") -> bytes:
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, len(entries))
    # A short number stands first in its four bytes, whatever their order.
    forms = {3: "H2x", 4: "I", 2: "I"}
    return head + b"".join(
        struct.pack(f"{order}2HI{forms[kind]}", tag, kind, 1, value) for tag, kind, value in entries
    )


KNOWN: list[tuple[str, ImageType, bytes]] = [
    ("png", image_type.PNG, PNG),
    ("apng", image_type.APNG, PNG),
    ("gif", image_type.GIF, GIF),
    ("bmp", image_type.BMP, BMP + struct.pack("<I2i", 40, 300, 200)),
    ("bmp-downwards", image_type.BMP, BMP + struct.pack("<I2i", 40, 300, -200)),
    ("bmp-os2", image_type.BMP, BMP + struct.pack("<I2H", 12, 300, 200)),
    ("jpeg", image_type.JPEG, b"\xff\xd8" + EXIF + b"\xff\xc0" + FRAME),
    ("jpeg-progressive", image_type.JPEG, b"\xff\xd8" + EXIF + b"\xff\xc2" + FRAME),
    ("jpeg-tables-first", image_type.JPEG, b"\xff\xd8\xff\xc4\0\x04ab\xff\xc1" + FRAME),
    ("jpeg-fill-bytes", image_type.JPEG, b"\xff\xd8\xff\xff\xff\xc0" + FRAME),
    ("jpeg-lone-marker", image_type.JPEG, b"\xff\xd8\xff\x01\xff\xc0" + FRAME),
    ("tiff-short", image_type.TIFF, tiff((256, 3, 300), (257, 3, 200))),
    ("tiff-long", image_type.TIFF, tiff((254, 4, 0), (256, 4, 300), (257, 4, 200))),
    ("tiff-motorola", image_type.TIFF, tiff((256, 3, 300), (257, 4, 200), order=">")),
]

UNKNOWN: list[tuple[str, ImageType, bytes]] = [
    ("webp", image_type.WEBP, b"RIFF\x24\x00\x00\x00WEBPVP8L" + bytes(100)),
    ("png-other-chunk", image_type.PNG, PNG.replace(b"IHDR", b"tEXt")),
    ("jpeg-no-marker", image_type.JPEG, b"\xff\xd8\xff\xe0\0\x04abcd" + bytes(100)),
    ("jpeg-endless-segments", image_type.JPEG, b"\xff\xd8" + EXIF * 1000 + b"\xff\xc0" + FRAME),
    ("tiff-one-side", image_type.TIFF, tiff((256, 3, 300), (256, 3, 200))),
    ("tiff-text-for-a-side", image_type.TIFF, tiff((256, 3, 300), (257, 2, 200))),
    ("tiff-far-away", image_type.TIFF, b"II*\0\xff\xff\xff\xff"),
]


@pytest.mark.parametrize(("kind", "data"), [row[1:] for row in KNOWN], ids=[r[0] for r in KNOWN])
def test_known(kind: ImageType, data: bytes) -> None:
    assert read_dimensions(memoryview(data), kind) == (300, 200)


@pytest.mark.parametrize(
    ("kind", "data"), [row[1:] for row in UNKNOWN], ids=[row[0] for row in UNKNOWN]
)
def test_unknown(kind: ImageType, data: bytes) -> None:
    assert read_dimensions(memoryview(data), kind) is None


@pytest.mark.parametrize(("kind", "data"), [row[1:] for row in KNOWN], ids=[r[0] for r in KNOWN])
def test_every_beginning_of_a_file_is_decided(kind: ImageType, data: bytes) -> None:
    for length in range(len(data)):
        read_dimensions(memoryview(data[:length]), kind)
