"""Telling the URL that kills workers from those that were merely beside it."""

from collections import deque

from workers.contract.messages import UrlKey


class Quarantine:
    """Counts crashes by URL, and keeps the suspects apart.

    A worker has several URLs in hand when it dies, and each of them is charged. One that the next
    crash may fail is a suspect: it is handed out alone, to a worker that holds nothing else, so
    that the next crash can only be its own. As many workers serve the suspects as there are some
    for, but one stays with the ordinary queue, if there is more than one. Not safe for threads by
    itself.

    Args:
        max_crashes: a URL whose worker died this often is to be failed.
    """

    def __init__(self, max_crashes: int) -> None:
        self._max_crashes = max_crashes
        self._crashes: dict[UrlKey, int] = {}
        self._on_last_chance: set[UrlKey] = set()
        self._quarantined: deque[UrlKey] = deque()
        # The workers that serve the suspects, and whether each holds one already. Each of the
        # others can count on a suspect that waits.
        self._dedicated: dict[str, bool] = {}

    # --- the URLs ---------------------------------------------------------------------------

    def charge(self, place: UrlKey, *, last_chance: bool = False) -> int:
        """Count a crash of the worker that had this URL.

        Args:
            place: the URL.
            last_chance: one more may fail it, however few there were.

        Returns:
            Its crashes so far.
        """
        crashes = self._crashes.get(place, 0) + 1
        self._crashes[place] = crashes
        if last_chance or crashes == self._max_crashes - 1:
            self._on_last_chance.add(place)
        return crashes

    def is_quarantined(self, place: UrlKey) -> bool:
        return place in self._on_last_chance

    def add(self, quarantined_url: UrlKey) -> None:
        """Keep a suspect that waits for a worker, before those that wait already."""
        self._quarantined.appendleft(quarantined_url)

    def remove(self, job_id: str) -> list[int]:
        """Take out the suspects of a job that wait, and let whoever waited for one go.

        Returns:
            Their indexes.
        """
        for place in [place for place in self._crashes if place[0] == job_id]:
            self.forget(place)
        removed = [index for quarantined_of, index in self._quarantined if quarantined_of == job_id]
        if removed:
            self._quarantined = deque(place for place in self._quarantined if place[0] != job_id)
            for worker_id in self._without_url()[len(self._quarantined) :]:
                del self._dedicated[worker_id]
        return removed

    def forget(self, place: UrlKey) -> None:
        """The URL is final: its crashes no longer matter."""
        self._crashes.pop(place, None)
        self._on_last_chance.discard(place)

    # --- the workers that serve them --------------------------------------------------------

    @property
    def has_quarantined(self) -> bool:
        """Whether some wait."""
        return bool(self._quarantined)

    def holds(self, worker_id: str) -> bool:
        """Whether this worker serves the suspects, and may take nothing else."""
        return worker_id in self._dedicated

    def enter(self, worker_id: str, workers: int, *, is_free: bool) -> bool:
        """Make this worker serve the suspects, if it is needed there and can be spared.

        A free worker may begin at once. One with URLs in hand must first finish them, its other
        lanes idle meanwhile, so it is taken only where nobody serves, and may go when a free one
        comes.

        Args:
            worker_id: a worker.
            workers: how many there are, this one included.
            is_free: whether it holds nothing.
        """
        if (
            worker_id in self._dedicated
            or not self._quarantined
            or (self._dedicated and not is_free)
        ):
            return False
        most = max(1, workers - 1)
        without = self._without_url()
        if without and (len(self._dedicated) >= most or len(without) >= len(self._quarantined)):
            del self._dedicated[without[0]]
        if len(self._dedicated) >= most:
            return False
        self._dedicated[worker_id] = False
        return True

    def pop(self, worker_id: str) -> UrlKey:
        """Hand out the next suspect to a worker that entered and holds nothing."""
        self._dedicated[worker_id] = True
        return self._quarantined.popleft()

    def settled(self, worker_id: str) -> bool:
        """The suspect of this worker came to an end; another one is next, or it may leave.

        Returns:
            Whether it left, and may take other work again.
        """
        del self._dedicated[worker_id]
        if len(self._without_url()) < len(self._quarantined):
            self._dedicated[worker_id] = False
        return worker_id not in self._dedicated

    def stand_down(self, worker_id: str) -> None:
        """The worker takes no more suspects; the one that it may have stays apart."""
        if not self._dedicated.get(worker_id):
            self.leave(worker_id)

    def leave(self, worker_id: str) -> None:
        """The worker is gone."""
        self._dedicated.pop(worker_id, None)

    def _without_url(self) -> list[str]:
        return [worker_id for worker_id, has_one in self._dedicated.items() if not has_one]
