"""The worker: lease → pipeline → report, in each of its lanes."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial

import structlog

from workers.contract.backend import BackendLostError
from workers.contract.backoff import Backoff
from workers.contract.conversion_policy import ConversionPolicy
from workers.contract.download_policy import DownloadPolicy
from workers.contract.imgur_access import ImgurAccess
from workers.contract.logs import LogConfig, configure_logging, flush_logs
from workers.contract.messages import Lease, Origin, Outcome, Report
from workers.contract.quota import QuotaReports
from workers.contract.state_calls import MailboxCalls
from workers.contract.tokens import Tokens
from workers.worker.concurrency_limiter import ConcurrencyLimiter, LoadMonitor
from workers.worker.converters import Converters
from workers.worker.fitting import ImageFitter
from workers.worker.http.byte_budget import ByteBudget
from workers.worker.http.loop import TransferLoop
from workers.worker.imgur.client import ImgurClient
from workers.worker.imgur.deprecation import DeprecationLog
from workers.worker.pipeline import Pipeline
from workers.worker.request_batcher import LaneClient, RequestBatcher
from workers.worker.source.data_reader import DataReader
from workers.worker.source.fetch import Downloader
from workers.worker.task_log import log_outcome
from workers.worker.webhook import WebhookPolicy, WebhookSender

_REST_SECONDS = 0.003  # a fourth of the round trips, and little compared with an image
_NICENESS = 10  # a tenth of the weight of web side and Manager (sched(7))


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Configuration of a worker.

    Attributes:
        lanes: images in work at once in one worker process.
        core_share: of a core, that one worker can count on; see `ConcurrencyLimiter`.
        max_attempts: tries of one URL altogether.
        webhooks: how callback URLs are told.
        conversion: how images that Imgur would refuse are made fit.
    """

    lanes: int
    max_attempts: int
    download: DownloadPolicy
    imgur: ImgurAccess
    backoff: Backoff = field(default_factory=Backoff)
    logs: LogConfig = field(default_factory=LogConfig)
    webhooks: WebhookPolicy = field(default_factory=WebhookPolicy)
    core_share: float = 1.0
    conversion: ConversionPolicy = field(default_factory=ConversionPolicy)


class Lane:
    """Processes one task at a time; each round trip reports one and leases the next.

    Args:
        lane_client: the lane's client of the request batcher.
        process: the pipeline's `process`.
    """

    def __init__(self, lane_client: LaneClient, process: Callable[[Lease], Outcome]) -> None:
        self._lane_client = lane_client
        self._process = process

    def run(self) -> None:
        """Process tasks until the mailbox ends the worker."""
        while (lease := self._lane_client.lease()) is not None:
            with _named(lease.origin):
                report = Report(lease.token, self._process(lease))
                log_outcome(lease, report.outcome, self._lane_client.report(report))


@contextmanager
def _named(origin: Origin | None) -> Iterator[None]:
    """Bind the request's id, if known, to the log lines of this lane."""
    if origin is None:
        yield
        return
    tokens = structlog.contextvars.bind_contextvars(**origin.log_fields())
    try:
        yield
    finally:
        structlog.contextvars.reset_contextvars(**tokens)


def _end_worker(error: Exception) -> None:
    structlog.get_logger("worker").error(
        "a thread failed; its worker ends, URLs go back", exc_info=error
    )
    flush_logs()
    os._exit(1)


def run_lanes(
    config: WorkerConfig,
    worker_id: str,
    mailbox: MailboxCalls,
    tokens: Tokens,
    converters: Converters,
    *,
    rest_seconds: float = _REST_SECONDS,
) -> None:
    """Work until the mailbox says that there is nothing more to do, in a process for this alone.

    Args:
        config: what to go by.
        worker_id: the mailbox knows it by this.
        mailbox: the queue.
        tokens: the access token that all workers share.
        converters: the converter processes of this one.
        rest_seconds: see `RequestBatcher`.

    Raises:
        SystemExit: the mailbox is lost.
    """
    # Where the processor is short, clients get their answers before images go on.
    os.nice(_NICENESS)
    configure_logging(config.logs, worker_id)
    # getaddrinfo cannot be interrupted; this limits the wait for a name server to some seconds
    # (resolv.conf(5)). Read by the C library at the first lookup of the process.
    os.environ.setdefault("RES_OPTIONS", "timeout:2 attempts:2")
    transfers = TransferLoop(_end_worker)
    budget = ByteBudget(config.download.held_bytes)
    limiter = ConcurrencyLimiter(config.lanes, config.core_share)
    news = QuotaReports(time.monotonic)
    deprecations = DeprecationLog(time.monotonic)
    batcher = RequestBatcher(
        lambda request, wait: mailbox.exchange(worker_id, request, wait),
        limiter,
        news.take,
        rest_seconds,
    )
    load_monitor = LoadMonitor(limiter, batcher.look_again)
    data = DataReader(partial(mailbox.read_data, worker_id))
    lost = threading.Event()

    def lane() -> None:
        try:
            _run_lane(
                config,
                batcher.lane_client(),
                tokens,
                transfers,
                budget,
                data=data,
                news=news,
                deprecations=deprecations,
                converters=converters,
            )
        except BackendLostError:
            lost.set()
            transfers.close()  # their outcomes cannot be reported
        except Exception as error:  # noqa: BLE001 - otherwise its lease would not end
            _end_worker(error)

    threads = [threading.Thread(target=lane, name=f"lane-{n}") for n in range(config.lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load_monitor.close()
    data.close()
    batcher.close()
    transfers.close()
    converters.close()
    flush_logs()  # a forked process and a killed actor end without the interpreter's exit
    if lost.is_set():
        sys.exit(1)


def _run_lane(
    config: WorkerConfig,
    lane_client: LaneClient,
    tokens: Tokens,
    transfers: TransferLoop,
    budget: ByteBudget,
    *,
    data: DataReader,
    news: QuotaReports,
    deprecations: DeprecationLog,
    converters: Converters,
) -> None:
    with (
        closing(Downloader(config.download, transfers, budget)) as downloader,
        closing(ImgurClient(config.imgur, tokens, transfers, news.read, deprecations)) as imgur,
        closing(WebhookSender(config.webhooks, config.download, transfers)) as callbacks,
    ):
        pipeline = Pipeline(
            downloader,
            imgur,
            config.max_attempts,
            config.backoff,
            lane_client.begin_upload,
            callbacks=callbacks,
            read_data=data.pieces,
            fitter=ImageFitter(config.conversion, config.download, converters, budget),
            begin_conversion=lane_client.begin_conversion,
        )
        Lane(lane_client, pipeline.process).run()
