"""BMP and TIFF files with their pixels uncompressed."""

import struct

from sandbox.canvas import Picture

_SHORT, _LONG = 3, 4  # TIFF 6.0, section 2: field types


def encode_bmp(picture: Picture) -> bytes:
    """A Windows bitmap of 24 bits a pixel, rows from the bottom up (BITMAPINFOHEADER)."""
    gap = bytes(-picture.width * 3 % 4)
    body = bytearray()
    for row in reversed(picture.rows()):
        turned = bytearray(len(row))
        turned[0::3], turned[1::3], turned[2::3] = row[2::3], row[1::3], row[0::3]
        body += turned + gap
    offset = 14 + 40
    file_header = struct.pack("<2sIHHI", b"BM", offset + len(body), 0, 0, offset)
    info = struct.pack(
        "<IiiHHIIiiII", 40, picture.width, picture.height, 1, 24, 0, len(body), 2835, 2835, 0, 0
    )
    return file_header + info + bytes(body)


def encode_tiff(picture: Picture) -> bytes:
    """A baseline RGB image in one strip, little-endian (TIFF 6.0, section 6)."""
    pixels_at = 8
    bits_at = pixels_at + len(picture.pixels)
    entries = [
        (256, _LONG, 1, picture.width),
        (257, _LONG, 1, picture.height),
        (258, _SHORT, 3, bits_at),
        (259, _SHORT, 1, 1),  # not compressed
        (262, _SHORT, 1, 2),  # RGB
        (273, _LONG, 1, pixels_at),
        (277, _SHORT, 1, 3),
        (278, _LONG, 1, picture.height),
        (279, _LONG, 1, len(picture.pixels)),
    ]
    directory_at = bits_at + 6 + bits_at % 2
    directory = struct.pack("<H", len(entries))
    for entry in entries:
        directory += struct.pack("<HHII", *entry)
    return b"".join(
        [
            struct.pack("<2sHI", b"II", 42, directory_at),
            picture.pixels,
            struct.pack("<HHH", 8, 8, 8) + bytes(bits_at % 2),
            directory + struct.pack("<I", 0),
        ]
    )
