"""Leases tasks to workers, and ends their leases."""

import math
from collections.abc import Callable

from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.albums import AlbumState
from workers.contract.messages.jobs import ImageState
from workers.contract.messages.outcomes import (
    Deferred,
    Failed,
    MaybeBlocked,
    Outcome,
    RetryLater,
    Uploaded,
)
from workers.contract.messages.round_trip import (
    Ack,
    DownloadReport,
    Lease,
    Report,
    UploadDecision,
    UrlKey,
)
from workers.contract.messages.supervision import FenceResult
from workers.contract.messages.tasks import TaskKind
from workers.state.jobs.album import album_failure
from workers.state.jobs.job_table import JobTable
from workers.state.leases.outcome_handler import OutcomeHandler
from workers.state.leases.registry import Holder, LeaseRegistry
from workers.state.quota.quota import UploadQuota
from workers.state.schedule.scheduler import Scheduler
from workers.state.schedule.throughput import Throughput
from workers.state.tasks.task_queue import TaskQueue


class Dispatcher:
    """Moves tasks between queues and leases. Not thread-safe; the clock is in monotonic seconds.

    Attributes:
        throughput: recent rate of final URLs.
        failed_jobs: jobs whose waiting URLs are to fail with the next `Mailbox.tend`, as their
            album was not created: for a large job that takes longer than other calls may.
        outcomes: decides what becomes of URLs.
    """

    def __init__(
        self,
        table: JobTable,
        room: Scheduler,
        tasks: TaskQueue,
        leases: LeaseRegistry,
        limits: MailboxLimits,
        *,
        quota: UploadQuota,
        clock: Callable[[], float],
    ) -> None:
        self._table = table
        self._room = room
        self._tasks = tasks
        self._quota = quota
        self._leases = leases
        self.outcomes = OutcomeHandler(table, room, quota, clock, limits)
        self._clock = clock
        self._lease_seconds = limits.lease_seconds
        self.throughput = Throughput()
        self.failed_jobs: list[tuple[str, Failed]] = []

    def hand_out(self, wanted: int, holder: Holder, now: float) -> tuple[Lease, ...]:
        """Lease the next tasks to a worker; as many as it wants and may have."""
        leases: list[Lease] = []
        # First, as a worker's share is one of the URLs that it could have now.
        self._room.end_waits(now)
        self.outcomes.end_waits(now)
        open_urls = self._room.open_urls
        images_wait = open_urls > self._leases.images
        while len(leases) < wanted:
            resume_at = self._calls_resume_at(now)
            key = self._tasks.take(now, resume_at=resume_at, images_wait=images_wait)
            if key is None:
                break
            token = self._leases.lend(holder, *key, now + self._lease_seconds)
            task = self._tasks.lease(key, token, now)
            if task is None:
                self._leases.end(holder.worker_id, token)
            else:
                if key[0] is not TaskKind.WEBHOOK:
                    self._quota.gate.begin(key)
                leases.append(task)
        # A worker with many free lanes leaves URLs for others: a short job ends soonest if all
        # processes work on it.
        workers = self._leases.holders_ready()
        share = math.ceil(open_urls / max(1, workers))
        while len(leases) < wanted and holder.images < max(1, share):
            lease = self._hand_out_image(holder, workers, now)
            if lease is None:
                break
            leases.append(lease)
        return tuple(leases)

    def next_event(self, now: float) -> float:
        """When to look again, if nothing wakes before."""
        wait = self._quota.seconds()
        return min(
            now + wait if wait > 0 else self._room.next_event(now),
            self._tasks.next_due(self._calls_resume_at(now)),
            self.outcomes.next_end_of_wait(),
        )

    def key_of(self, worker_id: str, token: int) -> UrlKey | None:
        """The image of a lease; None if the lease is not in force, or of another kind."""
        leased = self._leases.find(worker_id, token)
        if leased is None or leased.kind is not TaskKind.IMAGE:
            return None
        return leased.place

    def begin_upload(
        self, worker_id: str, token: int, download_report: DownloadReport | None
    ) -> UploadDecision:
        """Announce the upload of a lease; return whether it may begin, as `UploadDecision` says."""
        place = self.key_of(worker_id, token)
        if place is None:
            return False
        self._room.downloaded(place)
        if (why := self._quota.why_not(place)) is not None:
            return why
        link = self._table.begin_upload(*place, download_report)
        if link is None:
            self._quota.send(place)
        return link or True

    def end(self, worker_id: str, report: Report) -> Ack:
        """End a lease with its outcome; not accepted if the worker does not hold it any more."""
        leased = self._leases.end(worker_id, report.token)
        if leased is None:
            return Ack(accepted=False)
        holder, place = leased.holder, leased.place
        outcome = judged = self._quota.judged(report.outcome)
        now = holder.last_word = self._clock()
        if leased.kind is not TaskKind.IMAGE:
            key = leased.kind, place
            if leased.kind is not TaskKind.WEBHOOK:
                outcome = self._quota.call_ended(key, report.token, outcome)
            self._tasks.settle(key, outcome, now)
            if leased.kind is TaskKind.ALBUM:
                self._album_changed(place[0])
            self.outcomes.end_waits(now)
            # What is deferred instead stands in the line of the block.
            was_blocked = isinstance(judged, MaybeBlocked) and isinstance(outcome, Deferred)
            return Ack(accepted=True, is_logged=not was_blocked)
        if not holder.images:
            self._room.worker_is_free(worker_id)
        is_logged = self._is_logged(place[0], outcome)
        finished = self.outcomes.settle(place, outcome)
        if isinstance(outcome, Uploaded | Failed):
            self.throughput.ended(now)
        if not self._leases.images:
            self.throughput.rest(now)
        self.outcomes.end_waits(now)
        return Ack(accepted=True, finished=finished, is_logged=is_logged)

    def take_back(self, holder: Holder) -> FenceResult:
        """End the leases of a dead worker, each charged with the crash."""
        leases = self._leases.fence(holder)
        self._room.worker_is_free(holder.worker_id)
        failed = failed_tasks = 0
        now = self._clock()
        # In reverse, as each goes to the front of its job: this keeps their order.
        for leased in reversed(leases):
            if leased.kind is not TaskKind.IMAGE:
                key = leased.kind, leased.place
                self._quota.call_lost(key)
                failed_tasks += self._tasks.crashed(key, now)
                if leased.kind is TaskKind.ALBUM:
                    self._album_changed(leased.place[0])
            else:
                failed += self.outcomes.settle_crash(leased.place)
        if not self._leases.images:
            self.throughput.rest(now)
        returned, tasks = holder.images - failed, len(leases) - holder.images - failed_tasks
        return FenceResult(returned, failed, holder.has_claimed, tasks)

    def restore(self) -> None:
        """Queue the open URLs after a recovery; one that was being uploaded is handled as after the
        death of its worker.
        """
        self._tasks.restore(self._clock())
        for job_id, job in self._table.by_id.items():
            if not job.pending:
                continue
            waiting = [
                index
                for index, state in enumerate(job.states)
                if state == ImageState.PENDING and index not in job.uploading
            ]
            if job.cancelled is not None:
                self._table.cancel(job_id, waiting)
                waiting = []
            if not job.pending:
                continue
            leased = sorted(job.uploading, reverse=True)
            self._room.queue.add(job.asked, job.new_album, waiting, len(leased))
            if job.album is not None:
                self._album_changed(job.album.key)
            for index in leased:
                self._quota.count()
                self._table.begin(job_id, index)
                self.outcomes.settle_crash((job_id, index))

    def _album_changed(self, key: str) -> None:
        """Let the jobs of an album go, or have them fail."""
        with self._tasks.store.album(key, changes=False) as album:
            if album is None or album.state is AlbumState.PENDING:
                return
            name, job_ids = album.name, tuple(album.job_ids)
            failure = None if album.is_created else album_failure(album)
        for job_id in job_ids:
            if failure is None:
                self._room.release(job_id, name)
            else:
                self.failed_jobs.append((job_id, failure))

    def _is_logged(self, job_id: str, outcome: Outcome) -> bool:
        failure_log = self._table.by_id[job_id].failure_log
        if isinstance(outcome, Failed):
            return failure_log.note_failure(outcome.reason)
        if isinstance(outcome, Deferred):
            # Each lane that was sending meets the same limit: only a longer pause is news.
            left = self._quota.pause_seconds
            return left <= 0 or (outcome.pause_seconds or 0.0) > left + 1.0
        is_retry = isinstance(outcome, RetryLater | MaybeBlocked)
        return not is_retry or failure_log.note_retry()

    def _hand_out_image(self, holder: Holder, workers: int, now: float) -> Lease | None:
        if not self._quota.may_begin():
            return None
        place = self._room.take(holder.worker_id, workers, is_free=not holder.images)
        if place is None:
            if self._room.unbar(now):  # there is no other to be tried
                return self._hand_out_image(holder, workers, now)
            return None
        self._quota.begin(place)
        token = self._leases.lend(holder, TaskKind.IMAGE, place, now + self._lease_seconds)
        self.throughput.begin(now)
        attempt = self._table.begin(*place)
        url, options = self._room.queue.url(place), self._room.queue.options(place[0])
        return Lease(token, *place, url, attempt, options, self._table.by_id[place[0]].asked.origin)

    def _calls_resume_at(self, now: float) -> float:
        images_wait = self._room.open_urls > self._leases.images
        return now + self._quota.seconds_until_calls(images_wait=images_wait)
