"""Its thread; what it sends is for test_job_publisher, and on sockets for test_events."""

import threading
from typing import Any

import pytest

from service.events.broadcaster import Broadcaster
from tests.waiting import PATIENCE_SECONDS


class Reader(threading.Event):
    """Is over as soon as it is in a round, or is told that there is nothing more."""

    version = most_results = 1
    tenant = "alice"
    finish = threading.Event.set

    def is_over(self) -> bool:
        self.set()
        return True

    def send(self, _events: bytes) -> bool:
        raise AssertionError


def test_one_without_a_thread_ends_and_the_next_one_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    nothing: Any = None
    broadcaster = Broadcaster(nothing, nothing, sandbox=False, max_subscribers=2)
    for _ in range(3):
        ended = Reader()
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            broadcaster.join("job", "", ended)
        assert ended.is_set()
    assert not broadcaster.is_full("alice"), "they hold no places"
    served = Reader()
    broadcaster.join("job", "", served)
    assert served.wait(PATIENCE_SECONDS)
