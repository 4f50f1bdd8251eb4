import threading
from multiprocessing.connection import wait

from workers.contract.wakeup_pipe import WakeupPipe

SOON = 60.0


def test_a_ring_from_another_thread_wakes_who_waits() -> None:
    wakeup_pipe = WakeupPipe()
    assert wait([wakeup_pipe], 0) == []
    caller = threading.Thread(target=wakeup_pipe.ring)
    caller.start()
    assert wait([wakeup_pipe], SOON) == [wakeup_pipe]
    caller.join()


def test_however_often_it_rang_it_is_heard_once() -> None:
    wakeup_pipe = WakeupPipe()
    for _ in range(100_000):  # more than a pipe holds
        wakeup_pipe.ring()
    wakeup_pipe.hush()
    assert wait([wakeup_pipe], 0) == []
    wakeup_pipe.hush()
    wakeup_pipe.ring()
    assert wait([wakeup_pipe], 0) == [wakeup_pipe]
