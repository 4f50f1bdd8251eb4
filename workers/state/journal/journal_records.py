"""What a journal file holds: one record a line, each with its checksum.

A line is ``crc32 length json`` in ASCII: the checksum in eight hex digits, the length in bytes,
a JSON array that begins with the record's kind. JSON writes no line feed of its own: a line that
has one was written whole, so that a wrong sum is damage; one without is the last, half written.
"""

import json
import math
import re
import zlib
from collections.abc import Iterable, Iterator

from workers.contract.errors import JournalError
from workers.state.jobs.job_records import Record

HEADER: Record = ["imgup-journal", 1]
"""The first record of every journal: what it is, and the version of what follows."""

END_MARK: Record = ["closed"]
"""The last record of a journal that was closed: what stands before it was written whole."""

_PREFIX = re.compile(rb"([0-9a-f]{8}) ([1-9][0-9]{0,11}) ")
_BEGUN_PREFIX = re.compile(rb"[0-9a-f]{0,7}|[0-9a-f]{8}( ([1-9][0-9]{0,11})?)?")

# Made once: json.dumps with any option makes an encoder for each call, for a third of its cost.
_as_json = json.JSONEncoder(separators=(",", ":")).encode


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
    """Reads the lines of a journal to their end, which may be a record that was only half written.

    Args:
        file: the lines.
        size: reads no further than so many bytes of whole records.

    Attributes:
        good_bytes: how much of it is good records, read so far.
        cut_bytes: of the half record behind them; known when all were read.
    """

    def __init__(self, file: Iterable[bytes], size: float = math.inf) -> None:
        self._file = file
        self._size = size
        self.good_bytes = 0
        self.cut_bytes = 0

    def __iter__(self) -> Iterator[Record]:
        """The records behind the header, end marks left out.

        Raises:
            JournalError: it is no journal, of another version, or damaged.
        """
        for number, line in enumerate(self._file):
            if self.good_bytes >= self._size:
                return
            record = decode(line)
            if number == 0:
                check_header(record)
            elif record is None:
                if not _is_torn(line):
                    raise JournalError(
                        f"it is damaged at byte {self.good_bytes}. Put back a copy of it, or save "
                        "what is readable with python -m service.repair_journal"
                    )
                self.cut_bytes = len(line)
                return
            elif record != END_MARK:
                yield record
            self.good_bytes += len(line)
        if not self.good_bytes:
            raise JournalError(
                "it is empty, which no journal ever is. Put back a copy of it, or remove it to "
                "start without the jobs it held"
            )


def _is_torn(line: bytes) -> bool:
    """Whether a write that broke off leaves this, the last line: the beginning of a record.

    A crash of the machine may leave zeros behind it. What goes on beyond the record's length is a
    whole record whose line feed is damaged.
    """
    begun = line.rstrip(b"\0")
    prefix = _PREFIX.match(begun)
    if prefix is None:
        return _BEGUN_PREFIX.fullmatch(begun) is not None
    return b"\n" not in begun and len(begun) <= prefix.end() + int(prefix[2])


def check_header(record: Record | None) -> None:
    """Look at the first record of a file.

    Raises:
        JournalError: it is not that of a journal which can be read here.
    """
    if record is None or record[0] != HEADER[0]:
        raise JournalError("it is not a journal of this service, or its beginning is damaged")
    if record != HEADER:
        raise JournalError(f"it is of version {record[1]}, and this service knows {HEADER[1]}")
