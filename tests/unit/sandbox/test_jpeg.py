import struct

import pytest

from sandbox import jpeg
from sandbox.canvas import DUSK, draw


def segments(data):
    """Marker and content of each segment, and the entropy-coded data with the stuffing undone."""
    assert data[:2] == b"\xff\xd8"
    at, found = 2, []
    while True:
        assert data[at] == 0xFF
        marker, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        found.append((marker, data[at + 4 : at + 2 + length]))
        at += 2 + length
        if marker == 0xDA:
            break
    scan = data[at:-2]
    assert data[-2:] == b"\xff\xd9"
    assert scan.replace(b"\xff\x00", b"").count(b"\xff") == 0
    return found, scan.replace(b"\xff\x00", b"\xff")


def code_table(content):
    """(length, code) to symbol, as T.81 annex C makes it from a DHT segment."""
    counts, symbols = content[1:17], iter(content[17:])
    code, table = 0, {}
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            table[length, code] = next(symbols)
            code += 1
        assert code <= 1 << length
        code <<= 1
    assert next(symbols, None) is None
    return table


class Bits:
    def __init__(self, data):
        self.text = "".join(f"{byte:08b}" for byte in data)
        self.at = 0

    def take(self, count):
        self.at += count
        assert self.at <= len(self.text)
        return int(self.text[self.at - count : self.at] or "0", 2)

    def symbol(self, table):
        code = 0
        for length in range(1, 17):
            code = code << 1 | self.take(1)
            if (length, code) in table:
                return table[length, code]
        raise AssertionError("no such code")

    def amplitude(self, size):
        value = self.take(size)
        return value if not size or value >> (size - 1) else value - (1 << size) + 1


def luma_means(data):
    """The mean brightness of every 8x8 block, by (left, top), from a decoder of the test's own."""
    found, scan = segments(data)
    by_marker = dict(found)
    height, width = struct.unpack_from(">HH", by_marker[0xC0], 1)
    first_step = by_marker[0xDB][1]
    dc, ac = (code_table(content) for marker, content in found if marker == 0xC4)
    bits, last, means = Bits(scan), [0, 0, 0], {}
    for top in range(0, height, 16):
        for left in range(0, width, 16):
            for number, component in enumerate([0, 0, 0, 0, 1, 2]):
                last[component] += bits.amplitude(bits.symbol(dc))
                at = 1
                while at < 64:
                    symbol = bits.symbol(ac)
                    if symbol == 0:
                        break
                    at += (symbol >> 4) + 1
                    bits.amplitude(symbol & 15)
                    assert at <= 64
                if component == 0:
                    place = left + number % 2 * 8, top + number // 2 * 8
                    means[place] = last[0] * first_step / 8 + 128
    assert len(bits.text) - bits.at < 8
    return (width, height), means


@pytest.mark.parametrize("quality", [30, 75, 92])
@pytest.mark.parametrize("grain", [0, 12, 90], ids=["smooth", "grain", "noise"])
def test_a_decoder_finds_the_brightness_of_each_block(quality, grain):
    picture = draw(64, 48, DUSK, grain=grain)
    size, means = luma_means(jpeg.encode_jpeg(picture, quality=quality))
    assert size == (64, 48)
    assert len(means) == 48
    rows = picture.rows()
    for (left, top), mean in means.items():
        block = [
            rows[y][x * 3 : x * 3 + 3] for y in range(top, top + 8) for x in range(left, left + 8)
        ]
        drawn = sum(0.299 * r + 0.587 * g + 0.114 * b for r, g, b in block) / 64
        assert mean == pytest.approx(drawn, abs=2.5)


def test_better_quality_takes_more_bytes():
    picture = draw(96, 64, DUSK, grain=12)
    sizes = [len(jpeg.encode_jpeg(picture, quality=quality)) for quality in (10, 50, 95)]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("size", [5, 100, 65_537, 65_540, 68_000, 200_000])
def test_comments_are_segments_of_their_own(size):
    plain = jpeg.encode_jpeg(draw(16, 16, DUSK), quality=50)
    data = jpeg.splice(plain, [jpeg.comment(b"hello"), jpeg.padding(size)])
    found, _ = segments(data)
    assert [marker for marker, _ in found[:2]] == [0xE0, 0xFE]
    assert found[1][1] == b"hello"
    assert abs(len(jpeg.padding(size)) - size) <= 4
    assert luma_means(data) == luma_means(plain)
