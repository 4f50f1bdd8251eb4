"""Isolates URLs that may crash workers, to find the one that does."""

from collections import deque

from workers.contract.messages.round_trip import UrlKey


class Quarantine:
    """Counts crashes by URL, and keeps quarantined URLs apart.

    When a worker dies, each URL that it has leased is charged. A URL that one more crash would fail
    is quarantined: it is leased alone, to a worker without other leases, so that the next crash is
    certainly its own. Workers are dedicated to quarantined URLs as needed, but one remains for the
    ordinary queue if there are several. Not thread-safe.
    """

    def __init__(self, max_crashes: int) -> None:
        self._max_crashes = max_crashes
        self._crashes: dict[UrlKey, int] = {}
        self._on_last_chance: set[UrlKey] = set()
        self._quarantined: deque[UrlKey] = deque()
        # Dedicated workers, and whether each has leased a quarantined URL. For each of the others
        # one is waiting.
        self._dedicated: dict[str, bool] = {}

    # --- URLs ---------------------------------------------------------------------------------

    def charge(self, key: UrlKey, *, last_chance: bool = False) -> int:
        """Count a crash of the worker that had leased this URL; return their number. On its last
        chance a URL is quarantined, whatever their number.
        """
        crashes = self._crashes.get(key, 0) + 1
        self._crashes[key] = crashes
        if last_chance or crashes == self._max_crashes - 1:
            self._on_last_chance.add(key)
        return crashes

    def is_quarantined(self, key: UrlKey) -> bool:
        return key in self._on_last_chance

    def add(self, quarantined_url: UrlKey) -> None:
        """Add a quarantined URL before those that wait already."""
        self._quarantined.appendleft(quarantined_url)

    def remove(self, job_id: str) -> list[int]:
        """Remove the waiting quarantined URLs of a job, and release the workers that wait for them.

        Returns:
            Their indexes.
        """
        for key in [key for key in self._crashes if key[0] == job_id]:
            self.forget(key)
        removed = [index for quarantined_of, index in self._quarantined if quarantined_of == job_id]
        if removed:
            self._quarantined = deque(key for key in self._quarantined if key[0] != job_id)
            for worker_id in self._without_url()[len(self._quarantined) :]:
                del self._dedicated[worker_id]
        return removed

    def forget(self, key: UrlKey) -> None:
        """Forget the crashes of a final URL."""
        self._crashes.pop(key, None)
        self._on_last_chance.discard(key)

    # --- dedicated workers --------------------------------------------------------------------

    def holds(self, worker_id: str) -> bool:
        """Return whether a worker is dedicated, and may take no other URLs."""
        return worker_id in self._dedicated

    def enter(self, worker_id: str, workers: int, *, is_free: bool) -> bool:
        """Dedicate one of so many workers to quarantined URLs, if one is needed and others remain.

        A free worker, without leases, may begin at once. One with leases must finish them first,
        with idle lanes, so it is used only if no worker is dedicated, and is replaced by a free
        one.
        """
        if (
            not self._quarantined
            or worker_id in self._dedicated
            or (self._dedicated and not is_free)
        ):
            return False
        max_dedicated = max(1, workers - 1)
        without = self._without_url()
        if without and (
            len(self._dedicated) >= max_dedicated or len(without) >= len(self._quarantined)
        ):
            del self._dedicated[without[0]]
        if len(self._dedicated) >= max_dedicated:
            return False
        self._dedicated[worker_id] = False
        return True

    def pop(self, worker_id: str) -> UrlKey:
        """Return the next quarantined URL for a dedicated worker without leases."""
        self._dedicated[worker_id] = True
        return self._quarantined.popleft()

    def stand_down(self, worker_id: str) -> None:
        """Give a draining worker no further quarantined URLs; it keeps the one it has."""
        if not self._dedicated.get(worker_id):
            self.leave(worker_id)

    def leave(self, worker_id: str) -> bool:
        """Release a worker that has no URL any more; return whether it was dedicated."""
        return self._dedicated.pop(worker_id, None) is not None

    def _without_url(self) -> list[str]:
        return [worker_id for worker_id, has_one in self._dedicated.items() if not has_one]
