"""Metrics of images and jobs, for `GET /metrics`.

The registry is in the Manager, beside the job table, where all events arrive: nothing needs to be
collected from workers, and nothing of a dead worker is lost. It counts from the start of the
process, without labels of URLs, jobs or owners.
"""

from collections.abc import Iterable, Iterator
from dataclasses import fields
from functools import cache, partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric

from workers.contract.budget import QuotaState
from workers.contract.errors import Reason
from workers.contract.messages.outcomes import Failed, Uploaded
from workers.contract.messages.submission import RefusalCode
from workers.contract.messages.supervision import EndCause, MailboxStats
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
    """The counters. Thread-safe.

    Attributes:
        retries: by reason.
        refusals: of jobs, by code.
        worker_ends: by cause.
        conversions: in seconds, as are uploads.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        counter = partial(Counter, registry=self._registry)
        histogram = partial(Histogram, registry=self._registry)
        # Children are cached: a lookup takes several times as long as counting.
        images = "URLs that ended, by outcome (complete, failed) and reason."
        self._image = cache(counter("imgup_images", images, ("outcome", "reason")).labels)
        self._attempts = counter("imgup_attempts", "Tries begun.")
        retries = "Tries that ended without a result."
        self.retries = cache(counter("imgup_retries", retries, ("reason",)).labels)
        self._jobs_accepted = counter("imgup_jobs_accepted", "Jobs taken.")
        self._urls_accepted = counter("imgup_urls_accepted", "URLs of jobs taken.")
        self._jobs_finished = counter("imgup_jobs_finished", "Jobs complete.")
        self.refusals = cache(counter("imgup_jobs_refused", "Jobs not taken.", ("code",)).labels)
        self._downloaded_bytes = counter(
            "imgup_downloaded_bytes", "Bytes of images that arrived whole."
        )
        ends = "Workers that ended before the service did."
        self.worker_ends = cache(counter("imgup_worker_restarts", ends, ("cause",)).labels)
        self._downloads = histogram(
            "imgup_download_seconds",
            "Download of an image that arrived.",
            buckets=_TRANSFER_SECONDS,
        )
        self.conversions = histogram(
            "imgup_conversion_seconds",
            "Conversion of an image that Imgur would have refused, with the wait for a process.",
            buckets=_TRANSFER_SECONDS,
        )
        self.uploads = histogram(
            "imgup_upload_seconds", "Upload of an image that Imgur took.", buckets=_TRANSFER_SECONDS
        )
        self._waits = histogram(
            "imgup_queue_seconds",
            "From a job's arrival to a URL's first try.",
            buckets=_WAIT_SECONDS,
        )
        self._jobs = histogram(
            "imgup_job_seconds", "From a job's arrival to its end.", buckets=_JOB_SECONDS
        )
        self._show_zeros()

    def _show_zeros(self) -> None:
        # A rate would miss the first event of a counter that appears with it.
        self._image(*_COMPLETE)
        for reason in Reason:
            self._image(_FAILED, reason)
            self.retries(reason)
        for code in RefusalCode:
            self.refusals(code)
        for cause in EndCause:
            self.worker_ends(cause)

    def accepted(self, urls: int) -> None:
        self._jobs_accepted.inc()
        self._urls_accepted.inc(urls)

    def begun(self, waited_seconds: float | None) -> None:
        """Count an attempt; `waited_seconds` since the submission is for a URL's first one."""
        self._attempts.inc()
        if waited_seconds is not None:
            # The wall clock may have been set back.
            self._waits.observe(max(0.0, waited_seconds))

    def ended(self, result: Uploaded | Failed, count: int = 1) -> None:
        labels = (_FAILED, result.reason) if isinstance(result, Failed) else _COMPLETE
        self._image(*labels).inc(count)

    def finished(self, seconds: float) -> None:
        """Count a complete job, and its seconds since the submission."""
        self._jobs_finished.inc()
        self._jobs.observe(seconds)

    def downloaded(self, seconds: float, size: int) -> None:
        self._downloaded_bytes.inc(size)
        self._downloads.observe(seconds)

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
        "1 while uploads have stopped, as Imgur takes no images.",
        value=quota.block is not None,
    )
    remaining = ((window.name, window.remaining) for window in quota.budget)
    limits = ((window.name, window.limit) for window in quota.budget)
    meaning = "Uploads that our own budget leaves."
    yield _labelled("imgup_budget_remaining", meaning, "window", remaining)
    yield _labelled("imgup_budget_limit", "Uploads in any such window.", "window", limits)


def _quota(quota: Quota) -> Iterator[Metric]:
    limits: dict[str, LimitState] = {
        field.name: getattr(quota, field.name) for field in fields(quota)
    }
    remaining = ((name, state.remaining) for name, state in limits.items())
    most = ((name, state.limit) for name, state in limits.items())
    meaning = "What Imgur still takes, where it has told."
    yield _labelled("imgup_allowance_remaining", meaning, "limit", remaining)
    meaning = "What Imgur takes from one reset to the next."
    yield _labelled("imgup_allowance_limit", meaning, "limit", most)


def _labelled(
    name: str, meaning: str, label: str, values: Iterable[tuple[str, int | None]]
) -> Metric:
    """Return a gauge with a sample for each known value."""
    gauge = GaugeMetricFamily(name, meaning, labels=(label,))
    for key, value in values:
        if value is not None:
            gauge.add_metric((key,), value)
    return gauge
