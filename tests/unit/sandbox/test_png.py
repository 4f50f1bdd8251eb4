import struct
import zlib

import pytest

from sandbox import png
from sandbox.canvas import LAGOON, draw

PICTURE = draw(37, 23, LAGOON, grain=5)


def chunks(image):
    """Type and data of each chunk; every checksum is checked."""
    assert image.startswith(png.SIGNATURE)
    at, found = len(png.SIGNATURE), []
    while at < len(image):
        length, kind = struct.unpack_from(">I4s", image, at)
        data = image[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", image, at + 8 + length)
        assert zlib.crc32(kind + data) == checksum
        found.append((kind, data))
        at += 12 + length
    assert at == len(image)
    return found


def pixels_of(deflated, width):
    """Undo the filters None and Up, the only ones that the encoder uses."""
    rows = zlib.decompress(deflated)
    stride = width * 3 + 1
    above, pixels = bytes(stride - 1), b""
    for at in range(0, len(rows), stride):
        kind, row = rows[at], rows[at + 1 : at + stride]
        assert kind in {0, 2}
        if kind == 2:
            row = bytes((step + up) & 255 for step, up in zip(row, above, strict=True))
        pixels += row
        above = row
    return pixels


@pytest.mark.parametrize("compression", [0, 9])
def test_the_pixels_survive(compression):
    header, data, end = chunks(png.encode_png(PICTURE, compression=compression))
    assert header == (b"IHDR", struct.pack(">IIBBBBB", 37, 23, 8, 2, 0, 0, 0))
    assert pixels_of(data[1], 37) == PICTURE.pixels
    assert end == (b"IEND", b"")


def test_an_animation_numbers_its_frames_in_order():
    frames = [draw(16, 16, LAGOON, phase=phase) for phase in (0, 50, 100)]
    found = chunks(png.encode_apng(frames, frame_milliseconds=120))
    assert [kind for kind, _ in found] == [
        b"IHDR", b"acTL", b"fcTL", b"IDAT", b"fcTL", b"fdAT", b"fcTL", b"fdAT", b"IEND",
    ]  # fmt: skip
    assert found[1][1] == struct.pack(">II", 3, 0)
    numbered = [data for kind, data in found if kind in {b"fcTL", b"fdAT"}]
    assert [struct.unpack_from(">I", data)[0] for data in numbered] == [0, 1, 2, 3, 4]
    assert pixels_of(found[3][1], 16) == frames[0].pixels
    assert pixels_of(found[7][1][4:], 16) == frames[2].pixels


def test_spliced_chunks_stand_behind_the_header():
    image = png.splice(
        png.encode_png(PICTURE), [png.text_chunk("Comment", "hello"), png.padding_chunk(1000)]
    )
    found = chunks(image)
    assert [kind for kind, _ in found] == [b"IHDR", b"tEXt", b"saNd", b"IDAT", b"IEND"]
    assert found[1][1] == b"Comment\x00hello"
    assert len(found[2][1]) + 12 == 1000
