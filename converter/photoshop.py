"""Takes the picture out of a PSD file that its author saw.

Adobe Photoshop File Formats Specification: "Layer and mask information", "Image resource IDs".
"""

import struct
from typing import Final

from PIL import Image
from PIL.PsdImagePlugin import PsdImageFile

from converter.order import ConversionError

_HEADER: Final = 26
_ALPHA_IDENTIFIERS, _VERSION_INFO = 1053, 1057
_HAS_COMPOSITE: Final = slice(4, 5)


def composite_of(file: PsdImageFile, content: bytes) -> Image.Image:
    """Return the composite of all layers.

    Pillow takes any fourth channel for transparency; it may be a selection that was saved.

    Raises:
        ConversionError: there is a white area in place of the composite.
    """
    resources = {number: data for number, _, data in file.resources}
    layers = _layer_count(content)
    if layers and resources.get(_VERSION_INFO, b"")[_HAS_COMPOSITE] == b"\0":
        raise ConversionError(
            "The PSD file was saved without the picture that its layers make; save it with"
            ' "Maximize compatibility", or export it as PNG.'
        )
    names = resources.get(_ALPHA_IDENTIFIERS, b"")
    # The transparency of the composite has no layer count above 0, and the identifier 0.
    is_selection = layers > 0 or (layers == 0 and names[:4] > bytes(4))
    return file.convert("RGB") if file.mode == "RGBA" and is_selection else file


def _layer_count(content: bytes) -> int:
    """Below 0 if the fourth channel is the transparency of the composite."""
    at = _HEADER
    for _ in range(2):  # colour table, resources
        at += 4 + struct.unpack_from(">I", content, at)[0]
    section, layers = struct.unpack_from(">2I", content, at)
    return struct.unpack_from(">h", content, at + 8)[0] if section and layers else 0
