"""A baseline JPEG encoder, enough for the sample pictures (ITU-T T.81).

Chroma is kept at half the resolution (4:2:0). The Huffman codes are not those of annex K: six
frequent symbols take four bits and all others eight, which spares two long tables and costs a few
per cent of size.
"""

import math
import struct
from collections.abc import Iterable, Iterator

from sandbox.canvas import CHANNELS, Picture

AFTER_JFIF = 20  # where the first segment after SOI and APP0 starts
_MAX_SEGMENT = 65_533
_BLOCK = 8
_MCU = 16  # pixels a side of the unit of four luma blocks and two chroma blocks

# T.81 annex K.1, the example luminance quantization, used for chroma too
_QUANTIZATION = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
# the order of figure A.6: along the anti-diagonals, turning at each end
_ZIGZAG = sorted(
    range(64),
    key=lambda at: (sum(divmod(at, 8)), (at // 8) if sum(divmod(at, 8)) % 2 else (at % 8)),
)

_END_OF_BLOCK = 0x00
_SIXTEEN_ZEROS = 0xF0
_FREQUENT = (_END_OF_BLOCK, 0x01, 0x02, 0x11, 0x03, 0x21)
_SELDOM = tuple(
    symbol
    for symbol in [
        _SIXTEEN_ZEROS,
        *(run << 4 | size for run in range(16) for size in range(1, 11)),
    ]
    if symbol not in _FREQUENT
)
_AC_CODES = {symbol: (code, 4) for code, symbol in enumerate(_FREQUENT)} | {
    symbol: ((len(_FREQUENT) << 4) + code, 8) for code, symbol in enumerate(_SELDOM)
}
_DC_SIZES = 12

_C1, _C2, _C3, _C4, _C5, _C6, _C7 = (math.cos(k * math.pi / 16) / 2 for k in range(1, 8))

Block = list[list[float]]


def encode_jpeg(picture: Picture, *, quality: int) -> bytes:
    """Encode `picture`, whose sides must be multiples of 16.

    Args:
        picture: the pixels.
        quality: 1 to 100; the quantization table is scaled as most encoders do it.
    """
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality  # noqa: PLR2004 - the middle
    table = [
        [min(255, max(1, (step * scale + 50) // 100)) for step in row] for row in _QUANTIZATION
    ]
    flat = [step for row in table for step in row]
    head = [
        b"\xff\xd8",
        _segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"),
        _segment(0xDB, b"\x00" + bytes(flat[at] for at in _ZIGZAG)),
        _frame_header(picture),
        _segment(0xC4, b"\x00" + bytes([0, 0, 0, _DC_SIZES, *[0] * 12]) + bytes(range(_DC_SIZES))),
        _segment(
            0xC4,
            b"\x10"
            + bytes([0, 0, 0, len(_FREQUENT), 0, 0, 0, len(_SELDOM), *[0] * 8])
            + bytes(_FREQUENT + _SELDOM),
        ),
        _segment(0xDA, b"\x03\x01\x00\x02\x00\x03\x00\x00\x3f\x00"),
    ]
    return b"".join([*head, _scan(picture, flat), b"\xff\xd9"])


def comment(data: bytes) -> bytes:
    """A comment segment, which every reader skips."""
    return _segment(0xFE, data)


def padding(size: int) -> bytes:
    """Comment segments of about `size` bytes altogether."""
    full, rest = divmod(size, _MAX_SEGMENT + 4)
    last = comment(b" " * (rest - 4)) if rest > 4 else b""  # noqa: PLR2004 - marker and length
    return comment(b" " * _MAX_SEGMENT) * full + last


def splice(image: bytes, segments: Iterable[bytes]) -> bytes:
    """Insert `segments` behind the JFIF header of a JPEG made by `encode_jpeg`."""
    return b"".join([image[:AFTER_JFIF], *segments, image[AFTER_JFIF:]])


def _segment(marker: int, data: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def _frame_header(picture: Picture) -> bytes:
    size = struct.pack(">HH", picture.height, picture.width)
    return _segment(0xC0, b"\x08" + size + b"\x03\x01\x22\x00\x02\x11\x00\x03\x11\x00")


def _scan(picture: Picture, table: list[int]) -> bytes:
    last_dc = [0, 0, 0]
    bits: list[str] = []
    for component, block in _blocks(picture):
        values = [value for line in _transformed(block) for value in line]
        steps = [round(values[at] / table[at]) for at in _ZIGZAG]
        _entropy_code(steps, last_dc[component], bits)
        last_dc[component] = steps[0]
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\x00")


def _blocks(picture: Picture) -> Iterator[tuple[int, Block]]:
    """The blocks in the order of the scan, levels around zero, with the component of each."""
    luma, blueness, redness = _planes(picture)
    for top in range(0, picture.height, _MCU):
        for left in range(0, picture.width, _MCU):
            for y in (top, top + _BLOCK):
                for x in (left, left + _BLOCK):
                    yield 0, [row[x : x + _BLOCK] for row in luma[y : y + _BLOCK]]
            y, x = top // 2, left // 2
            yield 1, [row[x : x + _BLOCK] for row in blueness[y : y + _BLOCK]]
            yield 2, [row[x : x + _BLOCK] for row in redness[y : y + _BLOCK]]


def _planes(picture: Picture) -> tuple[Block, Block, Block]:
    """Luma, and of every second pixel in every second row the chroma (JFIF 1.02)."""
    luma, blueness, redness = [], [], []
    for y, row in enumerate(picture.rows()):
        pixels = list(zip(row[0::CHANNELS], row[1::CHANNELS], row[2::CHANNELS], strict=True))
        luma.append([0.299 * r + 0.587 * g + 0.114 * b - 128 for r, g, b in pixels])
        if y % 2 == 0:
            blueness.append([-0.168736 * r - 0.331264 * g + 0.5 * b for r, g, b in pixels[::2]])
            redness.append([0.5 * r - 0.418688 * g - 0.081312 * b for r, g, b in pixels[::2]])
    return luma, blueness, redness


def _transformed(block: Block) -> Iterator[tuple[float, ...]]:
    """The two-dimensional discrete cosine transform (T.81 A.3.3): rows, then columns."""
    columns = zip(*[_cosine(*row) for row in block], strict=True)
    return zip(*[_cosine(*column) for column in columns], strict=True)


def _cosine(  # noqa: PLR0917 - eight samples of one row
    a: float, b: float, c: float, d: float, e: float, f: float, g: float, h: float
) -> tuple[float, ...]:
    """The cosine transform of eight values, even and odd halves apart to halve the products."""
    ah, bg, cf, de = a + h, b + g, c + f, d + e
    oa, ob, oc, od = a - h, b - g, c - f, d - e
    return (
        (ah + bg + cf + de) * _C4,
        oa * _C1 + ob * _C3 + oc * _C5 + od * _C7,
        (ah - de) * _C2 + (bg - cf) * _C6,
        oa * _C3 - ob * _C7 - oc * _C1 - od * _C5,
        (ah - bg - cf + de) * _C4,
        oa * _C5 - ob * _C1 + oc * _C7 + od * _C3,
        (ah - de) * _C6 - (bg - cf) * _C2,
        oa * _C7 - ob * _C5 + oc * _C3 - od * _C1,
    )


def _entropy_code(steps: list[int], last_dc: int, bits: list[str]) -> None:
    """Append the code of one block (T.81 F.1.2) as text of noughts and ones."""
    difference = steps[0] - last_dc
    bits.append(f"{abs(difference).bit_length():04b}" + _amplitude(difference))
    zeros = 0
    for step in steps[1:]:
        if step == 0:
            zeros += 1
            continue
        while zeros >= 16:  # noqa: PLR2004 - the longest run one code can tell
            bits.append("{:0{}b}".format(*_AC_CODES[_SIXTEEN_ZEROS]))
            zeros -= 16
        code, length = _AC_CODES[zeros << 4 | abs(step).bit_length()]
        bits.append(f"{code:0{length}b}" + _amplitude(step))
        zeros = 0
    if zeros:
        bits.append("{:0{}b}".format(*_AC_CODES[_END_OF_BLOCK]))


def _amplitude(value: int) -> str:
    """The bits that follow a size code: negative values as the complement of their amount."""
    if value == 0:
        return ""
    size = abs(value).bit_length()
    return f"{value if value > 0 else value + (1 << size) - 1:0{size}b}"
