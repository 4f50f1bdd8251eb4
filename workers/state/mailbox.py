"""The queue with leases: a plain class without processes.

A stock queue loses a message if a worker is killed while it waits or works. Here a message is
leased: it is removed when its lease is acknowledged, and requeued when its worker is fenced. The
lease's token is the fence: a report about a lease that is not valid any more changes nothing.

Invariant at every release of the condition: each open URL is either in the scheduler or under one
lease; or its job is cancelled or fails as a whole, and the URL is about to fail.
"""

import threading
import time
from collections.abc import Callable

from prometheus_client import Metric

from workers.contract.budget import QueueStats
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.round_trip import (
    DATA_PIECE_BYTES,
    Directive,
    TaskKey,
    UrlKey,
    WorkerRequest,
    WorkerResponse,
)
from workers.contract.messages.supervision import EndCause, FenceResult, LogLine, MailboxStats
from workers.contract.messages.tasks import DeletionRefusal, TaskKind
from workers.state.jobs.job_table import JobTable
from workers.state.leases.admission import Admission
from workers.state.leases.dispatcher import Dispatcher
from workers.state.leases.registry import LeaseRegistry
from workers.state.leases.waiting_urls import WaitingUrls
from workers.state.quota.quota import UploadQuota
from workers.state.schedule.scheduler import Scheduler
from workers.state.tasks.task_queue import TaskQueue
from workers.state.tasks.task_store import TaskStore


class Mailbox:
    """Leases each URL to one worker at a time, fairly between jobs.

    Args:
        job_table: where attempts and results are noted in the same step as the hand-out or return.
        limits: capacity and patience.
        clock: monotonic seconds; every deadline is measured on it.
        quota_clock: for waits of hours and days, see `long_clock`; by default the other one.
    """

    def __init__(
        self,
        job_table: JobTable,
        limits: MailboxLimits,
        clock: Callable[[], float] = time.monotonic,
        quota_clock: Callable[[], float] | None = None,
    ) -> None:
        self._table = job_table
        self._clock = clock
        self._changed = threading.Condition()
        wake = self._changed.notify_all
        self._room = Scheduler(limits.source_concurrency, limits.max_crashes, wake)
        self._leases = LeaseRegistry()
        self._conversion_seconds = limits.conversion_seconds
        self._tasks = TaskQueue(TaskStore(job_table), limits, wake, self._leases.holders_staying)
        self._quota = UploadQuota(
            limits.quota, quota_clock or clock, job_table, self._block_changed
        )
        self._dispatcher = Dispatcher(
            job_table, self._room, self._tasks, self._leases, limits, quota=self._quota, clock=clock
        )
        self._waiting = WaitingUrls(
            job_table, self._room, self._dispatcher.outcomes, self._changed, clock
        )
        job_table.on_task = self._add_task
        self._admission = Admission(job_table, self._room, self._changed, limits.max_open_urls)
        self.refusal, self.put = self._admission.refusal, self._admission.put
        self.retry, self.cancel = self._admission.retry, self._waiting.cancel

    # --- the web side: see `WebMailbox` -------------------------------------------------------

    def delete_image(self, job_id: str, index: int, owner: str = "") -> DeletionRefusal | None:
        with self._changed:
            if self._admission.is_closed:
                return DeletionRefusal.DRAINING
            return self._tasks.store.want_deletion(job_id, index, owner)

    def delete_album(self, job_id: str, owner: str = "") -> DeletionRefusal | None:
        with self._changed:
            if self._admission.is_closed:
                return DeletionRefusal.DRAINING
            return self._tasks.store.want_album_deletion(job_id, owner)

    def queue_stats(self, job_id: str | None = None) -> QueueStats:
        with self._changed:
            ahead = None if job_id is None else self._room.queue.ahead(job_id)
            return QueueStats(
                rate_per_second=self._dispatcher.throughput.per_second(self._clock()),
                quota=self._quota.state(None if ahead is None else ahead + 1),
                ahead=ahead,
            )

    def metrics(self) -> tuple[Metric, ...]:
        stats = self.stats()
        with self._changed:
            quota = self._quota.state()
        return self._table.metrics.collect(stats, quota)

    def open_gate(self) -> bool:
        with self._changed:
            self._quota.end_pause()
            was_shut = self._quota.open("somebody has asked for it")
            self._table.hold(self._quota.waiting)
            self._changed.notify_all()
            return was_shut

    # --- a worker, see `MailboxCalls` -----------------------------------------------------

    def exchange(
        self, worker_id: str, request: WorkerRequest, wait_seconds: float
    ) -> WorkerResponse:
        with self._changed:
            if request.quota is not None:
                self._quota.note(request.quota)
            for token in request.conversions:
                self._leases.extend(worker_id, token, self._conversion_seconds)
            acks = tuple(self._dispatcher.end(worker_id, report) for report in request.reports)
            cleared = tuple(
                self._dispatcher.begin_upload(worker_id, download_report.token, download_report)
                for download_report in request.uploads
            )
            if acks and not request.wanted:
                # The ended leases may have blocked another call of this worker: by its share, or
                # from a quarantined URL.
                self._changed.notify_all()
        claimed = self.claim(worker_id, wait_seconds if request.wanted else 0.0, request.wanted)
        return WorkerResponse(claimed.directive, claimed.leases, acks, cleared)

    def claim(self, worker_id: str, wait_seconds: float, wanted: int = 1) -> WorkerResponse:
        """Lease the next tasks; wait a bounded time for the first one."""
        with self._changed:
            give_up = self._clock() + wait_seconds
            while True:
                holder = self._leases.holder(worker_id)
                if holder is None:
                    return WorkerResponse(Directive.FENCED)
                now = self._clock()
                holder.has_claimed = True
                holder.last_word = now
                if self._admission.is_closed or holder.is_draining:
                    return WorkerResponse(Directive.DRAINED)
                leases = self._dispatcher.hand_out(wanted, holder, now)
                if leases:
                    return WorkerResponse(Directive.WORK, leases)
                if now >= give_up:
                    return WorkerResponse(Directive.IDLE)
                holder.waits += 1
                self._changed.wait(min(give_up, self._dispatcher.next_event(now)) - now)
                holder.waits -= 1

    def read_data(self, worker_id: str, token: int, start: int) -> bytes | None:
        with self._changed:
            key = self._dispatcher.key_of(worker_id, token)
            content = None if key is None else self._table.by_id[key[0]].data[key[1]]
        return None if content is None else content[start : start + DATA_PIECE_BYTES]

    # --- the supervisor, see `MailboxCalls` --------------------------------------------------

    def restore(self) -> None:
        """Queue the open URLs of a recovered table; called once, before all else.

        A URL that was being uploaded is handled as after the death of its worker.
        """
        with self._changed:
            self._quota.restore()
            self._dispatcher.restore()
            self._changed.notify_all()

    def open_tasks(self) -> tuple[TaskKey, ...]:
        with self._changed:
            return tuple(self._tasks.keys())

    def close(self) -> None:
        with self._changed:
            self._admission.is_closed = True
            self._changed.notify_all()

    def stats(self) -> MailboxStats:
        with self._changed:
            return MailboxStats(
                queued=self._room.queue.unfinished - self._leases.images,
                delayed=self._room.delayed,
                leased=self._leases.images,
                pause_seconds=self._quota.pause_seconds,
                block=self._quota.gate.block,
                workers_ready=self._leases.holders_ready(),
                draining=self._admission.is_closed,
                workers_idle=self._leases.holders_idle(),
                workers_draining=self._leases.holders_draining(),
                state_bytes=self._table.size + self._room.size,
                max_state_bytes=self._table.max_bytes,
                waiting=self._table.held[1] if self._table.held else "",
                journal_error=self._table.journal.error,
            )

    def register(self, worker_id: str) -> None:
        with self._changed:
            self._leases.register(worker_id, self._clock())

    def drain_worker(self, worker_id: str) -> None:
        with self._changed:
            holder = self._leases.holder(worker_id)
            if holder is not None:
                holder.is_draining = True
                self._room.worker_leaves(worker_id)
                self._changed.notify_all()

    def fence(self, worker_id: str, cause: EndCause | None = None) -> FenceResult:
        if cause is not None:
            self._table.metrics.worker_ends(cause).inc()
        with self._changed:
            holder = self._leases.holder(worker_id)
            if holder is None:
                return FenceResult(returned=0, failed=0, had_claimed=False)
            # Also for waiting calls of this worker's lanes, which must end.
            self._changed.notify_all()
            return self._dispatcher.take_back(holder)

    def workers(self) -> tuple[str, ...]:
        with self._changed:
            return self._leases.workers()

    def expired(self) -> tuple[str, ...]:
        with self._changed:
            return self._leases.expired(self._clock())

    def tend(self) -> tuple[LogLine, ...]:
        with self._changed:
            self._table.hold(self._quota.waiting)
            if self._room.queue.unfinished > self._leases.images:
                self._quota.tell_wait()
            block = self._quota.gate.block if self._quota.gate.is_patience_over else None
            failed, self._dispatcher.failed_jobs = self._dispatcher.failed_jobs, []
        self._waiting.fail(failed)
        self._waiting.go_on()
        is_over = block is not None and self._waiting.give_up(block)
        with self._changed:
            if is_over:
                self._quota.gate.renew_patience()
            lines, self._table.lines = self._table.lines, []
            return tuple(lines)

    # --- inside, the condition held ---------------------------------------------------------

    def _block_changed(self) -> None:
        self._table.hold(self._quota.waiting)
        self._room.unbar(self._clock())

    def _add_task(self, kind: TaskKind, place: UrlKey) -> None:
        with self._changed:  # a journal that is read completes jobs without it
            self._tasks.add(kind, place, self._clock())
