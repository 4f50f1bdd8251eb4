"""The queue with leases. A plain class, no process in sight.

A stock queue loses a message whenever a worker is killed while it waits or works. Here a message
is only lent: it leaves the mailbox for good when its lease is acknowledged, and comes back when
its worker is retired. A lease's token is the fence: a word about a lease that is no longer in
force changes nothing.

Invariant, at every release of the condition: each open URL is in exactly one place - in the queue,
waiting for a retry, in quarantine, or under one lease. It takes one of its host's slots from when
the queue lets it go until its image has arrived.
"""

import heapq
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from workers.errors import Reason
from workers.fair_queue import FairQueue
from workers.job_table import JobTable
from workers.journal import JournalFullError
from workers.leases import Holder, LeaseBook
from workers.messages import (
    CrashedUrl,
    Delivery,
    Failed,
    ImageState,
    JobSummary,
    Lease,
    MailboxStats,
    Outcome,
    Place,
    PutBack,
    Receipt,
    Refusal,
    RefusalCode,
    Report,
    Retirement,
    Standing,
    Submission,
    TryAgain,
    Uploaded,
    Words,
)
from workers.quarantine import Quarantine
from workers.source_limits import SourceLimits, host_of

_INTERRUPTED = (
    "The worker process died while it uploaded this image. Imgur may have it, under a link that "
    "was lost; to send the URL again may upload it twice."
)
_FULL_RETRY_SECONDS = 10
_DRAINING_RETRY_SECONDS = 30
_JOURNAL_RETRY_SECONDS = 30
_SEARCH_ON_SECONDS = 0.01  # after a search of the queue that was broken off, with the others let in


@dataclass(frozen=True, slots=True)
class MailboxLimits:
    """What a mailbox holds to.

    Attributes:
        max_open_urls: URLs queued or under lease at once; a submission beyond it is refused whole.
        lease_seconds: how long a worker may keep a URL before it counts as stuck.
        max_crashes: a URL whose worker died this often is failed instead of handed out again.
        upload_again: what becomes of a URL whose worker died while it uploaded. True: it is
            uploaded once more, and may be at Imgur twice; False: it fails, and may be at Imgur
            under a link that nobody knows.
        source_concurrency: downloads from one source host at once; 0 for no limit.
    """

    max_open_urls: int = 1_000_000
    lease_seconds: float = 105.0
    max_crashes: int = 3
    upload_again: bool = True
    source_concurrency: int = 32


class Mailbox:
    """Hands each URL to one worker at a time, fairly between jobs.

    Args:
        job_table: where attempts and results are noted in the same step as the hand-out or return.
        limits: capacity and patience.
        clock: monotonic seconds; every deadline is measured on it.
    """

    def __init__(
        self,
        job_table: JobTable,
        limits: MailboxLimits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = job_table
        self._limits = limits
        self._clock = clock
        self._changed = threading.Condition()
        self._sources = SourceLimits(limits.source_concurrency)
        self._queue = FairQueue(self._sources)
        self._quarantine = Quarantine(limits.max_crashes)
        self._delayed: list[tuple[float, Place]] = []
        self._leases = LeaseBook()
        self._announced = 0  # URLs of jobs that the journal is being told of
        self._paused_until = 0.0
        self._draining = False

    # --- the web side -----------------------------------------------------------------------

    def put(self, submission: Submission) -> Refusal | None:
        """Take a whole job, or nothing of it.

        Returns:
            None when the job was taken, else why not.
        """
        count = len(submission.urls)
        with self._changed:
            refusal = self._refusal(count)
            if refusal is not None:
                return refusal
            self._announced += count
        created = None
        try:
            # The condition released: a journal waits for the disk, and workers must not.
            created = self._table.announce(submission)
        except JournalFullError as error:
            return Refusal(
                RefusalCode.JOURNAL_FULL,
                f"The service cannot write down new jobs at the moment ({error}).",
                _JOURNAL_RETRY_SECONDS,
            )
        finally:
            with self._changed:
                self._announced -= count
                if created is not None:
                    self._table.open(submission, created)
                    self._queue.add(submission)
                    self._changed.notify_all()
        return None

    def restore(self) -> tuple[CrashedUrl, ...]:
        """Queue what is unfinished in a table that was restored; once, before all else.

        A URL that was being uploaded is treated as after the death of its worker.

        Returns:
            The URLs that failed by that.
        """
        crashed = []
        with self._changed:
            for job_id, job in self._table.jobs():
                if not job.pending:
                    continue
                waiting = (
                    index
                    for index, state in enumerate(job.states)
                    if state == ImageState.PENDING and index not in job.uploading
                )
                in_hand = sorted(job.uploading, reverse=True)
                self._queue.restore(job_id, job.urls, waiting, len(in_hand))
                for index in in_hand:
                    self._table.begin(job_id, index)
                    crashed.append(self._after_crash((job_id, index)))
            self._changed.notify_all()
        return tuple(url for url in crashed if url is not None)

    def close(self) -> None:
        """Drain: take no more jobs and hand out nothing more; leases in force may still end."""
        with self._changed:
            self._draining = True
            self._changed.notify_all()

    def stats(self) -> MailboxStats:
        """The queue at a glance."""
        with self._changed:
            return MailboxStats(
                queued=self._queue.unfinished - len(self._leases),
                delayed=len(self._delayed),
                leased=len(self._leases),
                pause_seconds=max(0.0, self._paused_until - self._clock()),
                workers_ready=self._leases.holders_ready(),
                draining=self._draining,
            )

    # --- a worker ---------------------------------------------------------------------------

    def exchange(self, worker_id: str, words: Words, wait_seconds: float) -> Delivery:
        """One round trip of a worker: end leases, announce uploads, take the next leases.

        Args:
            worker_id: who asks.
            words: what its lanes have to say.
            wait_seconds: how long to wait for work at most, if any is wanted.
        """
        with self._changed:
            receipts = tuple(self.ack(worker_id, report) for report in words.reports)
            cleared = tuple(self.begin_upload(worker_id, token) for token in words.uploads)
            if receipts and not words.wanted:
                # Another call of this worker may wait for what its leases kept it from: its share,
                # or the next suspect.
                self._changed.notify_all()
        claimed = self.claim(worker_id, wait_seconds if words.wanted else 0.0, words.wanted)
        return Delivery(claimed.standing, claimed.leases, receipts, cleared)

    def claim(self, worker_id: str, wait_seconds: float, wanted: int = 1) -> Delivery:
        """Take the next URLs, each under a lease, waiting a bounded time for the first."""
        with self._changed:
            give_up = self._clock() + wait_seconds
            while True:
                holder = self._leases.holder(worker_id)
                if holder is None:
                    return Delivery(Standing.RETIRED)
                now = self._clock()
                holder.has_claimed = True
                holder.last_word = now
                if self._draining:
                    return Delivery(Standing.DRAINED)
                leases = self._hand_out_up_to(wanted, worker_id, holder, now)
                if leases:
                    return Delivery(Standing.WORK, leases)
                if now >= give_up:
                    return Delivery(Standing.IDLE)
                self._changed.wait(min(give_up, self._next_event(now)) - now)

    def begin_upload(self, worker_id: str, token: int) -> bool:
        """Note that an image is about to be sent.

        Returns:
            False when the lease is no longer in force: then the image must not be sent.
        """
        with self._changed:
            place = self._leases.place(worker_id, token)
            if place is not None:
                self._table.begin_upload(*place)
                self._admit(self._sources.downloaded(place))
            return place is not None

    def ack(self, worker_id: str, report: Report) -> Receipt:
        """End a lease with its outcome; refused if the lease is no longer this worker's."""
        with self._changed:
            place = self._leases.end(worker_id, report.token)
            if place is None:
                return Receipt(accepted=False)
            holder = self._leases.holder(worker_id)
            if holder is not None:
                holder.last_word = self._clock()
                self._release_from_quarantine(worker_id, holder)
            return Receipt(accepted=True, finished=self._settle(place, report.outcome))

    # --- the supervisor ---------------------------------------------------------------------

    def register(self, worker_id: str) -> None:
        """Let a worker in. Only the supervisor calls this, before it starts the process: a dead
        worker's own registration, still under way, could bring it back to life.

        Raises:
            ValueError: the id is in use.
        """
        with self._changed:
            self._leases.register(worker_id, self._clock())

    def retire(self, worker_id: str) -> Retirement:
        """Fence a dead worker: its later words are refused and its leases go back, each charged
        with the crash.
        """
        with self._changed:
            holder = self._leases.holder(worker_id)
            if holder is None:
                return Retirement(returned=0, failed=(), had_claimed=False)
            places = self._leases.retire(worker_id)
            self._quarantine.leave(worker_id)
            # In reverse, as each goes to the front of its job: the order handed out is kept.
            crashed = [self._after_crash(place) for place in reversed(places)]
            failed = tuple(url for url in crashed if url is not None)
            # Also for this worker's own lanes that still wait here: they are to leave.
            self._changed.notify_all()
            return Retirement(len(places) - len(failed), failed, holder.has_claimed)

    def overdue(self) -> tuple[str, ...]:
        """The workers that keep a URL beyond its lease, or no longer ask for work: stuck, to be
        killed and retired.
        """
        with self._changed:
            return self._leases.overdue(self._clock())

    # --- inside, the condition held ---------------------------------------------------------

    def _refusal(self, count: int) -> Refusal | None:
        if self._draining:
            return Refusal(
                RefusalCode.DRAINING,
                "The service is shutting down and takes no new jobs.",
                _DRAINING_RETRY_SECONDS,
            )
        # A journal may bring back more than a limit lowered since would have let in.
        room = max(0, self._limits.max_open_urls - self._queue.unfinished - self._announced)
        if count > room:
            return Refusal(
                RefusalCode.QUEUE_FULL,
                f"The queue has room for {room} more URLs and this job has {count}.",
                _FULL_RETRY_SECONDS,
            )
        return None

    def _hand_out_up_to(
        self, wanted: int, worker_id: str, holder: Holder, now: float
    ) -> tuple[Lease, ...]:
        # A worker with many free lanes leaves the others theirs: a short job is done soonest when
        # all processes work on it.
        open_urls = self._queue.unfinished - len(self._delayed)
        share = math.ceil(open_urls / max(1, self._leases.holders_ready()))
        leases: list[Lease] = []
        while len(leases) < wanted and len(holder.tokens) < max(1, share):
            lease = self._hand_out(worker_id, holder, now)
            if lease is None:
                break
            leases.append(lease)
        return tuple(leases)

    def _hand_out(self, worker_id: str, holder: Holder, now: float) -> Lease | None:
        if now < self._paused_until:
            return None
        self._bring_back_delayed(now)
        for host in self._sources.resume(now):
            self._admit(host)
        place = self._next_place(worker_id, holder)
        if place is None:
            return None
        token = self._leases.lend(worker_id, place, now + self._limits.lease_seconds)
        attempt = self._table.begin(*place)
        return Lease(token, *place, self._queue.url(place), attempt)

    def _next_place(self, worker_id: str, holder: Holder) -> Place | None:
        if self._quarantine.has_suspects and self._quarantine.enter(
            worker_id, self._leases.holders_ready(), is_free=not holder.tokens
        ):
            # Another worker may have been let go for it.
            self._changed.notify_all()
        if not self._quarantine.holds(worker_id):
            return self._queue.pop()
        if holder.tokens:
            return None
        suspect = self._quarantine.pop(worker_id)
        # Counted, but not held up: there are few, and each keeps a worker from all other work.
        self._sources.take_beyond(suspect, host_of(self._queue.url(suspect)))
        return suspect

    def _release_from_quarantine(self, worker_id: str, holder: Holder) -> None:
        if holder.tokens or not self._quarantine.holds(worker_id):
            return
        self._quarantine.settled(worker_id)
        self._changed.notify_all()

    def _admit(self, host: str | None) -> None:
        # A host may have room again: what is parked for it goes on.
        if host is not None and self._queue.admit(host):
            self._changed.notify_all()

    def _settle(self, place: Place, outcome: Outcome) -> JobSummary | None:
        self._admit(self._sources.ended(place, outcome, self._clock()))
        match outcome:
            case Uploaded() | Failed():
                if isinstance(outcome, Uploaded) and outcome.pause_seconds:
                    self._pause(outcome.pause_seconds)
                return self._end(place, outcome)
            case TryAgain(reason, message, delay_seconds, maybe_stored):
                self._table.interrupt(
                    *place, reason, message, count=True, maybe_stored=maybe_stored
                )
                self._delay(place, delay_seconds)
            case PutBack(reason, message, pause_seconds):
                self._table.interrupt(*place, reason, message, count=False)
                self._pause(pause_seconds)
                self._give_back(place)
        return None

    def _after_crash(self, place: Place) -> CrashedUrl | None:
        uploads = self._table.interrupted_uploads(*place)
        # A second upload that breaks off fails the URL: it shall not be for another's fault.
        crashes = self._quarantine.charge(place, last_chance=uploads > 0)
        limit = self._limits.max_crashes
        if uploads > (1 if self._limits.upload_again else 0):
            return self._fail_crashed(place, Reason.UPLOAD_INTERRUPTED, _INTERRUPTED)
        message = (
            f"The worker process died while it worked on this URL ({crashes} of {limit} times)."
        )
        if crashes >= limit:
            return self._fail_crashed(place, Reason.WORKER_CRASHED, message)
        self._table.interrupt(
            *place, Reason.WORKER_CRASHED, message, count=False, maybe_stored=uploads > 0
        )
        self._give_back(place)
        return None

    def _fail_crashed(self, place: Place, reason: Reason, message: str) -> CrashedUrl:
        job_id, url = place[0], self._queue.url(place)
        self._admit(self._sources.ended(place, None, self._clock()))
        finished = self._end(place, Failed(reason, message))
        return CrashedUrl(job_id, url, reason, message, finished)

    def _end(self, place: Place, result: Uploaded | Failed) -> JobSummary | None:
        self._quarantine.forget(place)
        self._queue.end(place[0])
        return self._table.record(*place, result)

    def _give_back(self, place: Place) -> None:
        if self._quarantine.is_suspect(place):
            self._admit(self._sources.ended(place, None, self._clock()))
            self._quarantine.add(place)
        else:
            self._queue.give_back(place)
        self._changed.notify_all()

    def _delay(self, place: Place, seconds: float) -> None:
        heapq.heappush(self._delayed, (self._clock() + seconds, place))
        if self._delayed[0][1] == place:
            # Every lane that waits has its alarm set for the first of them, or for earlier.
            self._changed.notify_all()

    def _bring_back_delayed(self, now: float) -> None:
        while self._delayed and self._delayed[0][0] <= now:
            self._give_back(heapq.heappop(self._delayed)[1])

    def _pause(self, seconds: float) -> None:
        # The longest wait asked for wins: answers to uploads under way arrive in any order.
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def _next_event(self, now: float) -> float:
        if now < self._paused_until:
            return self._paused_until
        search_on = now + _SEARCH_ON_SECONDS if self._queue.is_unsearched else math.inf
        retry = self._delayed[0][0] if self._delayed else math.inf
        return min(search_on, retry, self._sources.next_resume())
