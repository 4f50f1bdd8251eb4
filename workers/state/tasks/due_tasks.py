"""The waiting tasks of one kind, and the number of leased ones by host."""

import math
from collections import Counter, OrderedDict, deque
from collections.abc import Callable

from workers.contract.messages.round_trip import UrlKey
from workers.state.schedule.retry_delays import RetryDelays


class DueTasks:
    """Leases due tasks in turns of hosts, within the limits of the kind and of each host.

    So a host with many tasks delays those of another by one at most. Not thread-safe; times are
    monotonic seconds.

    Args:
        host: returns the host of a task; called when it is due.
    """

    def __init__(self, host: Callable[[UrlKey], str]) -> None:
        self._host = host
        self._later = RetryDelays()
        # Due tasks by host, in the order of the hosts' turns.
        self._waiting: OrderedDict[str, deque[UrlKey]] = OrderedDict()
        self._leased: dict[UrlKey, str] = {}

    def __bool__(self) -> bool:
        """True if any task waits, due or not."""
        return bool(self._later or self._waiting)

    def put(self, place: UrlKey, due: float) -> None:
        """Add a task that is due at a time."""
        self._later.add(place, due)

    def take(self, now: float, most: int, max_of_host: int) -> UrlKey | None:
        """Take the next task, which counts as leased; None if none is due, or so many of this kind
        or of its host are leased.
        """
        self._line_up(now)
        host = self._next_host(most, max_of_host)
        if host is None:
            return None
        places = self._waiting[host]
        place = places.popleft()
        self._waiting.move_to_end(host)
        if not places:
            del self._waiting[host]
        self._leased[place] = host
        return place

    def ended(self, place: UrlKey, now: float) -> None:
        """End a task's lease; other hosts have their turns before its host."""
        self._line_up(now)
        host = self._leased.pop(place)
        if host in self._waiting:
            self._waiting.move_to_end(host)

    def next_due(self, most: int, max_of_host: int) -> float:
        """Return the time at which `take` succeeds, if no lease ends before; 0 for now."""
        if len(self._leased) >= most:
            return math.inf
        return 0.0 if self._next_host(most, max_of_host) is not None else self._later.next_due()

    def _line_up(self, now: float) -> None:
        for place in self._later.pop_due(now):
            self._waiting.setdefault(self._host(place), deque()).append(place)

    def _next_host(self, most: int, max_of_host: int) -> str | None:
        if len(self._leased) >= most:
            return None
        # Only hosts with leases can be at their limit, so few are skipped.
        leased = Counter(self._leased.values())
        return next((host for host in self._waiting if leased[host] < max_of_host), None)
