"""What an image says of itself besides its pixels, carried over to what is encoded anew."""

from typing import Any, Final

from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.PngImagePlugin import PngInfo

_XMP_KEYWORD: Final = "XML:com.adobe.xmp"
# ITU-T T.81, section B.1.1.4: a segment's length has two bytes, which count themselves; then come
# the names that Exif and XMP begin with.
_MAX_JPEG_EXIF_BYTES: Final = 65533 - 6
_MAX_JPEG_XMP_BYTES: Final = 65533 - 29


class Metadata:
    """The Exif and XMP of an image, less what is to be left out.

    The orientation is left out in any case, as it is applied to the pixels, and so is the preview.

    Args:
        image: where they come from.
        rule: see `ConversionOrder.metadata`.
    """

    def __init__(self, image: Image.Image, rule: str) -> None:
        self._exif = b""
        self._xmp = b""
        if rule == "all":
            return
        self._exif = _exif_of(image, with_location=rule == "off")
        # XMP tells the place in many ways; and the orientation, which is not true any more.
        xmp = image.info.get("xmp") if rule == "off" else None
        if isinstance(xmp, bytes) and b"Orientation" not in xmp:
            self._xmp = xmp

    def for_jpeg(self) -> dict[str, Any]:
        """Arguments of Pillow's ``save``."""
        arguments: dict[str, Any] = {}
        if 0 < len(self._exif) <= _MAX_JPEG_EXIF_BYTES:
            arguments["exif"] = self._exif
        if 0 < len(self._xmp) <= _MAX_JPEG_XMP_BYTES:
            arguments["xmp"] = self._xmp
        return arguments

    def for_png(self) -> dict[str, Any]:
        """The same."""
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
            exif.pop(IFD.GPSInfo, None)
        return exif.tobytes() if len(exif) else b""
    except Exception:  # noqa: BLE001 - whatever is damaged in there: the pixels are what matters
        return b""
