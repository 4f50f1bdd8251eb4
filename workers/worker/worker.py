"""The worker: lease → pipeline → report, in each of its lanes."""

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial

import structlog

from workers.contract.backend import BackendLostError
from workers.contract.logs import configure_logging, flush_logs
from workers.contract.messages.outcomes import Outcome
from workers.contract.messages.round_trip import Lease, Report
from workers.contract.quota import QuotaReports
from workers.contract.state_calls import MailboxCalls
from workers.contract.tokens import Tokens
from workers.contract.worker_config import WorkerConfig
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
from workers.worker.webhook import WebhookSender

_REST_SECONDS = 0.003  # a fourth of the round trips, and little compared with an image
_NICENESS = 10  # a tenth of the weight of web side and Manager (sched(7))


def process_tasks(lane_client: LaneClient, process: Callable[[Lease], Outcome]) -> None:
    """Process one task at a time, until the mailbox ends the worker.

    Each round trip reports one and leases the next.

    Args:
        lane_client: the lane's client of the request batcher.
        process: the pipeline's `process`.
    """
    while (lease := lane_client.lease()) is not None:
        named = {} if lease.origin is None else lease.origin.log_fields()
        with structlog.contextvars.bound_contextvars(**named):
            report = Report(lease.token, process(lease))
            log_outcome(lease, report.outcome, lane_client.report(report))


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

    All workers share the tokens; for `rest_seconds` see `RequestBatcher`.

    Raises:
        SystemExit: the mailbox is lost.
    """
    # Where the processor is short, clients get their answers before images go on.
    os.nice(_NICENESS)
    configure_logging(config.logs, worker_id)
    # getaddrinfo cannot be interrupted; this limits the wait for a name server to some seconds
    # (resolv.conf(5)). Read by the C library at the first lookup of the process.
    os.environ.setdefault("RES_OPTIONS", "timeout:2 attempts:2")
    _Lanes(config, worker_id, mailbox, tokens, converters, rest_seconds).run()
    flush_logs()  # a forked process and a killed actor end without the interpreter's exit


class _Lanes:
    """The lanes of this process, and what they share; arguments as of `run_lanes`."""

    def __init__(  # noqa: PLR0917 - one caller
        self,
        config: WorkerConfig,
        worker_id: str,
        mailbox: MailboxCalls,
        tokens: Tokens,
        converters: Converters,
        rest_seconds: float,
    ) -> None:
        self._config = config
        self._tokens = tokens
        self._converters = converters
        self._transfers = TransferLoop(_end_worker)
        self._budget = ByteBudget(config.download.held_bytes)
        self._quota_reports = QuotaReports(time.monotonic)
        self._deprecations = DeprecationLog(time.monotonic)
        self._data = DataReader(partial(mailbox.read_data, worker_id))
        limiter = ConcurrencyLimiter(config.lanes, config.core_share)
        exchange = partial(mailbox.exchange, worker_id)
        self._batcher = RequestBatcher(exchange, limiter, self._quota_reports.take, rest_seconds)
        self._load_monitor = LoadMonitor(limiter, self._batcher.look_again)
        self._is_lost = False

    def run(self) -> None:
        lanes = range(self._config.lanes)
        threads = [threading.Thread(target=self._run_lane, name=f"lane-{n}") for n in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for part in (self._load_monitor, self._data, self._batcher, self._transfers):
            part.close()
        self._converters.close()
        if self._is_lost:
            flush_logs()
            sys.exit(1)

    def _run_lane(self) -> None:
        try:
            self._process_tasks(LaneClient(self._batcher))
        except BackendLostError:
            self._is_lost = True
            self._transfers.close()  # their outcomes cannot be reported
        except Exception as error:  # noqa: BLE001 - otherwise its lease would not end
            _end_worker(error)

    def _process_tasks(self, lane_client: LaneClient) -> None:
        config, transfers = self._config, self._transfers
        budget, on_quota = self._budget, self._quota_reports.read
        with (
            closing(Downloader(config.download, transfers, budget)) as downloader,
            closing(
                ImgurClient(config.imgur, self._tokens, transfers, on_quota, self._deprecations)
            ) as imgur,
            closing(WebhookSender(config.webhooks, config.download, transfers)) as callbacks,
        ):
            pipeline = Pipeline(
                downloader,
                imgur,
                config.max_attempts,
                config.backoff,
                lane_client.begin_upload,
                callbacks=callbacks,
                read_data=self._data.pieces,
                fitter=ImageFitter(config.conversion, config.download, self._converters, budget),
                begin_conversion=lane_client.begin_conversion,
            )
            process_tasks(lane_client, pipeline.process)
