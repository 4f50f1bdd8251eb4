import struct

import pytest

from sandbox import gif, jpeg, png
from sandbox.canvas import DUSK, draw
from sandbox.image_header import ImageHeader, read_header
from sandbox.plain_formats import encode_bmp, encode_tiff

PICTURE = draw(32, 16, DUSK)
FRAMES = [PICTURE, draw(32, 16, DUSK, phase=9)]
BIG_ENDIAN_TIFF = b"MM\x00*" + struct.pack(">IHHHIHHHHIHH", 8, 2, 256, 3, 1, 7, 0, 257, 3, 1, 9, 0)


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (png.encode_png(PICTURE), ImageHeader("image/png", "png", 32, 16)),
        (
            png.encode_apng(FRAMES, frame_milliseconds=50),
            ImageHeader("image/png", "png", 32, 16, animated=True),
        ),
        (jpeg.encode_jpeg(PICTURE, quality=80), ImageHeader("image/jpeg", "jpg", 32, 16)),
        (gif.encode_gif([PICTURE]), ImageHeader("image/gif", "gif", 32, 16)),
        (gif.encode_gif(FRAMES), ImageHeader("image/gif", "gif", 32, 16, animated=True)),
        (encode_bmp(PICTURE), ImageHeader("image/bmp", "bmp", 32, 16)),
        (encode_tiff(PICTURE), ImageHeader("image/tiff", "tiff", 32, 16)),
        (BIG_ENDIAN_TIFF, ImageHeader("image/tiff", "tiff", 7, 9)),
    ],
    ids=["png", "apng", "jpeg", "gif", "animated gif", "bmp", "tiff", "tiff, big-endian"],
)
def test_type_and_size_are_read(data, header):
    assert read_header(data) == header


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


@pytest.mark.parametrize(
    "make", [encode_bmp, encode_tiff, png.encode_png], ids=["bmp", "tiff", "png"]
)
def test_a_file_cut_anywhere_is_no_error(make):
    data = make(PICTURE)
    for end in range(0, len(data), 5):
        read_header(data[:end])
