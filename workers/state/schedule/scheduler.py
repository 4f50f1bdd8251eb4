"""The scheduler: which URL a worker gets next. It knows no leases.

A URL that waits is in the fair queue, in quarantine, barred, or due for another attempt later.
Whoever takes one has it until the room is told to have it back or that it has ended.
"""

import math
from collections.abc import Callable

from workers.contract.messages.outcomes import Outcome
from workers.contract.messages.round_trip import UrlKey
from workers.state.schedule.fair_queue import FairQueue
from workers.state.schedule.quarantine import Quarantine
from workers.state.schedule.retry_delays import RetryDelays
from workers.state.schedule.source_limits import SourceLimits, host_of

_SEARCH_ON_SECONDS = 0.01  # pause after an incomplete search, so that other calls get the lock


class Scheduler:
    """Keeps the URLs that wait, and the rules of who may have one now: jobs take turns, source
    hosts have limits, suspects go out alone.

    A URL holds a slot of its host from when it leaves the queue until its image is downloaded. Not
    thread-safe. Times are monotonic seconds.

    Args:
        source_concurrency: see `MailboxLimits`.
        max_crashes: the same.
        wake: called when a URL may be leased that could not be before.

    Attributes:
        queue: the fair queue, which knows all jobs.
        quarantine: the URLs that may crash workers.
    """

    def __init__(self, source_concurrency: int, max_crashes: int, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._sources = SourceLimits(source_concurrency)
        self.queue = FairQueue(self._sources)
        self.quarantine = Quarantine(max_crashes)
        self._delays = RetryDelays()
        # By job: URLs that others are tried before, while Imgur refuses whatever is sent.
        self._barred: dict[str, list[int]] = {}

    # --- figures ------------------------------------------------------------------------------

    @property
    def open_urls(self) -> int:
        """Number of URLs that have a lease, or could."""
        return self.queue.unfinished - self.delayed - self.queue.held

    @property
    def delayed(self) -> int:
        """Number of URLs that wait for their next attempt."""
        return len(self._delays)

    @property
    def size(self) -> int:
        """Estimated memory in bytes, without the jobs."""
        return self.queue.size + self._delays.size + self._sources.size

    def next_event(self, now: float) -> float:
        """When to look again, if nothing wakes before."""
        search_on = now + _SEARCH_ON_SECONDS if self.queue.is_unsearched else math.inf
        return min(search_on, self._delays.next_due(), self._sources.next_resume())

    def release(self, job_id: str, new_album: str) -> None:
        """The album of a job is created: its URLs may go."""
        if self.queue.release(job_id, new_album):
            self._wake()

    # --- taking URLs --------------------------------------------------------------------------

    def end_waits(self, now: float) -> None:
        """Let the URLs and the source hosts go on whose time has come; before each `take`."""
        for place in self._delays.pop_due(now):
            self.requeue(place, now)
        for host in self._sources.resume(now):
            self._admit(host)

    def take(self, worker_id: str, workers: int, *, is_free: bool) -> UrlKey | None:
        """Take the next URL for one of so many workers, free if it has no leases; None if there is
        none that it may have now.
        """
        if self.quarantine.enter(worker_id, workers, is_free=is_free):
            # It may have replaced another dedicated worker.
            self._wake()
        if not self.quarantine.holds(worker_id):
            return self.queue.pop()
        if not is_free:
            return None
        quarantined_url = self.quarantine.pop(worker_id)
        # Beyond the limit: such URLs are few, and each occupies a whole worker.
        host = host_of(self.queue.url(quarantined_url))
        self._sources.take(quarantined_url, host, beyond_limit=True)
        return quarantined_url

    def downloaded(self, key: UrlKey) -> None:
        """Release the slot of the source after a download."""
        self._admit(self._sources.downloaded(key))

    # --- returning or ending URLs ---------------------------------------------------------------

    def attempt_ended(self, key: UrlKey, outcome: Outcome | None, now: float) -> None:
        """Release the slot of the source at the end of an attempt, and adapt the limit; the outcome
        is None if its worker died.
        """
        self._admit(self._sources.ended(key, outcome, now))

    def requeue(self, key: UrlKey, now: float) -> None:
        """Put a URL before the others of its job, or into quarantine."""
        if self.quarantine.is_quarantined(key):
            self.attempt_ended(key, None, now)
            self.quarantine.add(key)
        else:
            self.queue.requeue(key)
        self._wake()

    def delay(self, key: UrlKey, until: float) -> None:
        """Delay a URL until a time."""
        if self._delays.add(key, until):
            # Waiting calls have timeouts for the previous first one.
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

    def end(self, key: UrlKey) -> None:
        """A URL that was taken is final."""
        self.quarantine.forget(key)
        self.queue.end(key[0])

    # --- a job is called off ----------------------------------------------------------------

    def remove(self, job_id: str, now: float) -> list[int]:
        """Remove all waiting URLs of a job; return their indexes, unordered. The caller ends them
        in the queue.
        """
        indexes = self.queue.remove(job_id, now)
        indexes += self._delays.remove(job_id)
        indexes += self.quarantine.remove(job_id)
        indexes += self._barred.pop(job_id, ())
        # Sources may have room now, and who waited for a suspect may have other work.
        self._wake()
        return indexes

    # --- workers ----------------------------------------------------------------------------

    def worker_is_free(self, worker_id: str) -> None:
        """Handle a worker without leases, or one that is dead: if it was dedicated, any worker may
        be next.
        """
        if self.quarantine.leave(worker_id):
            self._wake()

    def worker_leaves(self, worker_id: str) -> None:
        """Handle a draining worker: another one takes the quarantined URLs."""
        self.quarantine.stand_down(worker_id)
        self._wake()

    # --- internal -----------------------------------------------------------------------------

    def _admit(self, host: str | None) -> None:
        # The host may have a free slot for a parked URL.
        if host is not None and self.queue.admit(host):
            self._wake()
