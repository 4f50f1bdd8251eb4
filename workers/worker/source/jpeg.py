"""Finds the segments of a JPEG file; nothing is decoded."""

import re
import struct
from collections.abc import Iterator
from typing import Final

# ITU-T T.81, table B.1.
END_OF_IMAGE: Final = 0xD9
_START_OF_SCAN: Final = 0xDA
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9), END_OF_IMAGE})

_match_marker = re.compile(rb"\xff+([^\xff])", re.DOTALL).match  # after any number of fill bytes
_find_end_of_scan = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL).search


def jpeg_segments(data: memoryview) -> Iterator[tuple[int, int, int]]:
    """Yield the marker of each segment, where it begins and where it ends (section B.1.1).

    The last one is the end of the image, or the head of a scan whose data is cut short. A segment
    may end behind the file.

    Raises:
        ValueError: there is no segment where one has to begin, as is struct.error.
    """
    end = 2
    marker = 0
    while marker != END_OF_IMAGE:
        found = _match_marker(data, end)
        if found is None:
            raise ValueError("no marker")
        marker, end = found[1][0], found.end()
        if marker not in _WITHOUT_LENGTH:
            end += struct.unpack_from(">H", data, end)[0]
        yield marker, found.end() - 2, end
        if marker == _START_OF_SCAN:  # after its head comes its data
            scan = _find_end_of_scan(data, end)
            if scan is None:
                return
            end = scan.start()
