"""GIF files, still and animated (Graphics Interchange Format, version 89a, CompuServe 1990)."""

import struct
from collections.abc import Iterable, Iterator, Sequence

from sandbox.canvas import Picture

PALETTE_END = 13 + 256 * 3  # header, screen descriptor and the global colours
_RED, _GREEN, _BLUE = 6, 7, 6  # levels a channel: 252 of the 256 colours a GIF can have
_CODE_BITS = 8
_CLEAR = 1 << _CODE_BITS
_END = _CLEAR + 1
_MAX_CODES = 4096
_LOOP_FOREVER = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
_MAX_SUB_BLOCK = 255

_RED_INDEX = bytes(level * _RED // 256 * _GREEN * _BLUE for level in range(256))
_GREEN_INDEX = bytes(level * _GREEN // 256 * _BLUE for level in range(256))
_BLUE_INDEX = bytes(level * _BLUE // 256 for level in range(256))


def encode_gif(frames: Sequence[Picture], *, frame_milliseconds: int = 0) -> bytes:
    """Encode equally large frames; more than one makes an animation that repeats for ever."""
    first = frames[0]
    parts = [
        b"GIF89a" + struct.pack("<HH", first.width, first.height) + b"\xf7\x00\x00",
        _colours(),
    ]
    if len(frames) > 1:
        parts.append(_LOOP_FOREVER)
    for frame in frames:
        if len(frames) > 1:
            delay = struct.pack("<H", frame_milliseconds // 10)
            parts.append(b"\x21\xf9\x04\x04" + delay + b"\x00\x00")
        size = struct.pack("<HH", frame.width, frame.height)
        parts.append(b"\x2c\x00\x00\x00\x00" + size + b"\x00" + bytes([_CODE_BITS]))
        parts.append(_sub_blocks(_compressed(_indices(frame))))
    parts.append(b"\x3b")
    return b"".join(parts)


def comment(data: bytes) -> bytes:
    """A comment extension, which every reader skips."""
    return b"\x21\xfe" + _sub_blocks(data)


def padding(size: int) -> bytes:
    """A comment extension of about `size` bytes altogether."""
    full, rest = divmod(max(0, size - 3), _MAX_SUB_BLOCK + 1)
    last = bytes([rest - 1]) + b" " * (rest - 1) if rest > 1 else b""
    return b"\x21\xfe" + (b"\xff" + b" " * _MAX_SUB_BLOCK) * full + last + b"\x00"


def splice(image: bytes, extensions: Iterable[bytes]) -> bytes:
    """Insert `extensions` before the first image of a GIF made by `encode_gif`."""
    return b"".join([image[:PALETTE_END], *extensions, image[PALETTE_END:]])


def _colours() -> bytes:
    levels = [
        (red * 255 // (_RED - 1), green * 255 // (_GREEN - 1), blue * 255 // (_BLUE - 1))
        for red in range(_RED)
        for green in range(_GREEN)
        for blue in range(_BLUE)
    ]
    table = bytes(level for colour in levels for level in colour)
    return table.ljust(256 * 3, b"\x00")


def _indices(picture: Picture) -> bytes:
    reds = picture.pixels[0::3].translate(_RED_INDEX)
    greens = picture.pixels[1::3].translate(_GREEN_INDEX)
    blues = picture.pixels[2::3].translate(_BLUE_INDEX)
    return bytes(map(sum, zip(reds, greens, blues, strict=True)))


def _codes(indices: bytes) -> Iterator[tuple[int, int]]:
    """The LZW codes of `indices` (appendix F) with the bits each takes."""
    known: dict[tuple[int, int], int] = {}
    bits, free = _CODE_BITS + 1, _END + 1
    yield _CLEAR, bits
    prefix = indices[0]
    for index in indices[1:]:
        code = known.get((prefix, index))
        if code is not None:
            prefix = code
            continue
        yield prefix, bits
        if free < _MAX_CODES:
            if free == 1 << bits:
                bits += 1
            known[prefix, index] = free
            free += 1
        else:
            yield _CLEAR, bits
            known.clear()
            bits, free = _CODE_BITS + 1, _END + 1
        prefix = index
    yield prefix, bits
    # the reader has added one entry by now, which may have made its codes a bit wider
    yield _END, bits + (free == 1 << bits and free < _MAX_CODES)


def _compressed(indices: bytes) -> bytes:
    packed = bytearray()
    buffer = waiting = 0
    for code, bits in _codes(indices):
        buffer |= code << waiting
        waiting += bits
        while waiting >= 8:  # noqa: PLR2004 - bits in a byte
            packed.append(buffer & 255)
            buffer >>= 8
            waiting -= 8
    packed.append(buffer & 255)
    return bytes(packed)


def _sub_blocks(data: bytes) -> bytes:
    blocks = []
    for at in range(0, len(data), _MAX_SUB_BLOCK):
        block = data[at : at + _MAX_SUB_BLOCK]
        blocks.append(bytes([len(block)]) + block)
    return b"".join(blocks) + b"\x00"
