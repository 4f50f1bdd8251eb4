import struct

import pytest

from sandbox import images
from sandbox.uploads import ImageHeader, read_header

BIG_ENDIAN_TIFF = b"MM\x00*" + struct.pack(">IHHHIHHHHIHH", 8, 2, 256, 3, 1, 7, 0, 257, 3, 1, 9, 0)


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
