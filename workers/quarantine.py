"""Telling the URL that kills workers from those that were merely beside it."""

from collections import deque

from workers.fair_queue import Place


class Quarantine:
    """Counts crashes by URL, and keeps the suspects apart.

    A worker has several URLs in hand when it dies, and each of them is charged. One that the next
    crash may fail is a suspect: it is handed out alone, to a worker that holds nothing else, so
    that the next crash can only be its own. One worker at a time serves the suspects, the others
    go on as ever. Not safe for threads by itself.

    Args:
        max_crashes: a URL whose worker died this often is to be failed.
    """

    def __init__(self, max_crashes: int) -> None:
        self._max_crashes = max_crashes
        self._crashes: dict[Place, int] = {}
        self._on_last_chance: set[Place] = set()
        self._suspects: deque[Place] = deque()
        self._worker_id: str | None = None

    # --- the URLs ---------------------------------------------------------------------------

    def charge(self, place: Place, *, last_chance: bool = False) -> int:
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

    def is_suspect(self, place: Place) -> bool:
        return place in self._on_last_chance

    def add(self, suspect: Place) -> None:
        """Keep a suspect that waits for a worker, before those that wait already."""
        self._suspects.appendleft(suspect)

    def pop(self) -> Place | None:
        """Hand out the next suspect, if one waits."""
        return self._suspects.popleft() if self._suspects else None

    def forget(self, place: Place) -> None:
        """The URL is final: its crashes no longer matter."""
        self._crashes.pop(place, None)
        self._on_last_chance.discard(place)

    # --- the worker that serves them --------------------------------------------------------

    @property
    def is_staffed(self) -> bool:
        """Whether a worker serves the suspects, and so may be kept from other work."""
        return self._worker_id is not None

    def enter(self, worker_id: str) -> bool:
        """Make this worker serve the suspects, if some wait and no worker serves them yet."""
        if self._worker_id is not None or not self._suspects:
            return False
        self._worker_id = worker_id
        return True

    def holds(self, worker_id: str) -> bool:
        return self._worker_id == worker_id

    def leave(self) -> None:
        """Let the worker go back to other work, or be gone."""
        self._worker_id = None
