"""Converts one image, from bytes to bytes."""

import struct
import warnings
from io import BytesIO
from typing import Final

import pillow_heif
from PIL import AvifImagePlugin, Image
from PIL.IcoImagePlugin import IcoImageFile
from PIL.PsdImagePlugin import PsdImageFile
from PIL.TiffImagePlugin import TiffImageFile

from converter.icon import best_of
from converter.moving import convert_animation, is_animation
from converter.order import ConversionError, ConversionOrder, Encoded
from converter.photoshop import composite_of
from converter.still import convert_still

# Errors of Pillow's decoders for damaged files and unknown varieties, as found by a fuzzer and in
# its code: failed checks, numbers that are cut short or far too large, invalid values.
_DAMAGED: Final = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RuntimeError,
    struct.error,
)


_SUBFILE_TYPE: Final = 0x00FE  # TIFF 6.0, section 8
_PREVIEWS: Final = frozenset({1, 3})  # the latter of one of several pages


def prepare() -> None:
    """Load all decoders, with one thread each; call it once in a process."""
    Image.init()
    pillow_heif.register_heif_opener(
        decode_threads=1, thumbnails=False, depth_images=False, aux_images=False
    )
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def convert(content: bytes, order: ConversionOrder) -> Encoded:
    """Convert an image.

    Raises:
        ConversionError: the image is damaged, or does not fit.
        MemoryError: the memory does not suffice.
    """
    # Pillow refuses images above twice this number, and warns above it.
    Image.MAX_IMAGE_PIXELS = order.max_pixels // 2
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(BytesIO(content), formats=(order.source,)) as image,
        ):
            if isinstance(image, TiffImageFile):
                _find_page(image)
            width, height = image.size
            if width * height > order.max_pixels:
                raise _too_many_pixels(order, f"The image has {width:,} by {height:,} pixels")
            if is_animation(image):
                return convert_animation(image, order)
            return convert_still(_picture_of(image, content), order)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(order, "The image has more pixels than its header says") from error
    except _DAMAGED as error:
        raise ConversionError(
            f"The {order.name} image cannot be read: it is damaged, cut short, of a variety that is"
            " not known, or takes more memory than a conversion may have."
        ) from error


def _picture_of(image: Image.Image, content: bytes) -> Image.Image:
    match image:
        case IcoImageFile():
            return best_of(image)
        case PsdImageFile():
            return composite_of(image, content)
    return image


def _find_page(image: TiffImageFile) -> None:
    """Turn to the first page that is no preview of another one; to the first one if all are."""
    try:
        while image.tag_v2.get(_SUBFILE_TYPE) in _PREVIEWS:
            image.seek(image.tell() + 1)
    except EOFError:
        image.seek(0)


def _too_many_pixels(order: ConversionOrder, beginning: str) -> ConversionError:
    return ConversionError(
        f"{beginning}; at most {order.max_pixels:,} are converted (CONVERT_MAX_PIXELS)."
    )
