"""How much memory a job takes, by an estimate that costs little and is not below the truth.

The constants are measured with CPython 3.11; `test_job_size.py` holds them against the allocator.
What an ordinary end of a URL takes is counted from the start, so that a job that was taken fits to
its end; what goes beyond that is counted when it comes.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from workers.contract.job_options import NO_OPTIONS, JobOptions
from workers.contract.origin import Origin
from workers.contract.request_key import RequestKey

JOB_BYTES: Final = 4_000
"""Of a job with nothing in it: in the table, in the lists and in the queue."""

URL_BYTES: Final = 490
"""Of a URL besides its own text: its places, a row of the timeline, changes, and its end."""

EARLIER_BYTES: Final = 220
"""Of the attempts of a URL before the last one, besides their rows."""

CHANGE_BYTES: Final = 5
DEFAULT_CHANGES: Final = 2
"""Of a URL, in `URL_BYTES`: an attempt begins and ends."""

MARK_BYTES: Final = 100
"""Of an index in one of a job's sets, or of a key in one of its dicts."""

ALTERED_BYTES: Final = 210
"""Of what Imgur made of an image."""

ALBUM_IMAGE_BYTES: Final = 200
"""Of an image in a job's album."""
CONVERTED_BYTES: Final = 330
"""Of what was made of an image."""

DELIVERY_BYTES: Final = 300
DELETION_BYTES: Final = 700

_END_TEXT_BYTES = 180  # of a link and its deletehash, or of a message, in `URL_BYTES`
_OPTIONS_BYTES = 2_000  # a webhook that is due included
_KEY_BYTES = 500
_WIDEST_CHARACTER = 4


class Asked(Protocol):
    """A job as it was asked for."""

    @property
    def urls(self) -> tuple[str, ...]: ...
    @property
    def options(self) -> JobOptions: ...
    @property
    def request(self) -> RequestKey | None: ...
    @property
    def origin(self) -> Origin | None: ...
    @property
    def data(self) -> Mapping[int, bytes]: ...


def size_of(job: Asked) -> int:
    """Bytes of memory that a job takes if each of its URLs ends in an ordinary way."""
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


def beyond_usual(*texts: str) -> int:
    """Bytes of the texts of a URL's end that are not in `URL_BYTES`."""
    return max(0, sum(map(str.__sizeof__, texts)) - _END_TEXT_BYTES)
