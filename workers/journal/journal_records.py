"""What a journal file holds: one record a line, each with its checksum.

A line is ``crc32 length json`` in ASCII: the checksum in eight hex digits, the length in bytes,
a JSON array that begins with the record's kind. JSON writes no line feed of its own, so that the
next record can be found behind a damaged one, by the line feed or by the length; that is what
tells a damaged journal from one whose last record was only half written.
"""

import itertools
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

Record = list[Any]

HEADER: Record = ["imgup-journal", 1]
"""The first record of every journal: what it is, and the version of what follows."""

_PREFIX = re.compile(rb"([0-9a-f]{8}) ([1-9][0-9]{0,11}) ")

# Made once: json.dumps with any option makes an encoder for each call, for a third of its cost.
_as_json = json.JSONEncoder(separators=(",", ":")).encode


class JournalError(Exception):
    """A journal cannot be used; the text is one sentence that says why."""


def encode(record: Record) -> bytes:
    """The line of a record, its line feed included."""
    payload = _as_json(record).encode("ascii")
    return b"%08x %d %s\n" % (zlib.crc32(payload), len(payload), payload)


def decode(line: bytes) -> Record | None:
    """The record of a line; None if the line is not whole or not what was written."""
    prefix = _PREFIX.match(line)
    if prefix is None or line[-1:] != b"\n":
        return None
    payload = line[prefix.end() : -1]
    if len(payload) != int(prefix[2]) or zlib.crc32(payload) != int(prefix[1], 16):
        return None
    record: Record = json.loads(payload)
    return record


class RecordReader:
    """Reads a journal from its beginning to the last record that was written whole.

    Args:
        file: the journal, at its beginning.

    Attributes:
        cut_bytes: how much stands behind the last good record; known when all were read.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.cut_bytes = 0

    def __iter__(self) -> Iterator[Record]:
        """The records behind the header. An empty file has none.

        Raises:
            JournalError: it is no journal, of another version, or damaged before its end.
        """
        good_bytes = 0
        for number, line in enumerate(self._file):
            record = decode(line)
            if number == 0:
                _check_header(record)
            elif record is None:
                self.cut_bytes = self._measure_tail(line, good_bytes)
                return
            else:
                yield record
            good_bytes += len(line)

    def _measure_tail(self, first_line: bytes, good_bytes: int) -> int:
        tail_bytes = 0
        for line in itertools.chain([first_line], self._file):
            if decode(line) is not None or decode(_behind(line)) is not None:
                raise JournalError(
                    f"it is damaged at byte {good_bytes}, with good records behind. Put back a "
                    "copy of it, or move it away to start without the jobs it holds"
                )
            tail_bytes += len(line)
        return tail_bytes


def _behind(line: bytes) -> bytes:
    """What follows a record whose line feed is damaged, by its length."""
    prefix = _PREFIX.match(line)
    return b"" if prefix is None else line[prefix.end() + int(prefix[2]) + 1 :]


def _check_header(record: Record | None) -> None:
    if record is None or record[0] != HEADER[0]:
        raise JournalError("it is not a journal of this service, or its beginning is damaged")
    if record != HEADER:
        raise JournalError(f"it is of version {record[1]}, and this service knows {HEADER[1]}")
