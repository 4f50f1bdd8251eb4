"""The URLs that wait for a worker, handed out fairly between jobs."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from workers.messages import Submission

Place = tuple[str, int]
"""Where a URL stands: its job's id and its index in it."""


@dataclass(slots=True)
class _JobQueue:
    """A job's share: the run of URLs never handed out, and those that came back.

    Attributes:
        unfinished: URLs of the job that are not final yet, wherever they are.
    """

    urls: tuple[str, ...]
    unfinished: int
    next_index: int = 0
    returned: deque[int] = field(default_factory=deque)

    def __len__(self) -> int:
        return len(self.urls) - self.next_index + len(self.returned)

    def pop(self) -> int:
        if self.returned:
            return self.returned.popleft()
        self.next_index += 1
        return self.next_index - 1


class FairQueue:
    """Round robin by job: a small job does not wait for a large one that came before it.

    A job is known from `add` until `end` was told of its last URL. Not safe for threads by itself.

    Attributes:
        unfinished: URLs of all jobs that are not final yet, wherever they are.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, _JobQueue] = {}
        # A job is in the ring exactly while it has something to hand out.
        self._ring: deque[str] = deque()
        self.unfinished = 0

    def __bool__(self) -> bool:
        return bool(self._ring)

    def add(self, submission: Submission) -> None:
        """Append a job with all of its URLs."""
        count = len(submission.urls)
        self._jobs[submission.job_id] = _JobQueue(submission.urls, unfinished=count)
        self._ring.append(submission.job_id)
        self.unfinished += count

    def restore(
        self, job_id: str, urls: tuple[str, ...], waiting: Iterable[int], in_hand: int
    ) -> None:
        """Append a job that had begun.

        Args:
            job_id: the job.
            urls: all of its URLs.
            waiting: indexes of those to hand out.
            in_hand: how many more are not final, to be given back or ended.
        """
        returned = deque(waiting)
        unfinished = len(returned) + in_hand
        self._jobs[job_id] = _JobQueue(urls, unfinished, len(urls), returned)
        if returned:
            self._ring.append(job_id)
        self.unfinished += unfinished

    def pop(self) -> Place:
        """Hand out the next URL of the job whose turn it is.

        Raises:
            IndexError: nothing waits.
        """
        job_id = self._ring.popleft()
        job = self._jobs[job_id]
        index = job.pop()
        if job:
            self._ring.append(job_id)
        return job_id, index

    def give_back(self, place: Place) -> None:
        """Put a URL that was handed out at the front of its job."""
        job_id, index = place
        job = self._jobs[job_id]
        if not job:
            self._ring.append(job_id)
        job.returned.appendleft(index)

    def url(self, place: Place) -> str:
        job_id, index = place
        return self._jobs[job_id].urls[index]

    def end(self, job_id: str) -> None:
        """One URL that was handed out is final; the job is forgotten with its last one."""
        self.unfinished -= 1
        job = self._jobs[job_id]
        job.unfinished -= 1
        if not job.unfinished:
            del self._jobs[job_id]
