"""The sample images by name, and as many numbered ones as a load test wants."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox import gif, jpeg, png
from sandbox.canvas import BERRY, DUSK, LAGOON, MEADOW, draw
from sandbox.plain_formats import encode_bmp, encode_tiff
from sandbox.refused_formats import encode_webp, shell_of_avif, shell_of_heic

MAX_PADDED_BYTES = 40_000_000
INSCRIPTION = "imgur-sandbox "
"""What the comments of generated images begin with; an upload is told by what follows."""
_FRAME_MILLISECONDS = 120
_NUMBERED = re.compile(r"[0-9A-Za-z_.-]{1,80}\.(png|jpg|gif)", re.ASCII)

MEDIA_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "tiff": "image/tiff",
    "bmp": "image/bmp",
    "webp": "image/webp",
    "avif": "image/avif",
    "heic": "image/heic",
}


@dataclass(frozen=True, slots=True)
class SampleImage:
    """The bytes of an image, and the media type and file extension that belong to them."""

    data: bytes
    media_type: str
    extension: str


def _photo() -> bytes:
    return jpeg.encode_jpeg(draw(480, 368, DUSK, label="PHOTO.JPG", grain=10), quality=92)


def _drawing() -> bytes:
    return png.encode_png(draw(640, 480, LAGOON, label="DRAWING.PNG", label_scale=3))


def _small() -> bytes:
    return png.encode_png(draw(88, 64, MEADOW, label="SMALL"))


def _large() -> bytes:
    picture = draw(1440, 1200, BERRY, label="LARGE.PNG", label_scale=8)
    return png.encode_png(picture, compression=0)


def _animation() -> bytes:
    frames = [
        draw(200, 150, BERRY, label="ANIMATION.GIF", phase=phase) for phase in range(0, 160, 20)
    ]
    return gif.encode_gif(frames, frame_milliseconds=_FRAME_MILLISECONDS)


def _animated() -> bytes:
    frames = [
        draw(160, 120, LAGOON, label="ANIMATED.PNG", phase=phase) for phase in range(0, 120, 20)
    ]
    return png.encode_apng(frames, frame_milliseconds=_FRAME_MILLISECONDS)


def _scan() -> bytes:
    return encode_tiff(draw(240, 160, MEADOW, label="SCAN.TIFF"))


def _bitmap() -> bytes:
    return encode_bmp(draw(201, 150, DUSK, label="BITMAP.BMP"))


def _webp() -> bytes:
    return encode_webp(240, 160, step=(1, 0, 255))


# Imgur takes the first eight and refuses the types of the others.
_MAKERS: dict[str, Callable[[], bytes]] = {
    "photo.jpg": _photo,
    "drawing.png": _drawing,
    "small.png": _small,
    "large.png": _large,
    "animation.gif": _animation,
    "animated.png": _animated,
    "scan.tiff": _scan,
    "bitmap.bmp": _bitmap,
    "picture.webp": _webp,
    "picture.avif": shell_of_avif,
    "picture.heic": shell_of_heic,
}
REFUSED_NAMES = ("picture.webp", "picture.avif", "picture.heic")
ACCEPTED_NAMES = tuple(name for name in _MAKERS if name not in REFUSED_NAMES)


@functools.cache
def named(name: str) -> SampleImage:
    """The sample called `name`; drawing one takes up to half a second, the first time.

    Raises:
        KeyError: there is no such sample.
    """
    extension = name.rpartition(".")[2]
    return SampleImage(_MAKERS[name](), MEDIA_TYPES[extension], extension)


def numbered(name: str, *, pad_to: int = 0) -> SampleImage | None:
    """A small image that says its name, such as ``17.png``, in a comment, so differs from all.

    Args:
        name: a word and one of the extensions png, jpg and gif.
        pad_to: bytes that the image should about have.

    Returns:
        None if `name` is not of that form.
    """
    match = _NUMBERED.fullmatch(name)
    if match is None:
        return None
    return inscribed(match[1], f"{INSCRIPTION}{name}", pad_to=pad_to)


def inscribed(extension: str, text: str, *, pad_to: int = 0) -> SampleImage:
    """A small png, jpg or gif with `text` as its comment.

    Args:
        extension: png, jpg or gif.
        text: at most some hundred characters of ASCII.
        pad_to: bytes that the image should about have; at most MAX_PADDED_BYTES count.
    """
    base = _base(extension)
    text += "\n"  # so that a reader sees where it ends, whatever bytes follow
    missing = min(pad_to, MAX_PADDED_BYTES) - len(base)
    if extension == "png":
        data = png.splice(base, [png.text_chunk("Comment", text), *_png_padding(missing)])
    elif extension == "jpg":
        pad = jpeg.padding(missing) if missing > 0 else b""
        data = jpeg.splice(base, [jpeg.comment(text.encode("ascii")), pad])
    else:
        pad = gif.padding(missing) if missing > 0 else b""
        data = gif.splice(base, [gif.comment(text.encode("ascii")), pad])
    return SampleImage(data, MEDIA_TYPES[extension], extension)


@functools.lru_cache(maxsize=2)  # a load test asks for one size; its checksum is the costly part
def _png_padding(size: int) -> tuple[bytes, ...]:
    return (png.padding_chunk(size),) if size > 0 else ()


@functools.cache
def _base(extension: str) -> bytes:
    if extension == "png":
        return png.encode_png(draw(48, 32, MEADOW, grain=3))
    if extension == "jpg":
        return jpeg.encode_jpeg(draw(96, 64, LAGOON, grain=12), quality=94)
    return gif.encode_gif([draw(120, 90, BERRY, grain=2)])
