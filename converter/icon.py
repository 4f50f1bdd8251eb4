"""Takes the picture out of an icon that browsers show."""

from typing import Final

from PIL import Image
from PIL.IcoImagePlugin import IcoFile, IcoImageFile, IconHeader

_WITH_ALPHA: Final = 32  # bits a pixel
_DIB_HEADER: Final = 40
_DIB_BITS: Final = slice(14, 16)


def best_of(icon: IcoImageFile) -> Image.Image:
    """Return the largest picture; of several of one size, that with the most colours.

    Pillow takes the one with the fewest, and alpha as it stands. Where that is 0 in all of a
    bitmap, its writer knew no alpha, and the mask behind the pixels counts.
    """
    file = icon.ico
    entries = file.entry  # by size, then from few colours to many
    number = [entry.dim for entry in entries].count(entries[0].dim) - 1
    entry = entries[number]
    if int.from_bytes(_read(file, entry, _DIB_BITS), "little") == _WITH_ALPHA:
        entries[number] = entry._replace(bpp=_WITH_ALPHA)  # which many writers leave 0
    picture = file.frame(number)
    picture.load()
    is_bitmap = picture.format != "PNG" and entries[number].bpp == _WITH_ALPHA
    if is_bitmap and picture.getchannel("A").getextrema() == (0, 0):
        picture.putalpha(_mask(file, entry, picture.size))
    return picture


def _mask(file: IcoFile, entry: IconHeader, size: tuple[int, int]) -> Image.Image:
    width, height = size
    row_bytes = (width + 31) // 32 * 4
    start = _DIB_HEADER + 4 * width * height
    bits = _read(file, entry, slice(start, start + row_bytes * height))
    # 0 is visible, as is what has no bit.
    bits = bits.ljust(row_bytes * height, b"\0")
    return Image.frombytes("1", size, bits, "raw", "1;I", row_bytes, -1)


def _read(file: IcoFile, entry: IconHeader, part: slice) -> bytes:
    """Return a part of an entry, as far as it is there."""
    file.buf.seek(entry.offset + part.start)
    return file.buf.read(max(0, min(part.stop, entry.size) - part.start))
