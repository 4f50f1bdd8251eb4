"""Limits the bytes of images in a worker's memory."""

import io
import threading
from collections import deque


class ByteBudget:
    """A number of bytes that the lanes of a worker share. No lane waits: without budget it uses a
    file.

    Args:
        total: maximum bytes held at once.
    """

    def __init__(self, total: int) -> None:
        self._left = total
        self._returned: deque[int] = deque()
        self._lock = threading.Lock()

    def take(self, count: int) -> bool:
        """Take `count` bytes.

        Returns:
            False if fewer are left; none are taken then.
        """
        with self._lock:
            while self._returned:
                self._left += self._returned.popleft()
            if count > self._left:
                return False
            self._left -= count
            return True

    def release(self, count: int) -> None:
        # Without the lock: the garbage collector may close a file during `take`.
        self._returned.append(count)


class BudgetedBuffer(io.BytesIO):
    """An in-memory file that counts against a budget until it is closed.

    Args:
        budget: the budget.
        content: initial content; the caller has taken its size from the budget.
    """

    def __init__(self, budget: ByteBudget, content: bytes = b"") -> None:
        super().__init__(content)
        self._budget = budget
        self._held = len(content)

    def extend(self, count: int) -> bool:
        """Take `count` more bytes from the budget; False if fewer are left; none are taken then."""
        if not self._budget.take(count):
            return False
        self._held += count
        return True

    def close(self) -> None:
        """Release the bytes; the garbage collector calls it too."""
        super().close()
        self._budget.release(self._held)
        self._held = 0
