"""How URLs get into the hands of workers, and out of them again."""

import math
from collections.abc import Callable

from workers.job_table import JobTable
from workers.messages import (
    Arrival,
    Clearance,
    CrashedUrl,
    Failed,
    ImageState,
    Lease,
    Outcome,
    Place,
    Receipt,
    Report,
    Submission,
    TryAgain,
    Uploaded,
)
from workers.queueing.leases import Holder, LeaseBook
from workers.queueing.mailbox_limits import MailboxLimits
from workers.queueing.settlement import Settlement
from workers.queueing.throughput import Throughput
from workers.queueing.waiting_room import WaitingRoom


class Lending:
    """Moves URLs between the waiting room and the leases. Not safe for threads by itself.

    Args:
        table: where attempts are noted.
        room: where URLs wait.
        leases: those in force.
        limits: of the mailbox.
        clock: monotonic seconds.

    Attributes:
        throughput: how many URLs end in a second.
    """

    def __init__(
        self,
        table: JobTable,
        room: WaitingRoom,
        leases: LeaseBook,
        limits: MailboxLimits,
        clock: Callable[[], float],
    ) -> None:
        self._table = table
        self._room = room
        self._leases = leases
        self._settlement = Settlement(
            table,
            room,
            clock,
            max_crashes=limits.max_crashes,
            upload_again=limits.upload_again,
        )
        self._clock = clock
        self._lease_seconds = limits.lease_seconds
        self.throughput = Throughput()

    def hand_out(
        self, wanted: int, worker_id: str, holder: Holder, now: float
    ) -> tuple[Lease, ...]:
        """The next URLs for a worker, each under a new lease; as many as it wants, or may have."""
        # A worker with many free lanes leaves the others theirs: a short job is done soonest when
        # all processes work on it.
        open_urls = self._room.unfinished - self._room.delayed
        workers = self._leases.holders_ready()
        share = math.ceil(open_urls / max(1, workers))
        leases: list[Lease] = []
        while len(leases) < wanted and len(holder.tokens) < max(1, share):
            lease = self._hand_out_one(worker_id, holder, workers, now)
            if lease is None:
                break
            leases.append(lease)
        return tuple(leases)

    def begin_upload(self, worker_id: str, token: int, arrival: Arrival | None) -> Clearance:
        """See `Mailbox.begin_upload`."""
        place = self._leases.item(worker_id, token)
        if place is None:
            return False
        link = self._table.begin_upload(*place, arrival)
        self._room.downloaded(place)
        return link or True

    def end(self, worker_id: str, report: Report) -> Receipt:
        """End a lease with its outcome; refused if the lease is no longer this worker's."""
        place = self._leases.end(worker_id, report.token)
        if place is None:
            return Receipt(accepted=False)
        holder = self._leases.holder(worker_id)
        if holder is not None:
            holder.last_word = self._clock()
            if not holder.tokens and holder.is_dismissed:
                self._room.worker_left(worker_id)
            elif not holder.tokens:
                self._room.worker_is_free(worker_id)
        is_logged = self._is_logged(place[0], report.outcome)
        finished = self._settlement.settle(place, report.outcome)
        if isinstance(report.outcome, Uploaded | Failed):
            self.throughput.ended(self._clock())
        self._rest_if_idle()
        return Receipt(accepted=True, finished=finished, is_logged=is_logged)

    def take_back(self, worker_id: str) -> tuple[list[Place], tuple[CrashedUrl, ...]]:
        """A worker died: end its leases, each charged with the crash.

        Returns:
            What it held, and those of it that failed by that.
        """
        places = self._leases.retire(worker_id)
        self._room.worker_left(worker_id)
        # In reverse, as each goes to the front of its job: the order handed out is kept.
        crashed = [self._settlement.settle_crash(place) for place in reversed(places)]
        self._rest_if_idle()
        return places, tuple(url for url in crashed if url is not None)

    def restore(self) -> tuple[CrashedUrl, ...]:
        """After a restart: what is unfinished waits; what was being uploaded is treated as after
        the death of its worker.

        Returns:
            The URLs that failed by that.
        """
        crashed = []
        for job_id, job in self._table.jobs():
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
            in_hand = sorted(job.uploading, reverse=True)
            submission = Submission(job_id, job.urls, job.owner, job.options, client=job.tenant)
            self._room.restore(submission, waiting, len(in_hand))
            for index in in_hand:
                self._table.begin(job_id, index)
                crashed.append(self._settlement.settle_crash((job_id, index)))
        return tuple(url for url in crashed if url is not None)

    def _is_logged(self, job_id: str, outcome: Outcome) -> bool:
        if isinstance(outcome, Failed):
            return self._table.note_failure(job_id, outcome.reason)
        return not isinstance(outcome, TryAgain) or self._table.note_retry(job_id)

    def _hand_out_one(
        self, worker_id: str, holder: Holder, workers: int, now: float
    ) -> Lease | None:
        place = self._room.take(worker_id, workers, now, is_free=not holder.tokens)
        if place is None:
            return None
        token = self._leases.lend(worker_id, place, now + self._lease_seconds)
        self.throughput.begin(now)
        attempt = self._table.begin(*place)
        url, options = self._room.url(place), self._room.options(place[0])
        return Lease(token, *place, url, attempt, options, self._table.origin(place[0]))

    def _rest_if_idle(self) -> None:
        if not self._leases:
            self.throughput.rest(self._clock())
