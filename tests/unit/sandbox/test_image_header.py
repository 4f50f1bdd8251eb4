import struct

import pytest

from sandbox import images
from sandbox.uploads import ImageHeader, read_header

BIG_ENDIAN_TIFF = b"MM\x00*" + struct.pack(">IHHHIHHHHIHH", 8, 2, 256, 3, 1, 7, 0, 257, 3, 1, 9, 0)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("small.png", ImageHeader("image/png", 88, 64)),
        ("animated.png", ImageHeader("image/png", 160, 120, animated=True)),
        ("small.jpg", ImageHeader("image/jpeg", 96, 64)),
        ("progressive.jpg", ImageHeader("image/jpeg", 1920, 1280)),
        ("small.gif", ImageHeader("image/gif", 120, 90)),
        ("animation.gif", ImageHeader("image/gif", 200, 150, animated=True)),
        ("bitmap.bmp", ImageHeader("image/bmp", 201, 150)),
        ("scan.tiff", ImageHeader("image/tiff", 1240, 1754)),
    ],
)
def test_type_and_size_are_read(name, header):
    assert read_header(images.load(name).data) == header


def test_a_big_endian_tiff_is_read():
    assert read_header(BIG_ENDIAN_TIFF) == ImageHeader("image/tiff", 7, 9)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"RIFF\x00\x00\x00\x00WEBP",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"BM",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xda\x00\x02",
        b"\xff\xd8\xff\xe0\x00\x04ab",
        b"II*\x00\xff\xff\xff\xff",
        b"II*\x00" + struct.pack("<IH", 8, 0),
    ],
    ids=[
        "nothing", "a page", "webp", "png cut", "gif cut", "bmp cut", "jpeg cut", "jpeg no frame",
        "jpeg no end", "tiff nowhere", "tiff without size",
    ],
)  # fmt: skip
def test_everything_else_is_refused(data):
    assert read_header(data) is None


@pytest.mark.parametrize("name", ["bitmap.bmp", "scan.tiff", "small.png", "small.jpg"])
def test_a_file_cut_anywhere_is_no_error(name):
    data = images.load(name).data
    for end in range(0, len(data), 5):
        read_header(data[:end])
