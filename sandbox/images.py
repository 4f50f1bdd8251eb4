"""The sample images by name, and any number of distinct small ones for load tests."""

import functools
import zlib
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

INSCRIPTION = "imgur-sandbox "
"""Begin of the comment of a distinct image; the rest of the comment identifies the upload."""
ACCEPTED_NAMES = (
    "photo.jpg", "progressive.jpg", "drawing.png", "small.png", "large.png", "small.jpg",
    "small.gif", "animation.gif", "animated.png", "scan.tiff", "bitmap.bmp",
)  # fmt: skip
REFUSED_NAMES = ("picture.webp", "animation.webp", "picture.avif", "picture.heic")

_SAMPLES = Path(__file__).parent / "samples"
_LARGE_BYTES = 5_200_000  # of large.png; the file is much smaller
_MAX_PADDED_BYTES = 40_000_000
_MAX_SEGMENT_BYTES = 65_533  # of a JPEG; its length is two bytes and counts them
_MAX_SUB_BLOCK_BYTES = 255  # of a GIF; its length is one byte


class Image(NamedTuple):
    """The bytes of an image and their media type."""

    data: bytes
    media_type: str


def respond(image: Image) -> web.Response:
    """Return a response with `image`, like that of any site."""
    headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=image.data, content_type=image.media_type, headers=headers)


@functools.cache
def load(name: str) -> Image:
    """Return a sample of ACCEPTED_NAMES or REFUSED_NAMES."""
    kind, data = name.rpartition(".")[2], (_SAMPLES / name).read_bytes()
    if name == "large.png":
        data = _splice(kind, data, bytes(_LARGE_BYTES - len(data)))
    return Image(data, "image/jpeg" if kind == "jpg" else f"image/{kind}")


def inscribe(extension: str, text: str, *, pad_to: int = 0) -> Image:
    """Return the small png, jpg or gif with this ASCII text as comment, padded to about a size."""
    small = load(f"small.{extension}")
    # The line break shows a reader where the text ends, whatever bytes follow.
    comment = f"{INSCRIPTION}{text}\n".encode("ascii")
    padding = min(pad_to, _MAX_PADDED_BYTES) - len(small.data)
    return Image(_splice(extension, small.data, comment.ljust(padding)), small.media_type)


def _splice(extension: str, image: bytes, comment: bytes) -> bytes:
    """Insert a comment of any length in the place that the format has for it."""
    if extension == "png":
        at = 33  # behind the signature and the header chunk
        text = b"tEXtComment\x00" + comment
        added = [(len(text) - 4).to_bytes(4), text, zlib.crc32(text).to_bytes(4)]
    elif extension == "jpg":
        at = 4 + int.from_bytes(image[4:6])  # behind the JFIF header, which has to come first
        pieces = _cut(comment, _MAX_SEGMENT_BYTES, overhead=4)
        added = [b"\xff\xfe" + (len(piece) + 2).to_bytes(2) + piece for piece in pieces]
    else:
        at = 13 + 3 * (2 << (image[10] & 7))  # behind the global colours
        pieces = _cut(comment, _MAX_SUB_BLOCK_BYTES, overhead=1)
        added = [b"\x21\xfe", *(bytes([len(piece)]) + piece for piece in pieces), b"\x00"]
    return b"".join([image[:at], *added, image[at:]])


def _cut(data: bytes, size: int, *, overhead: int) -> list[bytes]:
    """Return pieces of at most `size` bytes; `overhead` bytes of each are dropped from the data."""
    return [data[at : at + size] for at in range(0, len(data), size + overhead)]
