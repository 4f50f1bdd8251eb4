"""Counts what becomes of images and jobs, for `GET /metrics`. A plain class, no process in sight.

One book is kept where all news arrives anyway, in the Manager beside the job table, so that there
is nothing to gather from workers, and nothing of a dead one is lost. It counts from the start of
the process, and knows no URL, no job and no owner.
"""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from workers.allowance import UNKNOWN, Allowance
from workers.errors import Reason
from workers.messages import Failed, MailboxStats, RefusalCode, Uploaded

COMPLETE: Final = "complete"
FAILED: Final = "failed"
NO_REASON: Final = ""

_TRANSFER_SECONDS = (*(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),)
_WAIT_SECONDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
_JOB_SECONDS = (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)


class EndCause(StrEnum):
    """Why a worker ended before the service did.

    STUCK: the supervisor killed it, over its lease's time. KILLED: by a signal from elsewhere, for
    want of memory for one. EXITED: with an error. NOT_STARTED: there was no process to be had.
    """

    STUCK = "stuck"
    KILLED = "killed"
    EXITED = "exited"
    NOT_STARTED = "not-started"


@dataclass(frozen=True, slots=True)
class HistogramReading:
    """A histogram as it stands.

    Attributes:
        bounds: upper ends of the buckets, seconds, ascending; a value on one belongs to it.
        counts: values in each bucket alone, and behind the last bound: one more than bounds.
        total: of all values, seconds.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float


@dataclass(frozen=True, slots=True)
class MeterReading:
    """All of it at one moment; counters only ever rise until the Manager starts afresh.

    Attributes:
        stats: the queue.
        allowance: what Imgur still takes.
        images: URLs that are final, by outcome and reason.
        attempts: tries begun.
        retries: tries that ended without a result, by reason.
        jobs_accepted: jobs taken.
        urls_accepted: URLs of these.
        jobs_finished: jobs complete.
        refusals: jobs not taken, by code.
        downloaded_bytes: of images that arrived whole.
        worker_restarts: workers that ended before the service did, by cause.
        download_seconds: of images that arrived whole.
        upload_seconds: of images that Imgur took.
        queue_seconds: from a job's arrival to the first try of a URL.
        job_seconds: from a job's arrival to its end.
    """

    stats: MailboxStats
    allowance: Allowance
    images: Mapping[tuple[str, str], int]
    attempts: int
    retries: Mapping[str, int]
    jobs_accepted: int
    urls_accepted: int
    jobs_finished: int
    refusals: Mapping[str, int]
    downloaded_bytes: int
    worker_restarts: Mapping[str, int]
    download_seconds: HistogramReading
    upload_seconds: HistogramReading
    queue_seconds: HistogramReading
    job_seconds: HistogramReading


class MeterBook:
    """The counters; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._start()

    def _start(self) -> None:
        # Each at 0 from the start: of a counter that appears with its first event, no rate tells
        # of that event.
        failed = [(FAILED, reason.value) for reason in Reason]
        self._images = Counter(dict.fromkeys([(COMPLETE, NO_REASON), *failed], 0))
        self._attempts = 0
        self._retries = Counter(dict.fromkeys(map(str, Reason), 0))
        self._jobs_accepted = 0
        self._urls_accepted = 0
        self._jobs_finished = 0
        self._refusals = Counter(dict.fromkeys(map(str, RefusalCode), 0))
        self._downloaded_bytes = 0
        self._worker_restarts = Counter(dict.fromkeys(map(str, EndCause), 0))
        self._downloads = _Histogram(_TRANSFER_SECONDS)
        self._uploads = _Histogram(_TRANSFER_SECONDS)
        self._waits = _Histogram(_WAIT_SECONDS)
        self._jobs = _Histogram(_JOB_SECONDS)

    def start_afresh(self) -> None:
        """Forget all: what a journal brought back was counted before the restart."""
        with self._lock:
            self._start()

    def accepted(self, urls: int) -> None:
        """A job of so many URLs was taken."""
        with self._lock:
            self._jobs_accepted += 1
            self._urls_accepted += urls

    def refused(self, code: str) -> None:
        """A job was not."""
        with self._lock:
            self._refusals[code] += 1

    def begun(self, waited_seconds: float | None) -> None:
        """A try began; for a URL's first one, so long after its job arrived."""
        with self._lock:
            self._attempts += 1
            if waited_seconds is not None:
                # The wall clock may have been set back meanwhile.
                self._waits.observe(max(0.0, waited_seconds))

    def interrupted(self, reason: str) -> None:
        """A try ended without a result."""
        with self._lock:
            self._retries[reason] += 1

    def ended(self, result: Uploaded | Failed, count: int = 1) -> None:
        """URLs are final, all in the same way."""
        if isinstance(result, Failed):
            outcome = (FAILED, str(result.reason))
        else:
            outcome = (COMPLETE, NO_REASON)
        with self._lock:
            self._images[outcome] += count

    def finished(self, seconds: float) -> None:
        """A job is complete, so long after it arrived."""
        with self._lock:
            self._jobs_finished += 1
            self._jobs.observe(seconds)

    def downloaded(self, seconds: float, size: int) -> None:
        """An image arrived whole, with so many bytes."""
        with self._lock:
            self._downloaded_bytes += size
            self._downloads.observe(seconds)

    def uploaded(self, seconds: float) -> None:
        """Imgur took an image."""
        with self._lock:
            self._uploads.observe(seconds)

    def worker_ended(self, cause: EndCause) -> None:
        """A worker ended before the service did."""
        with self._lock:
            self._worker_restarts[cause] += 1

    def read(self, stats: MailboxStats, allowance: Allowance = UNKNOWN) -> MeterReading:
        """All of it now, with the queue and the allowance as they are told."""
        with self._lock:
            return MeterReading(
                stats=stats,
                allowance=allowance,
                images=dict(self._images),
                attempts=self._attempts,
                retries=dict(self._retries),
                jobs_accepted=self._jobs_accepted,
                urls_accepted=self._urls_accepted,
                jobs_finished=self._jobs_finished,
                refusals=dict(self._refusals),
                downloaded_bytes=self._downloaded_bytes,
                worker_restarts=dict(self._worker_restarts),
                download_seconds=self._downloads.read(),
                upload_seconds=self._uploads.read(),
                queue_seconds=self._waits.read(),
                job_seconds=self._jobs.read(),
            )


class _Histogram:
    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def read(self) -> HistogramReading:
        return HistogramReading(self._bounds, tuple(self._counts), self._total)
