"""Metrics of images and jobs, for `GET /metrics`.

The registry is in the Manager, beside the job table, where all events arrive: nothing needs to be
collected from workers, and nothing of a dead worker is lost. It counts from the start of the
process, without labels of URLs, jobs or owners.
"""

from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric

from workers.contract.budget import QuotaState
from workers.contract.errors import Reason
from workers.contract.messages import EndCause, Failed, MailboxStats, RefusalCode, Uploaded
from workers.contract.quota import UNKNOWN, LimitState, Quota

_NO_QUOTA: Final = QuotaState(UNKNOWN)
_COMPLETE: Final = ("complete", "")
_FAILED: Final = "failed"

_TRANSFER_SECONDS = (*(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),)
_WAIT_SECONDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
_JOB_SECONDS = (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)

_GAUGES: Final = {
    "queued": ("imgup_queued_urls", "URLs that wait, for a lane or a retry."),
    "delayed": ("imgup_delayed_urls", "Of these, URLs that wait for a retry."),
    "leased": ("imgup_lanes_busy", "Images in work."),
    "state_bytes": ("imgup_state_bytes", "Memory for jobs and links, estimated."),
    "max_state_bytes": ("imgup_state_bytes_max", "As much there may be."),
    "workers_ready": ("imgup_workers_ready", "Workers that ask for work."),
    "pause_seconds": ("imgup_pause_seconds", "Until the pause that Imgur asked for ends."),
}
"""Field of `MailboxStats` → name and description."""


class Metrics:
    """The counters. Thread-safe."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        # Children are cached: a lookup takes several times as long as counting.
        self._image = cache(
            Counter(
                "imgup_images",
                "URLs that ended, by outcome (complete, failed) and reason.",
                ("outcome", "reason"),
                registry=registry,
            ).labels
        )
        self._attempts = Counter("imgup_attempts", "Tries begun.", registry=registry)
        self._retry = cache(
            Counter(
                "imgup_retries",
                "Tries that ended without a result.",
                ("reason",),
                registry=registry,
            ).labels
        )
        self._jobs_accepted = Counter("imgup_jobs_accepted", "Jobs taken.", registry=registry)
        self._urls_accepted = Counter(
            "imgup_urls_accepted", "URLs of jobs taken.", registry=registry
        )
        self._jobs_finished = Counter("imgup_jobs_finished", "Jobs complete.", registry=registry)
        self._refusal = cache(
            Counter("imgup_jobs_refused", "Jobs not taken.", ("code",), registry=registry).labels
        )
        self._downloaded_bytes = Counter(
            "imgup_downloaded_bytes", "Bytes of images that arrived whole.", registry=registry
        )
        self._worker_end = cache(
            Counter(
                "imgup_worker_restarts",
                "Workers that ended before the service did.",
                ("cause",),
                registry=registry,
            ).labels
        )
        self._downloads = Histogram(
            "imgup_download_seconds",
            "Download of an image that arrived.",
            buckets=_TRANSFER_SECONDS,
            registry=registry,
        )
        self._conversions = Histogram(
            "imgup_conversion_seconds",
            "Conversion of an image that Imgur would have refused, with the wait for a process.",
            buckets=_TRANSFER_SECONDS,
            registry=registry,
        )
        self._uploads = Histogram(
            "imgup_upload_seconds",
            "Upload of an image that Imgur took.",
            buckets=_TRANSFER_SECONDS,
            registry=registry,
        )
        self._waits = Histogram(
            "imgup_queue_seconds",
            "From a job's arrival to a URL's first try.",
            buckets=_WAIT_SECONDS,
            registry=registry,
        )
        self._jobs = Histogram(
            "imgup_job_seconds",
            "From a job's arrival to its end.",
            buckets=_JOB_SECONDS,
            registry=registry,
        )
        self._show_zeros()

    def _show_zeros(self) -> None:
        # A rate would miss the first event of a counter that appears with it.
        self._image(*_COMPLETE)
        for reason in Reason:
            self._image(_FAILED, reason)
            self._retry(reason)
        for code in RefusalCode:
            self._refusal(code)
        for cause in EndCause:
            self._worker_end(cause)

    def accepted(self, urls: int) -> None:
        """Count an accepted job and its URLs."""
        self._jobs_accepted.inc()
        self._urls_accepted.inc(urls)

    def refused(self, code: str) -> None:
        """Count a refused job."""
        self._refusal(code).inc()

    def begun(self, waited_seconds: float | None) -> None:
        """Count an attempt; `waited_seconds` since the submission is for a URL's first one."""
        self._attempts.inc()
        if waited_seconds is not None:
            # The wall clock may have been set back.
            self._waits.observe(max(0.0, waited_seconds))

    def interrupted(self, reason: str) -> None:
        """Count an attempt without a result."""
        self._retry(reason).inc()

    def ended(self, result: Uploaded | Failed, count: int = 1) -> None:
        """Count final URLs with the same result."""
        labels = (_FAILED, result.reason) if isinstance(result, Failed) else _COMPLETE
        self._image(*labels).inc(count)

    def finished(self, seconds: float) -> None:
        """Count a complete job, and its seconds since the submission."""
        self._jobs_finished.inc()
        self._jobs.observe(seconds)

    def downloaded(self, seconds: float, size: int) -> None:
        """Count a download, its seconds and bytes."""
        self._downloaded_bytes.inc(size)
        self._downloads.observe(seconds)

    def converted(self, seconds: float) -> None:
        """An image was made fit for Imgur."""
        self._conversions.observe(seconds)

    def uploaded(self, seconds: float) -> None:
        """Count the seconds of an upload."""
        self._uploads.observe(seconds)

    def worker_ended(self, cause: EndCause) -> None:
        """Count a worker that ended before the service."""
        self._worker_end(cause).inc()

    def collect(self, stats: MailboxStats, quota: QuotaState = _NO_QUOTA) -> tuple[Metric, ...]:
        """All of it now, with the queue and the quota as they are told."""
        counted = tuple(self._registry.collect())
        for family in counted:
            # Without creation times, which would double the number of series.
            family.samples = [
                sample for sample in family.samples if not sample.name.endswith("_created")
            ]
        return (*counted, *_gauges(stats), *_quota(quota.imgur), *_budget(quota))


def _gauges(stats: MailboxStats) -> Iterator[Metric]:
    for field, (name, meaning) in _GAUGES.items():
        yield GaugeMetricFamily(name, meaning, value=getattr(stats, field))


def _budget(quota: QuotaState) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "imgup_blocked",
        "1 while uploads have stopped, as Imgur refuses this application or address.",
        value=quota.block is not None,
    )
    left = GaugeMetricFamily(
        "imgup_budget_remaining", "Uploads that our own budget leaves.", labels=("window",)
    )
    whole = GaugeMetricFamily(
        "imgup_budget_limit", "Uploads in any such window.", labels=("window",)
    )
    for window in quota.budget:
        left.add_metric((window.name,), window.remaining)
        whole.add_metric((window.name,), window.limit)
    yield left
    yield whole


def _quota(quota: Quota) -> Iterator[Metric]:
    left = GaugeMetricFamily(
        "imgup_allowance_remaining", "What Imgur still takes, where it has told.", labels=("limit",)
    )
    whole = GaugeMetricFamily(
        "imgup_allowance_limit", "What Imgur takes from one reset to the next.", labels=("limit",)
    )
    for field in fields(quota):
        state: LimitState = getattr(quota, field.name)
        if state.remaining is not None:
            left.add_metric((field.name,), state.remaining)
        if state.limit is not None:
            whole.add_metric((field.name,), state.limit)
    yield left
    yield whole
