"""Takes metadata out of Exif, and of TIFF files, which are built in the same way.

Tags are those of TIFF 6.0 (section 8), Exif 3.0 (section 4.6) and GeoTIFF 1.1.
"""

import struct
from collections.abc import Collection
from typing import Any, Final

_ORIENTATION, _EXIF, _GPS = 0x0112, 0x8769, 0x8825
_PLACES: Final = frozenset({_GPS, 0x02BC, 0x83BB, 0x8649})  # and XMP, IPTC, Photoshop's
_PLACES_OF_MAPS: Final = frozenset({0x830E, 0x8480, 0x8482, 0x85D8, *range(0x87AF, 0x87B2), 0xA480})
_TEXTS: Final = frozenset(  # and names, dates and devices
    {
        *(_EXIF, 0x010D, 0x010E, 0x010F, 0x0110, 0x011D, 0x0131, 0x0132, 0x013B, 0x013C),
        *(0x8298, 0x935C, *range(0x9C9B, 0x9CA0)),
    }
)
_TYPE_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_ENTRY_BYTES: Final = 12
_DIRECTORY_COST: Final = 100
_SHORT: Final = 3
_UPRIGHT: Final = 1


class UnreadableError(Exception):
    """The file is not built as its format requires."""


def edit_exif(content: bytes, rule: str) -> bytes:
    """Exif without its metadata; see `strip_metadata`. Empty if that is all of it."""
    try:
        tiff = _Tiff(content)
        if rule == "all":
            return tiff.only_orientation()
        tiff.take_out(tiff.first_directory, _PLACES)
    except (UnreadableError, struct.error):  # damaged: nobody could read more of it
        return b""
    return bytes(tiff.content)


def edit_tiff(data: memoryview, rule: str) -> bytes:
    """A TIFF file without its metadata; see `strip_metadata`.

    Raises:
        UnreadableError: it is damaged, as is struct.error.
    """
    tags = _PLACES | _PLACES_OF_MAPS | (_TEXTS if rule == "all" else frozenset())
    tiff = _Tiff(data)
    directory = tiff.first_directory
    while directory:  # of a page
        directory = tiff.take_out(directory, tags)
    return bytes(tiff.content)


class _Tiff:
    """Directories of entries, which point at their values (section 2).

    They may overlap and name each other in circles. In a sound file each byte has one meaning, so
    what is read and overwritten is limited by its size.

    Attributes:
        content: the file, edited in place.
        first_directory: where that is.

    Raises:
        UnreadableError: it is damaged, as is struct.error; all methods raise both.
    """

    def __init__(self, data: memoryview | bytes) -> None:
        self.content = bytearray(data)
        order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(data[:4]))
        if order is None:
            raise UnreadableError
        self._order = order
        self._bytes_left = 2 * len(data) + 10 * _DIRECTORY_COST
        (self.first_directory,) = self._unpack("I", 4)

    def only_orientation(self) -> bytes:
        """Exif with the orientation alone; empty if the image is upright."""
        for at in self._entries(self.first_directory):
            tag, kind, _, value = self._unpack("2HIH", at)
            if tag == _ORIENTATION and kind == _SHORT and value != _UPRIGHT:
                entry = struct.pack(">2HI2HI", _ORIENTATION, _SHORT, 1, value, 0, 0)
                return b"MM\0*" + struct.pack(">IH", 8, 1) + entry
        return b""

    def take_out(self, directory: int, tags: Collection[int]) -> int:
        """Take entries out of a directory, and overwrite what they point at.

        Returns:
            Where the next directory is; 0: there is none.
        """
        kept = bytearray()
        entries = self._entries(directory)
        for at in entries:
            tag, _, _, offset = self._unpack("2H2I", at)
            if tag not in tags:
                kept += self.content[at : at + _ENTRY_BYTES]
                continue
            if tag in {_GPS, _EXIF}:
                for inner in self._entries(offset):
                    self._blank_value(inner)
                    self.content[inner : inner + _ENTRY_BYTES] = bytes(_ENTRY_BYTES)
                self.content[offset : offset + 2] = bytes(2)
            self._blank_value(at)
        begin, end = entries.start, entries.stop
        following = self.content[end : end + 4]
        if len(kept) < end - begin:
            # What stood elsewhere stays there, as others point at it; this table ends earlier.
            struct.pack_into(f"{self._order}H", self.content, directory, len(kept) // _ENTRY_BYTES)
            self.content[begin : end + 4] = (kept + following).ljust(end + 4 - begin, b"\0")
        return int.from_bytes(following, "little" if self._order == "<" else "big")

    def _entries(self, directory: int) -> range:
        """Where the entries of a directory begin."""
        (count,) = self._unpack("H", directory)
        begin, size = directory + 2, _ENTRY_BYTES * count
        if begin + size > len(self.content):
            raise UnreadableError
        self._spend(_DIRECTORY_COST + size)
        return range(begin, begin + size, _ENTRY_BYTES)

    def _blank_value(self, entry: int) -> None:
        """Overwrite the value that an entry points at, if it does not hold it itself."""
        _, kind, count, offset = self._unpack("2H2I", entry)
        size = _TYPE_SIZES.get(kind, 1) * count
        if size > 4 and offset + size <= len(self.content):  # noqa: PLR2004 - bytes of an offset
            self._spend(size)
            self.content[offset : offset + size] = bytes(size)

    def _spend(self, count: int) -> None:
        self._bytes_left -= count
        if self._bytes_left < 0:
            raise UnreadableError

    def _unpack(self, form: str, at: int) -> tuple[Any, ...]:
        return struct.unpack_from(self._order + form, self.content, at)
