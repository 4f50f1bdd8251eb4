import struct

import pytest

from sandbox import gif
from sandbox.canvas import BERRY, draw


def sub_blocks(data, at):
    joined = b""
    while data[at]:
        joined += data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
    return joined, at + 1


def lzw_decode(data, least_bits):
    """Variable-length LZW as appendix F of the specification tells it."""
    clear, end = 1 << least_bits, (1 << least_bits) + 1
    value, have, at = 0, 0, 0
    table, bits, previous, pixels = {}, least_bits + 1, None, b""
    while True:
        while have < bits:
            value |= data[at] << have
            at, have = at + 1, have + 8
        code, value, have = value & ((1 << bits) - 1), value >> bits, have - bits
        if code == end:
            return pixels
        if code == clear:
            table = {index: bytes([index]) for index in range(clear)}
            bits, previous = least_bits + 1, None
            continue
        if previous is None:
            entry = table[code]
        else:
            free = end + 1 + len(table) - clear
            entry = table[code] if code in table else previous + previous[:1]
            assert code in table or code == free
            if free < 4096:
                table[free] = previous + entry[:1]
                if free + 1 == 1 << bits and bits < 12:
                    bits += 1
        pixels += entry
        previous = entry


def images_of(data):
    """(width, height, colour indices) of each image, extensions, and whether it ends properly."""
    at, images, extensions = gif.PALETTE_END, [], []
    while data[at] != 0x3B:
        if data[at] == 0x21:
            content, next_at = sub_blocks(data, at + 2)
            extensions.append((data[at + 1], content))
            at = next_at
            continue
        assert data[at] == 0x2C
        width, height = struct.unpack_from("<HH", data, at + 5)
        packed, next_at = sub_blocks(data, at + 11)
        images.append((width, height, lzw_decode(packed, data[at + 10])))
        at = next_at
    assert at == len(data) - 1
    return images, extensions


@pytest.mark.parametrize(
    ("width", "height", "grain"),
    [(1, 1, 0), (2, 1, 0), (40, 30, 0), (120, 90, 2), (150, 150, 40)],
    ids=["one pixel", "two pixels", "smooth", "grain", "full code table"],
)
def test_the_colour_indices_survive(width, height, grain):
    picture = draw(width, height, BERRY, grain=grain)
    data = gif.encode_gif([picture])
    assert data.startswith(b"GIF89a" + struct.pack("<HH", width, height))
    ((found_width, found_height, indices),), extensions = images_of(data)
    assert (found_width, found_height) == (width, height)
    assert indices == gif._indices(picture)
    assert extensions == []


def test_colours_are_near_those_of_the_picture():
    picture = draw(40, 30, BERRY)
    data = gif.encode_gif([picture])
    palette = data[13 : gif.PALETTE_END]
    (_, _, indices) = images_of(data)[0][0]
    for at, index in enumerate(indices):
        shown = palette[index * 3 : index * 3 + 3]
        drawn = picture.pixels[at * 3 : at * 3 + 3]
        assert all(abs(a - b) <= 52 for a, b in zip(shown, drawn, strict=True))


def test_an_animation_repeats_and_waits():
    frames = [draw(20, 10, BERRY, phase=phase) for phase in (0, 30)]
    images, extensions = images_of(gif.encode_gif(frames, frame_milliseconds=120))
    assert len(images) == 2
    assert extensions[0] == (0xFF, b"NETSCAPE2.0\x01\x00\x00")
    assert extensions[1] == (0xF9, b"\x04" + struct.pack("<H", 12) + b"\x00")


@pytest.mark.parametrize("size", [0, 3, 4, 5, 258, 259, 260, 1000, 68_000])
def test_comments_are_skipped_and_padding_has_its_size(size):
    plain = gif.encode_gif([draw(4, 4, BERRY)])
    data = gif.splice(plain, [gif.comment(b"x" * 300), gif.padding(size)])
    images, extensions = images_of(data)
    assert len(images) == 1
    assert extensions[0] == (0xFE, b"x" * 300)
    assert abs(len(gif.padding(size)) - size) <= 3
