"""How many bytes of images a worker process may hold in memory."""

import io
import threading
from collections import deque


class ByteBudget:
    """A number of bytes that the lanes of a worker share. Nobody waits for one: who gets none uses
    a file.

    Args:
        total: bytes held at once.
    """

    def __init__(self, total: int) -> None:
        self._left = total
        self._returned: deque[int] = deque()
        self._lock = threading.Lock()

    def take(self, count: int) -> bool:
        """Take so many bytes, or none.

        Returns:
            False when fewer are left.
        """
        with self._lock:
            while self._returned:
                self._left += self._returned.popleft()
            if count > self._left:
                return False
            self._left -= count
            return True

    def requeue(self, count: int) -> None:
        # Without the lock: the garbage collector may close a file in the middle of `take`.
        self._returned.append(count)


class BudgetedBuffer(io.BytesIO):
    """A file in memory that counts against a budget until it is closed.

    Args:
        budget: what it counts against.
        content: where the file starts out; the caller has taken its size from the budget.
    """

    def __init__(self, budget: ByteBudget, content: bytes = b"") -> None:
        super().__init__(content)
        self._budget = budget
        self._held = len(content)

    def extend(self, count: int) -> bool:
        """Take so many bytes more from the budget; False when fewer are left."""
        if not self._budget.take(count):
            return False
        self._held += count
        return True

    def close(self) -> None:
        """Give the bytes back; also what is called when the file is forgotten unclosed."""
        super().close()
        self._budget.requeue(self._held)
        self._held = 0
