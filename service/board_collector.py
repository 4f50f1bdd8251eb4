"""The job board's figures as Prometheus metrics: asked for once a scrape, kept nowhere here."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from service.board_gate import BoardSilentError
from workers import (
    Allowance,
    Board,
    BoardBusyError,
    BoardLostError,
    HistogramReading,
    LimitState,
    MeterReading,
)


class BoardCollector(Collector):
    """Collects from a board that answers within a moment, or says that it is down.

    Args:
        board: whose figures they are; its `meters` does not wait for long.
        lanes: images in work at once in one of them.
    """

    def __init__(self, board: Board, *, lanes: int) -> None:
        self._board = board
        self._lanes = lanes

    def collect(self) -> Iterator[Metric]:
        """All families; only `imgup_board_up` and what there should be while the board is down."""
        try:
            reading = self._board.mailbox.meters()
        except (BoardSilentError, BoardLostError, BoardBusyError):
            reading = None
        is_up = float(reading is not None)
        workers = self._board.workers_wanted()
        yield _gauge("imgup_board_up", "Whether the job state answers.", is_up)
        yield _gauge("imgup_workers_wanted", "Worker processes there should be.", workers)
        lanes = workers * self._lanes
        yield _gauge("imgup_lanes", "Images that can be in work at once.", lanes)
        if reading is not None:
            yield from _counters(reading)
            yield from _histograms(reading)
            yield from _gauges(reading)
            yield from _allowance(reading.allowance)


def _counters(reading: MeterReading) -> Iterator[Metric]:
    images = CounterMetricFamily(
        "imgup_images",
        "URLs that ended, by outcome (complete, failed) and reason.",
        labels=("outcome", "reason"),
    )
    for labels, count in reading.images.items():
        images.add_metric(labels, count)
    yield images
    yield _counter("imgup_attempts", "Tries begun.", reading.attempts)
    yield _labelled(
        "imgup_retries", "Tries that ended without a result.", "reason", reading.retries
    )
    yield _counter("imgup_jobs_accepted", "Jobs taken.", reading.jobs_accepted)
    yield _counter("imgup_urls_accepted", "URLs of jobs taken.", reading.urls_accepted)
    yield _counter("imgup_jobs_finished", "Jobs complete.", reading.jobs_finished)
    yield _labelled("imgup_jobs_refused", "Jobs not taken.", "code", reading.refusals)
    yield _counter(
        "imgup_downloaded_bytes", "Bytes of images that arrived whole.", reading.downloaded_bytes
    )
    yield _labelled(
        "imgup_worker_restarts",
        "Workers that ended before the service did.",
        "cause",
        reading.worker_restarts,
    )


def _histograms(reading: MeterReading) -> Iterator[Metric]:
    yield _histogram(
        "imgup_download_seconds", "Download of an image that arrived.", reading.download_seconds
    )
    yield _histogram(
        "imgup_upload_seconds", "Upload of an image that Imgur took.", reading.upload_seconds
    )
    yield _histogram(
        "imgup_queue_seconds", "From a job's arrival to a URL's first try.", reading.queue_seconds
    )
    yield _histogram("imgup_job_seconds", "From a job's arrival to its end.", reading.job_seconds)


def _gauges(reading: MeterReading) -> Iterator[Metric]:
    stats = reading.stats
    yield _gauge("imgup_queued_urls", "URLs that wait, for a lane or a retry.", stats.queued)
    yield _gauge("imgup_delayed_urls", "Of these, URLs that wait for a retry.", stats.delayed)
    yield _gauge("imgup_lanes_busy", "Images in work.", stats.leased)
    yield _gauge("imgup_state_bytes", "Memory for jobs and links, estimated.", stats.state_bytes)
    yield _gauge("imgup_state_bytes_max", "As much there may be.", stats.max_state_bytes)
    yield _gauge("imgup_workers_ready", "Workers that ask for work.", stats.workers_ready)
    yield _gauge(
        "imgup_pause_seconds", "Until the pause that Imgur asked for ends.", stats.pause_seconds
    )


def _allowance(allowance: Allowance) -> Iterator[Metric]:
    limits: dict[str, LimitState] = {
        field.name: getattr(allowance, field.name) for field in fields(allowance)
    }
    left = GaugeMetricFamily(
        "imgup_allowance_remaining", "What Imgur still takes, where it has told.", labels=("limit",)
    )
    whole = GaugeMetricFamily(
        "imgup_allowance_limit", "What Imgur takes from one reset to the next.", labels=("limit",)
    )
    for name, state in limits.items():
        if state.remaining is not None:
            left.add_metric((name,), state.remaining)
        if state.limit is not None:
            whole.add_metric((name,), state.limit)
    yield left
    yield whole


def _counter(name: str, meaning: str, value: float) -> Metric:
    return CounterMetricFamily(name, meaning, value=value)


def _labelled(name: str, meaning: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=(label,))
    for value, count in counts.items():
        family.add_metric((value,), count)
    return family


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)


def _histogram(name: str, meaning: str, reading: HistogramReading) -> Metric:
    bounds = [*(str(bound) for bound in reading.bounds), "+Inf"]
    buckets = list(zip(bounds, map(float, accumulate(reading.counts)), strict=True))
    return HistogramMetricFamily(name, meaning, buckets=buckets, sum_value=reading.total)
