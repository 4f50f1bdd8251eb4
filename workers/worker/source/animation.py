"""Tells animations from still images by the structure of the file; nothing is decoded."""

from itertools import islice
from typing import Final

from workers.contract import image_type
from workers.contract.image_type import ImageType, is_animated_png
from workers.worker.source.gif import IMAGE, gif_blocks

_WEBP_ANIMATION_FLAG: Final = 0x02
_MAX_BLOCKS: Final = 100_000  # of a GIF; real ones have a second image among the first ten


def is_animated(data: memoryview, kind: ImageType) -> bool:
    """Whether an image moves.

    Args:
        data: the image.
        kind: what it is. Of AVIF and HEIF nothing is known.
    """
    if kind is image_type.GIF:
        blocks = islice(gif_blocks(data), _MAX_BLOCKS)
        images = (at for block, at, _ in blocks if block == IMAGE)
        return len(list(islice(images, 2))) > 1
    if kind is image_type.WEBP:
        # RFC 9649, section 2.7.1: the flags of the extended header.
        head = bytes(data[12:21])
        return head[:4] == b"VP8X" and bool(head[8:] and head[8] & _WEBP_ANIMATION_FLAG)
    return kind is image_type.APNG or (kind is image_type.PNG and is_animated_png(data))
