"""What waits, and may be handed out to whom and when. A plain class, no lease in sight.

A URL that waits is in the fair queue, in quarantine, barred, or due for another attempt later.
Whoever takes one has it until the room is told to have it back or that it has ended.
"""

import math
from collections.abc import Callable, Iterable

from workers.contract.messages import ImageOptions, Outcome, Submission, UrlKey
from workers.state.schedule.fair_queue import FairQueue
from workers.state.schedule.quarantine import Quarantine
from workers.state.schedule.retry_delays import RetryDelays
from workers.state.schedule.source_limits import SourceLimits, host_of

_SEARCH_ON_SECONDS = 0.01  # after a search of the queue that was broken off, with the others let in


class Scheduler:
    """Keeps the URLs that wait, and the rules of who may have one now: jobs take turns, source
    hosts have limits, suspects go out alone.

    A URL takes one of its host's slots from when the queue lets it go until its image has arrived.
    Not safe for threads by itself. Times are monotonic seconds.

    Args:
        source_concurrency: see `MailboxLimits`.
        max_crashes: the same.
        wake: called when something may go that could not before.
    """

    def __init__(self, source_concurrency: int, max_crashes: int, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._sources = SourceLimits(source_concurrency)
        self._queue = FairQueue(self._sources)
        self._quarantine = Quarantine(max_crashes)
        self._delays = RetryDelays()
        # By job: URLs that others are tried before, while Imgur refuses whatever is sent.
        self._barred: dict[str, list[int]] = {}

    # --- at a glance ------------------------------------------------------------------------

    @property
    def unfinished(self) -> int:
        """URLs that are not final, those that were taken from here included."""
        return self._queue.unfinished

    def unfinished_of(self, tenant: str) -> int:
        """Those of a tenant's jobs."""
        return self._queue.unfinished_of(tenant)

    @property
    def held(self) -> int:
        """URLs that wait for the album of their job."""
        return self._queue.held

    @property
    def delayed(self) -> int:
        """URLs that wait for the time of their next attempt."""
        return len(self._delays)

    @property
    def size(self) -> int:
        """Bytes of memory besides the jobs', by an estimate."""
        return self._queue.size + self._delays.size + self._sources.size

    def ahead(self, job_id: str) -> int | None:
        """See `FairQueue.ahead`."""
        return self._queue.ahead(job_id)

    def next_event(self, now: float) -> float:
        """When to look again, if nobody wakes before."""
        search_on = now + _SEARCH_ON_SECONDS if self._queue.is_unsearched else math.inf
        return min(search_on, self._delays.next_due(), self._sources.next_resume())

    # --- jobs come in -----------------------------------------------------------------------

    def add(self, submission: Submission, new_album: str | None = None) -> None:
        """Append a job with all of its URLs; see `FairQueue.add`."""
        self._queue.add(submission, new_album)
        self._wake()

    def restore(
        self,
        job: Submission,
        waiting: Iterable[int],
        leased: int,
        new_album: str | None = None,
    ) -> None:
        """Append a job that had begun; see `FairQueue.restore`."""
        self._queue.restore(job, waiting, leased, new_album)

    def release(self, job_id: str, new_album: str) -> None:
        """The album of a job is created: its URLs may go."""
        if self._queue.release(job_id, new_album):
            self._wake()

    # --- URLs go out ------------------------------------------------------------------------

    def take(self, worker_id: str, workers: int, now: float, *, is_free: bool) -> UrlKey | None:
        """The next URL for a worker.

        Args:
            worker_id: who asks.
            workers: how many there are.
            now: the time.
            is_free: whether it holds nothing.

        Returns:
            None when there is none, or none that this worker may have now.
        """
        for place in self._delays.pop_due(now):
            self.requeue(place, now)
        for host in self._sources.resume(now):
            self._admit(host)
        if self._quarantine.has_quarantined and self._quarantine.enter(
            worker_id, workers, is_free=is_free
        ):
            # Another worker may have been let go for it.
            self._wake()
        if not self._quarantine.holds(worker_id):
            return self._queue.pop()
        if not is_free:
            return None
        quarantined_url = self._quarantine.pop(worker_id)
        # Counted, but not held up: there are few, and each keeps a worker from all other work.
        self._sources.take_beyond(quarantined_url, host_of(self._queue.url(quarantined_url)))
        return quarantined_url

    def url(self, place: UrlKey) -> str:
        """The text of a URL that is not final."""
        return self._queue.url(place)

    def options(self, job_id: str) -> ImageOptions | None:
        """What the workers are told of a job's options."""
        return self._queue.options(job_id)

    def downloaded(self, place: UrlKey) -> None:
        """The image has arrived: its source is free for the next."""
        self._admit(self._sources.downloaded(place))

    # --- they come back, or end -------------------------------------------------------------

    def attempt_ended(self, place: UrlKey, outcome: Outcome | None, now: float) -> None:
        """An attempt is over, and its download with it; the source's limit heeds the outcome.

        Args:
            place: the URL.
            outcome: what became of it; None when its worker died.
            now: the time.
        """
        self._admit(self._sources.ended(place, outcome, now))

    def requeue(self, place: UrlKey, now: float) -> None:
        """Put a URL before the others of its job, or with the suspects if it is one."""
        if self._quarantine.is_quarantined(place):
            self.attempt_ended(place, None, now)
            self._quarantine.add(place)
        else:
            self._queue.requeue(place)
        self._wake()

    def delay(self, place: UrlKey, until: float) -> None:
        """Have a URL back at a time."""
        if self._delays.add(place, until):
            # Every lane that waits has its alarm set for the first of them, or for earlier.
            self._wake()

    def bar(self, place: UrlKey) -> None:
        """Have a URL wait until `unbar`."""
        self._barred.setdefault(place[0], []).append(place[1])

    def unbar(self, now: float) -> bool:
        """Let URLs that were barred go again; returns whether there were any."""
        barred, self._barred = self._barred, {}
        for job_id, indexes in barred.items():
            for index in sorted(indexes, reverse=True):
                self.requeue((job_id, index), now)
        return bool(barred)

    def charge(self, place: UrlKey, *, last_chance: bool) -> int:
        """Count a crash of the worker that had a URL; see `Quarantine.charge`."""
        return self._quarantine.charge(place, last_chance=last_chance)

    def end(self, place: UrlKey) -> None:
        """A URL that was taken is final."""
        self._quarantine.forget(place)
        self._queue.end(place[0])

    # --- a job is called off ----------------------------------------------------------------

    def remove(self, job_id: str, now: float) -> list[int]:
        """Take out what waits of a job, wherever it does; `end_removed` is to follow.

        Returns:
            The indexes of these URLs, in no order.
        """
        indexes = self._queue.remove(job_id, now) if self._queue.has(job_id) else []
        indexes += self._delays.remove(job_id)
        indexes += self._quarantine.remove(job_id)
        indexes += self._barred.pop(job_id, ())
        # Sources may have room now, and who waited for a suspect may have other work.
        self._wake()
        return indexes

    def end_removed(self, job_id: str, count: int) -> None:
        """So many of the URLs that were removed are final."""
        self._queue.end(job_id, count)

    # --- workers ----------------------------------------------------------------------------

    def worker_is_free(self, worker_id: str) -> None:
        """A worker holds nothing any more: the next suspect is its, or it may have other work."""
        if self._quarantine.holds(worker_id):
            self._quarantine.settled(worker_id)
            self._wake()

    def worker_leaves(self, worker_id: str) -> None:
        """The worker takes nothing more: a suspect that it was to have is another's."""
        self._quarantine.stand_down(worker_id)
        self._wake()

    def worker_left(self, worker_id: str) -> None:
        """The worker is gone, or holds nothing any more and is about to go."""
        self._quarantine.leave(worker_id)
        self._wake()

    # --- inside -----------------------------------------------------------------------------

    def _admit(self, host: str | None) -> None:
        # A host may have room again: what is parked for it goes on.
        if host is not None and self._queue.admit(host):
            self._wake()
