"""The URLs that wait, handed out fairly between jobs and within the limits of their hosts."""

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from workers.jobs.job_options import NO_OPTIONS, JobOptions, Priority
from workers.messages import ImageOptions, Place, Submission
from workers.queueing.job_sizes import JobSizes
from workers.queueing.source_limits import SourceLimits, host_of

_LOOKS_PER_JOB = 64
_LOOKS_PER_POP = 1_024
"""URLs looked at until one may go: first in the job whose turn it is, then in all. Some 2 µs each;
what is looked at is set aside and not looked at again, so the next call goes on from there."""

_STRIDES: Final = {Priority.HIGH: 1, Priority.NORMAL: 2, Priority.LOW: 4}
"""How long a job waits for its next turn: beside each other, 4 : 2 : 1 turns. None waits for ever,
as the time at which its turn comes is fixed when its last one has passed."""


@dataclass(slots=True)
class _JobQueue:
    """A job's share. A URL that waits is in one of three places.

    Attributes:
        urls: all of its URLs.
        unfinished: URLs of the job that are not final yet, wherever they are.
        options: of each of its images.
        stride: see `_STRIDES`.
        order: indexes to hand out; those from `position` on were never looked at.
        admitted: those that have a slot of their host: to be handed out first.
        parked: those whose host had none to give, by host.
    """

    urls: tuple[str, ...]
    unfinished: int
    options: ImageOptions | None
    stride: int
    order: Sequence[int]
    position: int = 0
    admitted: deque[int] = field(default_factory=deque)
    parked: dict[str, deque[int]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is something to look at."""
        return bool(self.admitted) or self.position < len(self.order)


class FairQueue:
    """Round robin by job: a small job does not wait for a large one that came before it. A job of
    a higher priority has more turns (stride scheduling, Waldspurger and Weihl 1995).

    A URL whose host is at its limit is parked, and the next of its job is looked at. A slot that
    gets free passes to a parked URL at once, so a host with parked URLs never has one to give, and
    each URL is parked only once. Jobs that wait for the same host take turns there as well.

    A job is known from `add` until `end` was told of its last URL. Not safe for threads by itself.

    Args:
        sources: the limits.

    Attributes:
        unfinished: URLs of all jobs that are not final yet, wherever they are.
        is_unsearched: whether the last `pop` gave up before it had looked everywhere.
    """

    def __init__(self, sources: SourceLimits) -> None:
        self._sources = sources
        self._jobs: dict[str, _JobQueue] = {}
        self._sizes = JobSizes()
        # A job is in line while it has something to look at, once, as (turn, number, job id):
        # turns are on a clock that moves with those taken, equal ones in the order of arrival.
        self._line: list[tuple[int, int, str]] = []
        self._arrivals = 0
        self._turn = 0
        # By host: the jobs with URLs parked there, each once, in the order of their turns.
        self._parked: dict[str, deque[str]] = {}
        self.unfinished = 0
        self.is_unsearched = False

    def add(self, submission: Submission) -> None:
        """Append a job with all of its URLs."""
        count = len(submission.urls)
        self._enter(submission.job_id, submission.urls, count, range(count), submission.options)

    def restore(
        self,
        job_id: str,
        urls: tuple[str, ...],
        waiting: Iterable[int],
        in_hand: int,
        options: JobOptions = NO_OPTIONS,
    ) -> None:
        """Append a job that had begun.

        Args:
            job_id: the job.
            urls: all of its URLs.
            waiting: indexes of those to hand out.
            in_hand: how many more are not final, to be given back or ended.
            options: the job's.
        """
        order = tuple(waiting)
        self._enter(job_id, urls, len(order) + in_hand, order, options)

    def pop(self) -> Place | None:
        """Hand out the next URL of the job whose turn it is; it has a slot of its host.

        Returns:
            None when none may go, or none was found among those looked at.
        """
        looks = _LOOKS_PER_POP
        self.is_unsearched = False
        while self._line:
            if looks <= 0:
                self.is_unsearched = True
                return None
            self._turn, _, job_id = heapq.heappop(self._line)
            job = self._jobs.get(job_id)
            if job is None:
                continue  # it was removed
            index = None
            for _ in range(_LOOKS_PER_JOB):
                if not job:
                    break
                looks -= 1
                index = self._look_at_next(job_id, job)
                if index is not None:
                    break
            if job:
                self._line_up(job_id, self._turn + job.stride)
            if index is not None:
                return job_id, index
        return None

    def give_back(self, place: Place) -> None:
        """Put a URL that was handed out at the front of its job; a slot that it has it keeps."""
        job_id, index = place
        job = self._jobs[job_id]
        host = host_of(job.urls[index])
        if self._sources.take(place, host):
            self._line_up_unless_there(job_id, job)
            job.admitted.appendleft(index)
        else:
            self._parking(job_id, job, host).appendleft(index)

    def admit(self, host: str) -> int:
        """Pass slots that got free to what is parked for them; returns how many."""
        waiting = self._parked.get(host)
        if waiting is None:
            return 0
        count = 0
        while waiting:
            job_id = waiting[0]
            job = self._jobs[job_id]
            indexes = job.parked[host]
            if not self._sources.take((job_id, indexes[0]), host):
                return count
            count += 1
            self._line_up_unless_there(job_id, job)
            job.admitted.append(indexes.popleft())
            if indexes:
                waiting.rotate(-1)
            else:
                del job.parked[host]
                waiting.popleft()
        del self._parked[host]
        return count

    def remove(self, job_id: str, now: float) -> list[int]:
        """Take out what waits of a job; `end` is told of these URLs later, all the same.

        Returns:
            Their indexes.
        """
        job = self._jobs[job_id]
        waiting = [*job.admitted, *job.order[job.position :]]
        for host, parked in job.parked.items():
            waiting += parked
            jobs = self._parked[host]
            jobs.remove(job_id)
            if not jobs:
                del self._parked[host]
        places = [(job_id, index) for index in job.admitted]
        job.order, job.position, job.admitted, job.parked = (), 0, deque(), {}
        # Its turn, when it comes, is passed over: to look for it in the line would take longer.
        for place in places:
            host_with_room = self._sources.ended(place, None, now)
            if host_with_room is not None:
                self.admit(host_with_room)
        return waiting

    def url(self, place: Place) -> str:
        job_id, index = place
        return self._jobs[job_id].urls[index]

    def options(self, job_id: str) -> ImageOptions | None:
        """What the workers are told of the job's options."""
        return self._jobs[job_id].options

    def ahead(self, job_id: str) -> int | None:
        """URLs that have their turn before a job's last one; None if it has none that are open."""
        job = self._jobs.get(job_id)
        return None if job is None else self._sizes.ahead(job.stride, job.unfinished)

    def end(self, job_id: str, count: int = 1) -> None:
        """URLs handed out, or removed, are final; the job is forgotten with its last one."""
        self.unfinished -= count
        job = self._jobs[job_id]
        self._sizes.change(job.stride, job.unfinished, job.unfinished - count)
        job.unfinished -= count
        if not job.unfinished:
            del self._jobs[job_id]

    # --- inside -----------------------------------------------------------------------------

    def _enter(
        self,
        job_id: str,
        urls: tuple[str, ...],
        unfinished: int,
        order: Sequence[int],
        options: JobOptions,
    ) -> None:
        for_images = ImageOptions.of(options, len(urls))
        job = _JobQueue(urls, unfinished, for_images, _STRIDES[options.priority], order)
        self._jobs[job_id] = job
        self._sizes.change(job.stride, 0, unfinished)
        self.unfinished += job.unfinished
        if job:
            # A turn earlier than it would come up again: before the large job that is at work.
            self._line_up(job_id, self._turn + max(1, job.stride - 1))

    def _line_up_unless_there(self, job_id: str, job: _JobQueue) -> None:
        if not job:
            self._line_up(job_id, self._turn + job.stride)

    def _line_up(self, job_id: str, turn: int) -> None:
        self._arrivals += 1
        heapq.heappush(self._line, (turn, self._arrivals, job_id))

    def _look_at_next(self, job_id: str, job: _JobQueue) -> int | None:
        if job.admitted:
            index = job.admitted.popleft()
            paused = self._sources.withdraw((job_id, index))
            if paused is None:
                return index
            self._parking(job_id, job, paused).appendleft(index)
            return None
        index = job.order[job.position]
        job.position += 1
        host = host_of(job.urls[index])
        if self._sources.take((job_id, index), host):
            return index
        self._parking(job_id, job, host).append(index)
        return None

    def _parking(self, job_id: str, job: _JobQueue, host: str) -> deque[int]:
        indexes = job.parked.get(host)
        if indexes is None:
            indexes = job.parked[host] = deque()
            self._parked.setdefault(host, deque()).append(job_id)
        return indexes
