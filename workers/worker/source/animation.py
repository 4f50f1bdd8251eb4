"""Tells animations from still images by the structure of the file; nothing is decoded."""

from typing import BinaryIO, Final

from workers.contract import image_type
from workers.contract.image_type import ImageType

_COLOR_TABLE_FLAG: Final = 0x80
_COLOR_TABLE_SIZE: Final = 0x07
_WEBP_ANIMATION_FLAG: Final = 0x02


def is_animated(file: BinaryIO, kind: ImageType) -> bool:
    """Whether an image moves.

    Args:
        file: the image; its position afterwards is anywhere.
        kind: what it is. Of AVIF and HEIF nothing is known.
    """
    if kind is image_type.GIF:
        return _has_second_frame(file)
    if kind is image_type.WEBP:
        return _is_animated_webp(file)
    return kind is image_type.APNG


def _has_second_frame(file: BinaryIO) -> bool:
    """GIF89a, appendix A: blocks, each told by its first byte, up to the second image."""
    file.seek(10)
    flags = file.read(3)[:1] or b"\0"
    _skip_color_table(file, flags[0])
    images = 0
    while True:
        match file.read(1):
            case b"!":
                file.seek(1, 1)  # the label
            case b",":
                images += 1
                if images > 1:
                    return True
                descriptor = file.read(9)
                if len(descriptor) < 9:  # noqa: PLR2004 - its length, section 20
                    return False
                _skip_color_table(file, descriptor[8])
                file.seek(1, 1)  # the LZW minimum code size
            case _:  # the trailer, or the end of a file that was cut
                return False
        _skip_sub_blocks(file)


def _skip_color_table(file: BinaryIO, flags: int) -> None:
    if flags & _COLOR_TABLE_FLAG:
        file.seek(3 * (2 << (flags & _COLOR_TABLE_SIZE)), 1)


def _skip_sub_blocks(file: BinaryIO) -> None:
    """Section 15: each begins with its length; one of length 0 ends them."""
    while size := file.read(1):
        if size == b"\0":
            return
        file.seek(size[0], 1)


def _is_animated_webp(file: BinaryIO) -> bool:
    """RFC 9649, section 2.7.1: the flags of the extended header."""
    file.seek(12)
    header = file.read(9)
    return header[:4] == b"VP8X" and bool(header[8:] and header[8] & _WEBP_ANIMATION_FLAG)
