"""The pools of threads that handle requests."""

import threading
from collections.abc import Iterator

import pytest

from service.http.dispatchers import Dispatchers, NoThreadError, Threads
from service.http.request_queue import RequestQueue
from tests.waiting import PATIENCE_SECONDS, wait_until

CLIENT = "192.0.2.1"


@pytest.fixture
def threads() -> Iterator[Threads]:
    pool = Threads(2, most=1)
    pool.start()
    yield pool
    wait_until(pool.stop)  # each call waits for a second


class Asked:
    """A request that waits while another thread replaces its own, if there is one."""

    group = CLIENT

    def __init__(self, threads: Threads) -> None:
        self.threads = threads
        self.has_waited: bool | None = None
        self.is_done = threading.Event()

    def service(self) -> None:
        try:
            with self.threads.one_more(CLIENT):
                self.has_waited = True
        except NoThreadError:
            self.has_waited = False
        self.threads.release(CLIENT)
        self.is_done.set()

    def cancel(self) -> None:
        raise AssertionError


def test_a_thread_that_cannot_be_had_costs_none_of_the_others(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    for has_thread in (False, True, False, True, False, True):
        with monkeypatch.context() as patch:
            if not has_thread:
                patch.setattr(threading.Thread, "start", start)
            asked = Asked(threads)
            threads.add_task(asked)
            assert asked.is_done.wait(PATIENCE_SECONDS)
        assert asked.has_waited is has_thread
        wait_until(lambda: not threads.active_count)
        assert (len(threads.threads), threads.stop_count) == (2, 0)


def test_queues_are_looked_at_while_no_thread_changes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pools = Dispatchers(())
    seen = []

    def is_empty(_queue: RequestQueue) -> bool:
        seen.append(any(pool.lock.locked() for pool in pools._all))
        return False

    monkeypatch.setattr(RequestQueue, "__bool__", is_empty)
    assert not pools.are_busy
    assert seen
    assert all(seen)
