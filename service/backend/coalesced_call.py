"""Coalesces concurrent calls, with a bounded wait."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

_Answer = TypeVar("_Answer")


class CoalescedCall(Generic[_Answer]):
    """Calls in a thread of its own, started by the first call; concurrent callers share one result.

    Args:
        ask: the call; it has a deadline of its own.
        clock: monotonic seconds.
        patience_seconds: maximum wait of a caller.
    """

    def __init__(
        self, ask: Callable[[], _Answer], clock: Callable[[], float], patience_seconds: float
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="board-probe")
        self._lock = threading.Lock()
        self._asked: Future[_Answer] | None = None
        self._asked_at = 0.0

    def answer(self) -> _Answer:
        """Return the result of `ask`, or raise its exception.

        Raises:
            TimeoutError: no result in time.
        """
        with self._lock:
            now = self._clock()
            if self._asked is None or self._asked.done():
                self._asked, self._asked_at = self._thread.submit(self._ask), now
            elif now - self._asked_at > self._patience_seconds:
                raise TimeoutError
            asked = self._asked
        return asked.result(self._patience_seconds)
