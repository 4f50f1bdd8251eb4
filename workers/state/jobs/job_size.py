"""A cheap estimate of a job's memory, never too low.

The constants are measured with CPython 3.11; `test_job_size.py` compares them with the allocator.
A usual result of each URL is counted from the start, so that an accepted job fits until its end;
longer results are counted when they occur.
"""

from typing import Final

from workers.contract.job_options import NO_OPTIONS
from workers.contract.messages.outcomes import ImageDetails
from workers.contract.messages.submission import Submission

JOB_BYTES: Final = 4_000
"""Of an empty job: in the table, in the lists and in the queue."""

URL_BYTES: Final = 490
"""Of a URL besides its text: columns, a row of the timeline, changes, and its result."""

EARLIER_BYTES: Final = 220
"""Of a URL's earlier attempts, besides their rows."""

CHANGE_BYTES: Final = 5
DEFAULT_CHANGES: Final = 2
"""Of a URL, counted in `URL_BYTES`: an attempt begins and ends."""

MARK_BYTES: Final = 100
"""Of an index in one of a job's sets, or of a key in one of its dicts."""

ALBUM_IMAGE_BYTES: Final = 200
"""Of an image in a job's album."""

DELIVERY_BYTES: Final = 300

_DETAILS_BYTES = MARK_BYTES + 100  # of `ImageDetails` without those that follow
_ALTERED_BYTES = 110
_CONVERTED_BYTES = 230
_DELETION_BYTES = 600
_END_TEXT_BYTES = 180  # link and deletehash, or message; counted in `URL_BYTES`
_OPTIONS_BYTES = 2_000  # with a due webhook
_KEY_BYTES = 500
_WIDEST_CHARACTER = 4


def size_of(job: Submission) -> int:
    """Return the bytes of memory of a job whose URLs all have usual results."""
    size = JOB_BYTES + URL_BYTES * len(job.urls) + sum(map(str.__sizeof__, job.urls))
    size += sum(map(bytes.__sizeof__, job.data.values())) + MARK_BYTES * len(job.data)
    if job.options is not NO_OPTIONS:
        size += _OPTIONS_BYTES + _WIDEST_CHARACTER * len(str(job.options.to_record()))
    if job.request is not None:
        size += _KEY_BYTES + len(job.request.key)
    if job.origin is not None:
        size += sum(map(str.__sizeof__, job.origin))
    return size


def least_size(urls: int, text_bytes: int) -> int:
    """Bytes of memory that a job of so many URLs takes at least; so many, if nothing else was asked
    for and their text, in characters, is ASCII.
    """
    return JOB_BYTES + (URL_BYTES + "".__sizeof__()) * urls + text_bytes


def size_of_details(details: ImageDetails) -> int:
    """Return the bytes of an image's details in its job."""
    return (
        _DETAILS_BYTES
        + ("" if details.resolved_to is None else details.resolved_to).__sizeof__()
        + _ALTERED_BYTES * (details.altered is not None)
        + _CONVERTED_BYTES * (details.converted is not None)
        + _DELETION_BYTES * (details.deletion is not None)
    )


def beyond_usual(*texts: str) -> int:
    """Return the bytes of a result's texts beyond those counted in `URL_BYTES`."""
    return max(0, sum(map(str.__sizeof__, texts)) - _END_TEXT_BYTES)
