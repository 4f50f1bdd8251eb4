"""One image from bytes to bytes: what a converter process does."""

import struct
import warnings
from io import BytesIO
from typing import Final

import pillow_heif
from PIL import AvifImagePlugin, Image, UnidentifiedImageError

from converter.moving import convert_animation, is_animation
from converter.order import ConversionError, ConversionOrder, Encoded
from converter.still import convert_still

# What Pillow's decoders raise at damaged files, as seen under a fuzzer and in its own code: checks
# that fail, numbers that are cut short or far too large, values that make no sense.
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


def prepare() -> None:
    """Load all decoders there are, each to work in one thread; once in a process."""
    Image.init()
    pillow_heif.register_heif_opener(
        decode_threads=1, thumbnails=False, depth_images=False, aux_images=False
    )
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def convert(content: bytes, order: ConversionOrder) -> Encoded:
    """Make an image fit.

    Args:
        content: the image.
        order: what it is, and may be.

    Raises:
        ConversionError: it cannot be done.
        MemoryError: it takes more memory than there is.
    """
    # Pillow warns above this, and refuses above twice as much: the latter is what counts here.
    Image.MAX_IMAGE_PIXELS = order.max_pixels // 2
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(BytesIO(content), formats=(order.source,)) as image,
        ):
            width, height = image.size
            if width * height > order.max_pixels:
                raise _too_many_pixels(order, f"The image has {width:,} by {height:,} pixels")
            if is_animation(image):
                return convert_animation(image, order)
            return convert_still(image, order)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(order, "The image has more pixels than it says") from error
    except UnidentifiedImageError as error:
        raise ConversionError(f"The {order.name} image cannot be read: it is damaged.") from error
    except _DAMAGED as error:
        raise ConversionError(
            f"The {order.name} image cannot be read: it is damaged, cut short, of a variety that is"
            " not known, or takes more memory than a conversion may have."
        ) from error


def _too_many_pixels(order: ConversionOrder, beginning: str) -> ConversionError:
    return ConversionError(
        f"{beginning}; at most {order.max_pixels:,} are converted (CONVERT_MAX_PIXELS)."
    )
