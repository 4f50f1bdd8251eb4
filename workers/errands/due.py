"""The errands of one kind that wait, and how many of it are in hand, of each host."""

import heapq
import math
from collections import Counter, OrderedDict, deque
from collections.abc import Callable

from workers.errands.ledger import ErrandKey


class DueErrands:
    """What is due goes out in turns between hosts, within the bounds of the kind and of each host.

    A host with many errands thus holds up those of another by one at most. Not safe for threads by
    itself; times are monotonic seconds.

    Args:
        host: of an errand; asked once it is due.
    """

    def __init__(self, host: Callable[[ErrandKey], str]) -> None:
        self._host = host
        self._later: list[tuple[float, ErrandKey]] = []
        # What is due, by host: the one whose turn it is comes first.
        self._waiting: OrderedDict[str, deque[ErrandKey]] = OrderedDict()
        self._in_hand: dict[ErrandKey, str] = {}
        self._in_hand_of: Counter[str] = Counter()

    def __bool__(self) -> bool:
        """Whether any waits, due or not."""
        return bool(self._later or self._waiting)

    def put(self, key: ErrandKey, due: float) -> None:
        """Have an errand wait until it is due, and for its turn."""
        heapq.heappush(self._later, (due, key))

    def take(self, now: float, most: int, most_of_host: int) -> ErrandKey | None:
        """The next one, which is in hand from now on; None if nothing is due within the bounds.

        Args:
            now: the time.
            most: of this kind in hand at once.
            most_of_host: of one host.
        """
        self._line_up(now)
        host = self._next_host(most, most_of_host)
        if host is None:
            return None
        keys = self._waiting[host]
        key = keys.popleft()
        self._waiting.move_to_end(host)
        if not keys:
            del self._waiting[host]
        self._in_hand[key] = host
        self._in_hand_of[host] += 1
        return key

    def ended(self, key: ErrandKey, now: float) -> None:
        """It is no longer in hand; what waits for other hosts comes before what waits for this."""
        self._line_up(now)
        host = self._in_hand.pop(key)
        self._in_hand_of[host] -= 1
        if not self._in_hand_of[host]:
            del self._in_hand_of[host]
        if host in self._waiting:
            self._waiting.move_to_end(host)

    def next_due(self, most: int, most_of_host: int) -> float:
        """When `take` has one to give, if nothing ends before; 0 for at once."""
        if len(self._in_hand) >= most:
            return math.inf
        if self._next_host(most, most_of_host) is not None:
            return 0.0
        return self._later[0][0] if self._later else math.inf

    def _line_up(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            _, key = heapq.heappop(self._later)
            self._waiting.setdefault(self._host(key), deque()).append(key)

    def _next_host(self, most: int, most_of_host: int) -> str | None:
        if len(self._in_hand) >= most:
            return None
        # Only those in hand can be at their bound, so few are passed over.
        waiting = self._waiting
        return next((host for host in waiting if self._in_hand_of[host] < most_of_host), None)
