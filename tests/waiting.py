"""Waiting for what becomes true, in every test the same way."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 60.0  # far beyond what anything takes on a busy machine


def wait_until(
    condition: Callable[[], Any],
    what: str | Callable[[], str] = "it never came true",
    seconds: float = PATIENCE_SECONDS,
    every: float = 0.005,
) -> Any:
    """Ask again and again until the answer is true; returns that answer.

    Args:
        condition: what is asked.
        what: the failure's text, or what makes it.
        seconds: after which the test fails.
        every: how many seconds lie between two questions.
    """
    give_up = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < give_up, what if isinstance(what, str) else what()
        time.sleep(every)
    return found
