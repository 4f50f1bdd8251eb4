"""Converts pixels to what every viewer shows: 8 bits a channel, sRGB, upright."""

from io import BytesIO
from typing import Final

from PIL import Image, ImageCms, ImageOps

from converter.order import ConversionError

_SRGB: Final = ImageCms.createProfile("sRGB")
_LAB: Final = ImageCms.createProfile("LAB")
_OPAQUE: Final = 255
_MAX_16_BIT: Final = 65535

# These modes are kept; the others become RGB or RGBA.
_PLAIN_MODES: Final = frozenset({"1", "L", "LA", "RGB", "RGBA"})
_XMP: Final = frozenset({"xmp", "XML:com.adobe.xmp"})
_WITH_ALPHA: Final = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})


def normalize(image: Image.Image) -> Image.Image:
    """Return an image of mode 1, L, LA, RGB or RGBA, in sRGB, with its orientation applied.

    An alpha channel that is opaque everywhere is dropped. So is one of a TGA that is 0 everywhere:
    its writer left those bits unused.

    Raises:
        ConversionError: pixels of 32 bits outside of the usual ranges.
    """
    profile, is_tga = image.info.get("icc_profile"), image.format == "TGA"
    image = _to_8_bits(_upright(image))
    image = _to_srgb(image, profile)
    if image.mode in _WITH_ALPHA:
        low, high = image.getchannel("A").getextrema()
        if low == _OPAQUE or (is_tga and high == 0):
            image = image.convert("L" if image.mode == "LA" else "RGB")
    return image


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    # Programs that turn the pixels leave it in XMP (lovell/sharp#4585); browsers read Exif's alone.
    info = image.info
    image.info = {key: value for key, value in info.items() if key not in _XMP}
    try:
        image.getexif()
    except Exception:  # noqa: BLE001 - whatever is damaged in there: the pixels are what matters
        return image
    finally:
        image.info = info
    # What was read is kept, for `Metadata`; without its bytes it is not written again here, which
    # may fail for values of the wrong type.
    image.info.pop("exif", None)
    return ImageOps.exif_transpose(image)


def has_alpha(image: Image.Image) -> bool:
    """Whether parts of a normalized image are transparent."""
    return image.mode in _WITH_ALPHA


def _to_8_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        image = image.convert("I")
    if image.mode not in {"I", "F"}:
        return image
    low, high = (float(level) for level in image.getextrema())  # type: ignore[arg-type]
    # Grey levels as floating-point numbers usually range from 0 to 1, 255 or 65,535.
    for maximum in (1, _OPAQUE, _MAX_16_BIT) if image.mode == "F" else (_MAX_16_BIT,):
        if low >= 0 and high <= maximum:
            return _scaled(image, maximum)
    raise ConversionError("The pixels of the image are numbers without a usual range.")


def _scaled(image: Image.Image, maximum: int) -> Image.Image:
    # In floating point, since the integer modes take no factor below 1.
    return image.convert("F").point(lambda level: level * (_OPAQUE / maximum) + 0.5).convert("L")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if image.mode in {"P", "PA"}:
        has_transparency = image.mode == "PA" or "transparency" in image.info
        image = image.convert("RGBA" if has_transparency else "RGB")
    if image.mode in {"RGBa", "La"}:
        image = image.convert("RGBA" if image.mode == "RGBa" else "LA")
    if image.mode in {"1", "L", "RGB"} and "transparency" in image.info:
        colour = image.info["transparency"]
        if isinstance(colour, tuple) and max(colour) > _OPAQUE:  # of 16 bits, as the pixels were
            image.info["transparency"] = tuple(level >> 8 for level in colour)
        image = image.convert("LA" if image.mode == "L" else "RGBA")
    if image.mode == "LAB":
        return _transform(image, ImageCms.ImageCmsProfile(_LAB), "RGB") or image.convert("RGB")
    if profile and image.mode in {"L", "RGB", "RGBA", "CMYK"} and not _is_srgb(profile):
        target = "RGBA" if image.mode == "RGBA" else "RGB"
        try:
            opened = ImageCms.getOpenProfile(BytesIO(profile))
        except (ImageCms.PyCMSError, OSError):
            opened = None
        transformed = opened and _transform(image, opened, target)
        if transformed:
            return transformed
    return image if image.mode in _PLAIN_MODES else image.convert("RGB")


def _transform(
    image: Image.Image, profile: ImageCms.ImageCmsProfile, mode: str
) -> Image.Image | None:
    """Return None if the profile is damaged, or of another colour space than the image."""
    try:
        return ImageCms.profileToProfile(image, profile, _SRGB, outputMode=mode)
    except ImageCms.PyCMSError:
        return None


def _is_srgb(profile: bytes) -> bool:
    """Search the description, near the beginning of a profile, in ASCII or UTF-16."""
    head = profile[:4096].replace(b"\0", b"")
    return b"sRGB" in head
