"""Converts a still image to PNG or JPEG."""

import math
from collections.abc import Iterator
from io import BytesIO
from typing import Final

from PIL import Image

from converter.colours import has_alpha, normalize
from converter.metadata import Metadata
from converter.order import ConversionError, ConversionOrder, Encoded

JPEG_QUALITY: Final = 95
"""With full-size chroma, no difference to the original in a flicker test at 1:1: 90 points of
SSIMULACRA 2 (github.com/cloudinary/ssimulacra2, README), about 3 bits a pixel."""

# No difference side by side (the same source). The factors: the maximum size before, relative to
# the limit, for which a quality is tried, as grainy images hardly get smaller than that.
_SMALLER_QUALITIES: Final = ((90, 1.5), (85, 2.0))
_FEW_COLOURS: Final = 256
_FEW_GREYS: Final = 64
_AIM: Final = 0.92  # of the limit, so that the next size fits at the first try
_LEAST_STEP: Final = 0.9
_MIN_SIDE: Final = 16
_MAX_JPEG_SIDE: Final = 65_500  # of libjpeg
_PNG_LEVEL: Final = 6


def convert_still(image: Image.Image, order: ConversionOrder) -> Encoded:
    """Encode an image as PNG if it is transparent or has few colours, else as JPEG.

    Returns:
        The first one of `_forms` that fits.

    Raises:
        ConversionError: none fits.
    """
    if not {"jpeg", "png"}.intersection(order.targets):
        raise not_to_be_had(order)
    normal = normalize(image)
    for encoded in _forms(normal, order, Metadata(image, order.metadata)):
        if len(encoded.content) <= order.still_bytes:
            return encoded
    raise ConversionError(f"The image cannot be made to fit into {order.still_bytes:,} bytes.")


def not_to_be_had(order: ConversionOrder) -> ConversionError:
    """Return the error for an image of which no accepted type can be made."""
    return ConversionError(
        f"Of the {order.name} image none of the types can be made that Imgur takes"
        " (IMGUR_ACCEPTED_TYPES)."
    )


def smaller(image_size: tuple[int, int], size: int, limit: int) -> tuple[int, int] | None:
    """Return the width and height to try next; None if the image would be too small to see.

    Args:
        image_size: width and height of the last try.
        size: bytes of the last try.
        limit: maximum bytes.
    """
    factor = min(_LEAST_STEP, math.sqrt(_AIM * limit / size))
    width, height = (round(side * factor) for side in image_size)
    if max(width, height) < _MIN_SIDE:
        return None
    return max(1, width), max(1, height)


def _forms(image: Image.Image, order: ConversionOrder, metadata: Metadata) -> Iterator[Encoded]:
    """Yield encodings of an image, each smaller than the one before."""
    encode = _png if _is_for_png(image, order) else _jpeg
    yield (encoded := encode(image, metadata))
    if encode is _png and _can_be_jpeg(image, order):
        encode = _jpeg
        yield (encoded := encode(image, metadata))
    if encode is _jpeg:
        first_size = len(encoded.content)
        for quality, times in _SMALLER_QUALITIES:
            if first_size <= times * order.still_bytes:
                yield (encoded := _jpeg(image, metadata, quality))
    while size := smaller(image.size, len(encoded.content), order.still_bytes):
        image = _resized(image, size)
        yield (encoded := encode(image, metadata))


def _is_for_png(image: Image.Image, order: ConversionOrder) -> bool:
    if "png" not in order.targets:
        return False
    # Even a photograph in grey has few colours.
    few = _FEW_GREYS if image.mode == "L" else _FEW_COLOURS
    return not _can_be_jpeg(image, order) or image.getcolors(few) is not None


def _can_be_jpeg(image: Image.Image, order: ConversionOrder) -> bool:
    is_small = max(image.size) <= _MAX_JPEG_SIDE
    return "jpeg" in order.targets and is_small and not has_alpha(image)


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.mode == "1":
        image = image.convert("L")
    # Reduced by a whole number first: much faster, with no visible difference (Pillow's handbook).
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _png(image: Image.Image, metadata: Metadata) -> Encoded:
    file = BytesIO()
    image.save(file, "PNG", compress_level=_PNG_LEVEL, **metadata.for_png())
    return Encoded("png", file.getvalue(), *image.size)


def _jpeg(image: Image.Image, metadata: Metadata, quality: int = JPEG_QUALITY) -> Encoded:
    file = BytesIO()
    if has_alpha(image):
        image = _on_white(image)
    elif image.mode == "1":
        image = image.convert("L")
    image.save(file, "JPEG", quality=quality, subsampling="4:4:4", **metadata.for_jpeg())
    return Encoded("jpeg", file.getvalue(), *image.size)


def _on_white(image: Image.Image) -> Image.Image:
    """Fill transparent parts with white, for settings without PNG."""
    white = Image.new("RGB", image.size, "white")
    white.paste(image.convert("RGB"), mask=image.getchannel("A"))
    return white
