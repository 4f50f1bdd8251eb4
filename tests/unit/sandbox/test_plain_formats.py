import struct

import pytest

from sandbox.canvas import MEADOW, draw
from sandbox.plain_formats import encode_bmp, encode_tiff
from sandbox.refused_formats import encode_webp, shell_of_avif, shell_of_heic


@pytest.mark.parametrize("width", [4, 5, 6, 7], ids=lambda width: f"{width} wide")
def test_a_bitmap_holds_the_pixels_bottom_up(width):
    picture = draw(width, 5, MEADOW)
    data = encode_bmp(picture)
    assert data[:2] == b"BM"
    size, offset = struct.unpack_from("<I4xI", data, 2)
    assert size == len(data)
    assert struct.unpack_from("<ii", data, 18) == (width, 5)
    stride = (width * 3 + 3) // 4 * 4
    for y, row in enumerate(picture.rows()):
        stored = data[offset + (4 - y) * stride :][: width * 3]
        assert stored[0::3] == row[2::3]
        assert stored[1::3] == row[1::3]
        assert stored[2::3] == row[0::3]
    assert len(data) == offset + 5 * stride


@pytest.mark.parametrize("width", [6, 7], ids=["even", "odd"])
def test_a_tiff_tells_where_its_pixels_are(width):
    picture = draw(width, 3, MEADOW)
    data = encode_tiff(picture)
    order, magic, at = struct.unpack_from("<2sHI", data)
    assert (order, magic, at % 2) == (b"II", 42, 0)
    (count,) = struct.unpack_from("<H", data, at)
    entries = {}
    for index in range(count):
        tag, kind, values, value = struct.unpack_from("<HHII", data, at + 2 + 12 * index)
        entries[tag] = (kind, values, value)
    assert list(entries) == sorted(entries)  # TIFF 6.0 wants them ascending
    assert (entries[256][2], entries[257][2]) == (width, 3)
    start, length = entries[273][2], entries[279][2]
    assert data[start : start + length] == picture.pixels
    assert struct.unpack_from("<HHH", data, entries[258][2]) == (8, 8, 8)


def test_a_webp_has_honest_lengths():
    data = encode_webp(240, 160, step=(1, 0, 255))
    riff, size, webp, kind, length = struct.unpack_from("<4sI4s4sI", data)
    assert (riff, webp, kind) == (b"RIFF", b"WEBP", b"VP8L")
    assert size == len(data) - 8
    assert length + length % 2 == len(data) - 20
    bits = int.from_bytes(data[21:25], "little")
    assert (bits & 0x3FFF, bits >> 14 & 0x3FFF) == (239, 159)


@pytest.mark.parametrize(
    ("data", "brand"),
    [(shell_of_avif(), b"avif"), (shell_of_heic(), b"heic")],
    ids=["avif", "heic"],
)
def test_shells_are_whole_boxes(data, brand):
    assert data[4:12] == b"ftyp" + brand
    at, kinds = 0, []
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        kinds.append(kind)
        at += length
    assert at == len(data)
    assert kinds == [b"ftyp", b"meta", b"mdat"]
