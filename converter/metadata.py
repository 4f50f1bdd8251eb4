"""Carries the metadata of an image over to its conversion."""

from typing import Any, Final

from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.PngImagePlugin import PngInfo

# What tells a place besides GPS, in Exif and in TIFF files: XMP, IPTC, Photoshop's, GeoTIFF 1.1.
_PLACES: Final = (
    *(0x02BC, 0x83BB, 0x8649, 0x830E, 0x8480, 0x8482, 0x85D8, 0x87AF, 0x87B0, 0x87B1, 0xA480),
    IFD.GPSInfo,
)
_XMP_KEYWORD: Final = "XML:com.adobe.xmp"
# ITU-T T.81, section B.1.1.4: a segment's length has two bytes, which count themselves; then come
# the names that Exif and XMP begin with.
_MAX_JPEG_EXIF_BYTES: Final = 65533 - 6
_MAX_JPEG_XMP_BYTES: Final = 65533 - 29


class Metadata:
    """The Exif and XMP of an image, stripped by a rule, see `ConversionOrder.metadata`.

    The orientation is always left out, as it is applied to the pixels, and so is the preview.
    """

    def __init__(self, image: Image.Image, rule: str) -> None:
        self._exif = b""
        self._xmp = b""
        self._others = {"comment": b""} if rule == "all" else {}  # else Pillow keeps the comment
        if rule == "all":
            return
        self._exif = _exif_of(image, with_location=rule == "off")
        # XMP may hold the location in many forms, and the orientation, which no longer applies.
        xmp = image.info.get("xmp") if rule == "off" else None
        if isinstance(xmp, bytes) and b"Orientation" not in xmp:
            self._xmp = xmp

    def for_jpeg(self) -> dict[str, Any]:
        """Return arguments of Pillow's ``save``."""
        arguments: dict[str, Any] = {**self._others}
        if 0 < len(self._exif) <= _MAX_JPEG_EXIF_BYTES:
            arguments["exif"] = self._exif
        if 0 < len(self._xmp) <= _MAX_JPEG_XMP_BYTES:
            arguments["xmp"] = self._xmp
        return arguments

    def for_png(self) -> dict[str, Any]:
        """Return arguments of Pillow's ``save``."""
        arguments: dict[str, Any] = {"exif": self._exif} if self._exif else {}
        if self._xmp:
            texts = PngInfo()
            texts.add_itxt(_XMP_KEYWORD, self._xmp.decode("utf-8", "replace"))
            arguments["pnginfo"] = texts
        return arguments


def _exif_of(image: Image.Image, *, with_location: bool) -> bytes:
    try:
        exif = image.getexif()
        for number in (IFD.Exif, IFD.GPSInfo, IFD.Interop):
            exif.get_ifd(number)
        exif.pop(Base.Orientation, None)
        exif.pop(Base.XMLPacket, None)
        if not with_location:
            for tag in _PLACES:
                exif.pop(tag, None)
        return exif.tobytes() if len(exif) else b""
    except Exception:  # noqa: BLE001 - damaged in any way: the pixels matter more
        return b""
