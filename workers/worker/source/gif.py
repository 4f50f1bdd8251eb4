"""Finds the blocks of a GIF file; nothing is decoded."""

from collections.abc import Iterator
from typing import Final

EXTENSION: Final = 0x21
IMAGE: Final = 0x2C

_HEAD: Final = 13
_IMAGE_HEAD: Final = 10
_HAS_TABLE: Final = 0x80
_TABLE_SIZE: Final = 0x07


def gif_blocks(data: memoryview) -> Iterator[tuple[int, int, int]]:
    """Yield what each block is, where it begins and where it ends (GIF89a, appendix A).

    The first one that is neither an extension nor an image ends the file, whatever follows; it is
    yielded as one byte. Where the file is cut short, a block may end behind it.
    """
    at = _HEAD + _table_bytes(data, 10)
    while at < len(data):
        kind = data[at]
        if kind not in {EXTENSION, IMAGE}:
            yield kind, at, at + 1
            return
        # Section 15: sub-blocks, each with its size in front, up to an empty one.
        end = at + 2 if kind == EXTENSION else at + _IMAGE_HEAD + _table_bytes(data, at + 9) + 1
        while end < len(data) and data[end]:
            end += 1 + data[end]
        yield kind, at, end + 1
        at = end + 1


def _table_bytes(data: memoryview, at: int) -> int:
    """The size of the colour table that these flags announce."""
    flags = data[at] if at < len(data) else 0
    return 3 * (2 << (flags & _TABLE_SIZE)) if flags & _HAS_TABLE else 0
