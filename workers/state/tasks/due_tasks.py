"""The tasks of one kind that wait, and how many of it are leased, of each host."""

import math
from collections import Counter, OrderedDict, deque
from collections.abc import Callable

from workers.contract.messages import UrlKey
from workers.state.schedule.retry_delays import RetryDelays


class DueTasks:
    """What is due goes out in turns between hosts, within the bounds of the kind and of each host.

    A host with many tasks thus holds up those of another by one at most. Not safe for threads by
    itself; times are monotonic seconds.

    Args:
        host: of a task; asked once it is due.
    """

    def __init__(self, host: Callable[[UrlKey], str]) -> None:
        self._host = host
        self._later = RetryDelays()
        # What is due, by host: the one whose turn it is comes first.
        self._waiting: OrderedDict[str, deque[UrlKey]] = OrderedDict()
        self._leased: dict[UrlKey, str] = {}
        self._leased_of: Counter[str] = Counter()

    def __bool__(self) -> bool:
        """Whether any waits, due or not."""
        return bool(self._later or self._waiting)

    def put(self, place: UrlKey, due: float) -> None:
        """Have a task wait until it is due, and for its turn."""
        self._later.add(place, due)

    def take(self, now: float, most: int, max_of_host: int) -> UrlKey | None:
        """The next one, which is leased from now on; None if nothing is due within the bounds.

        Args:
            now: the time.
            most: of this kind leased at once.
            max_of_host: of one host.
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
        self._leased_of[host] += 1
        return place

    def ended(self, place: UrlKey, now: float) -> None:
        """Its lease has ended; what waits for other hosts comes before what waits for this."""
        self._line_up(now)
        host = self._leased.pop(place)
        self._leased_of[host] -= 1
        if not self._leased_of[host]:
            del self._leased_of[host]
        if host in self._waiting:
            self._waiting.move_to_end(host)

    def next_due(self, most: int, max_of_host: int) -> float:
        """When `take` has one to give, if no lease ends before; 0 for at once."""
        if len(self._leased) >= most:
            return math.inf
        return 0.0 if self._next_host(most, max_of_host) is not None else self._later.next_due()

    def _line_up(self, now: float) -> None:
        for place in self._later.pop_due(now):
            self._waiting.setdefault(self._host(place), deque()).append(place)

    def _next_host(self, most: int, max_of_host: int) -> str | None:
        if len(self._leased) >= most:
            return None
        # Only those with leases can be at their bound, so few are passed over.
        waiting = self._waiting
        return next((host for host in waiting if self._leased_of[host] < max_of_host), None)
