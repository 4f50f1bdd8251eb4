"""Timelines of a job's URLs, in a few bytes each.

Times are milliseconds since the submission, on the monotonic clock: a change of the wall clock
does not matter. Kept in memory only.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from workers.contract.errors import Reason
from workers.contract.image_type import TYPES
from workers.contract.messages.round_trip import DownloadReport
from workers.state.jobs.job_size import EARLIER_BYTES

_ROW = struct.Struct("<IB5I3B")
"""claimed, attempt; arrived, milliseconds of download and of conversion, size, ended, media type,
end, reason. Of the times and of what is counted from 1 on, 0 means: not yet, or unknown."""
_BEGIN = struct.Struct("<IB")
_REST = struct.Struct("<5I3B")
_END_AT: Final = _ROW.size - 2

TIMELINE_BYTES: Final = _ROW.size
"""Of one attempt."""

_NO_ROW: Final = bytes(TIMELINE_BYTES)
_MAX_EARLIER_ROWS = 16  # a URL may be put back any number of times
_NO_ARRIVAL: Final = (0, 0, 0, 0, 0)
_MAX = 2**32 - 1  # 49 days; what is later is shown as that
_CODES: Final = tuple(Reason)
_CODE_NUMBERS: Final[Mapping[str, int]] = {code: n for n, code in enumerate(_CODES, 1)}
_MEDIA_TYPES: Final = tuple(dict.fromkeys(kind.media_type for kind in TYPES))
_TYPE_NUMBERS: Final[Mapping[str, int]] = {
    media_type: n for n, media_type in enumerate(_MEDIA_TYPES, 1)
}


class End(IntEnum):
    """The end of an attempt."""

    NOT_YET = 0
    UPLOADED = 1
    RETRIED = 2
    FAILED = 3


_END_EVENTS: Final[Mapping[int, str]] = {
    End.UPLOADED: "uploaded",
    End.RETRIED: "retried",
    End.FAILED: "failed",
}


class TimelineEvent(NamedTuple):
    """An event of a URL.

    Attributes:
        event: claimed, downloaded, converted, uploaded, retried or failed.
        seconds: since the submission.
        details: by their names in the API; see `TimelineEntry`.
    """

    event: str
    seconds: float
    details: Mapping[str, int | str]


class Timelines:
    """The timelines of all URLs of a job, opened at a monotonic second. Not thread-safe.

    Attributes:
        earlier: rows of attempts before the last one, by URL; URLs without any are absent.
        earlier_bytes: estimated memory of these.
    """

    __slots__ = ("_arrivals", "_opened", "_rows", "earlier", "earlier_bytes")

    def __init__(self, urls: int, opened: float) -> None:
        self._opened = opened
        self._rows = bytearray(TIMELINE_BYTES * urls)
        self.earlier: dict[int, bytes] = {}
        self.earlier_bytes = 0
        # Of the images in hand: time, milliseconds of download and of conversion, size, media type.
        self._arrivals: dict[int, tuple[int, int, int, int, int]] = {}

    def claimed(self, index: int, attempt: int, now: float) -> None:
        """Begin an attempt."""
        start = index * TIMELINE_BYTES
        if self._rows[start + _END_AT] or index in self._arrivals:
            self._set_aside(index)
        _BEGIN.pack_into(self._rows, start, self._time(now), attempt)

    def arrived(self, index: int, download_report: DownloadReport, now: float) -> None:
        """The image is at the worker, converted if it had to be. Seen when the attempt ends: what a
        version of the job shows stays the same, and one version more for each URL would be of
        little use.
        """
        took, size = min(download_report.milliseconds, _MAX), min(download_report.size, _MAX)
        converting = min(download_report.converting, _MAX)
        media_type = _TYPE_NUMBERS.get(download_report.media_type, 0)
        self._arrivals[index] = (self._time(now), took, converting, size, media_type)

    def ended(self, index: int, end: End, now: float, reason: str = "") -> None:
        """End the attempt, or the URL without one."""
        start = index * TIMELINE_BYTES
        if self._rows[start + _END_AT]:
            self._set_aside(index)
        arrived, took, converting, size, media_type = self._arrivals.pop(index, _NO_ARRIVAL)
        code = _CODE_NUMBERS.get(reason, 0)
        rest = (arrived, took, converting, size, self._time(now), media_type, end, code)
        _REST.pack_into(self._rows, start + _BEGIN.size, *rest)

    def since_arrival(self, index: int, now: float) -> float | None:
        """Return seconds since the download, to the millisecond; None without one."""
        arrived = self._arrivals.get(index, _NO_ARRIVAL)[0]
        return (self._time(now) - arrived) / 1000 if arrived else None

    def rows(self, indexes: Sequence[int]) -> bytes:
        """Return the rows of these URLs, concatenated."""
        if isinstance(indexes, range):
            return bytes(self._rows[indexes.start * TIMELINE_BYTES : indexes.stop * TIMELINE_BYTES])
        return b"".join(
            [self._rows[index * TIMELINE_BYTES : (index + 1) * TIMELINE_BYTES] for index in indexes]
        )

    def _time(self, now: float) -> int:
        time = int((now - self._opened) * 1000) + 1
        return time if 0 < time <= _MAX else _MAX if time > 0 else 1

    def _set_aside(self, index: int) -> None:
        self._arrivals.pop(index, None)
        start = index * TIMELINE_BYTES
        known = self.earlier.get(index)
        rows = (known or b"") + self._rows[start : start + TIMELINE_BYTES]
        kept = self.earlier[index] = bytes(rows[-_MAX_EARLIER_ROWS * TIMELINE_BYTES :])
        self.earlier_bytes += len(kept) - len(known) if known else len(kept) + EARLIER_BYTES
        self._rows[start : start + TIMELINE_BYTES] = _NO_ROW


def read_timeline(rows: bytes) -> Iterator[TimelineEvent]:
    """Decode the events of one URL, in order, from the rows of its attempts, the last one last."""
    for row in _ROW.iter_unpack(rows):
        yield from _events(row)


def _events(row: tuple[int, ...]) -> Iterator[TimelineEvent]:
    claimed, attempt, arrived, took, converting, size, ended, media_type, end, reason = row
    if claimed:
        yield TimelineEvent("claimed", _seconds(claimed), {"attempt": attempt})
    if arrived:
        details: dict[str, int | str] = {"bytes": size}
        if media_type:
            details["type"] = _MEDIA_TYPES[media_type - 1]
        details["ms"] = took
        yield TimelineEvent("downloaded", _seconds(max(1, arrived - converting)), details)
    if converting:
        yield TimelineEvent("converted", _seconds(arrived), {"ms": converting})
    if ended:
        how: dict[str, int | str] = {}
        if end == End.UPLOADED and arrived:
            how = {"ms": ended - arrived}
        elif reason:
            how = {"reason": _CODES[reason - 1].value}
        yield TimelineEvent(_END_EVENTS[end], _seconds(ended), how)


def _seconds(time: int) -> float:
    return (time - 1) / 1000
