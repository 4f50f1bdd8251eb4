"""When a state actor counts as lost."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from workers.contract.backend import BackendLostError
from workers.runtime.deadline_proxy import CALL_SECONDS

_MAX_SILENCES: Final = 3
"""Consecutive calls without a response until the state counts as lost. More than one: on a slow
machine or network a response may be late, and a state that counts as lost is given up."""

_MIN_SECONDS: Final = (_MAX_SILENCES - 1) * CALL_SECONDS
"""Between the first and the last of these: with a broken connection calls fail after a second."""


class StateLostError(BackendLostError):
    """The state actor is gone, or does not respond."""


class StateSilentError(StateLostError):
    """The state actor has not responded to this call, and may still exist."""

    may_live = True


@dataclass(eq=False)
class Silences:
    """Counts consecutive calls without a response; the clock is in monotonic seconds."""

    clock: Callable[[], float] = time.monotonic
    count: int = field(default=0, init=False)
    _since: float = field(default=0.0, init=False)

    @contextmanager
    def borne(self) -> Iterator[None]:
        """Suppress a missing response in a block that calls the state.

        Raises:
            StateSilentError: too many consecutive calls got no response, for too long.
        """
        try:
            yield
        except StateSilentError:
            now = self.clock()
            if not self.count:
                self._since = now
            self.count += 1
            if self.count >= _MAX_SILENCES and now - self._since >= _MIN_SECONDS:
                raise
        else:
            self.count = 0
