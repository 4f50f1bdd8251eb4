import threading
from multiprocessing.connection import wait

from workers.contract.wakeup_pipe import Bell

SOON = 20.0


def test_a_ring_from_another_thread_wakes_who_waits() -> None:
    bell = Bell()
    assert wait([bell], 0) == []
    caller = threading.Thread(target=bell.ring)
    caller.start()
    assert wait([bell], SOON) == [bell]
    caller.join()


def test_however_often_it_rang_it_is_heard_once() -> None:
    bell = Bell()
    for _ in range(100_000):  # more than a pipe holds
        bell.ring()
    bell.hush()
    assert wait([bell], 0) == []
    bell.hush()
    bell.ring()
    assert wait([bell], 0) == [bell]
