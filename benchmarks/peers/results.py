"""Waiting for a peer's results: by a count that its store gives in one step."""

import time
from collections.abc import Callable

from benchmarks.nginx import LINK

_EVERY_SECONDS = 0.01
_PATIENCE_SECONDS = 600.0


def wait_for_results(count: int, finished: Callable[[], int], last: Callable[[], object]) -> None:
    """Wait until there are `count` results, and look at the last one.

    Args:
        count: results that are expected.
        finished: how many there are.
        last: gives the result of the URL queued last.

    Raises:
        RuntimeError: they do not come within ten minutes, or the last one is not a link.
    """
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while (found := finished()) < count:
        if time.monotonic() > give_up:
            raise RuntimeError(f"{found} results of {count}")
        time.sleep(_EVERY_SECONDS)
    if (result := last()) != LINK:
        raise RuntimeError(f"not a link: {result!r}")
