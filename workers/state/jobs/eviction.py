"""Eviction of complete jobs, in steps that hold the lock briefly."""

import threading
import time
from collections.abc import Callable

from workers.state.jobs.job import Job
from workers.state.jobs.kept_jobs import KeptJobs

_LOOKS_A_STEP = 100  # jobs checked in a step: about 1 ms
_STEP_ASIDE_SECONDS = 0.001  # a lock is not fair: without a pause, waiters may starve
_LONGEST_SECONDS = 0.5  # of one call, as the supervisor waits for it: enough for 20,000 jobs


def evict(
    kept: KeptJobs,
    lock: threading.Lock,
    on_evicted: Callable[[dict[str, Job]], object],
    clock: Callable[[], float],
    age_seconds: float | None,
) -> int:
    """Evict jobs that are older than an age, and those beyond the memory limit.

    Releases the lock between steps; stops after `_LONGEST_SECONDS`, and the next call continues.

    Args:
        kept: the jobs.
        lock: guards `kept`.
        on_evicted: called with the jobs evicted in a step, under the lock.
        clock: monotonic seconds.
        age_seconds: maximum age since a job finished; None for no maximum.

    Returns:
        Number of evicted jobs.
    """
    with lock:
        forgotten = kept.make_room(kept.max_bytes, clock())
        on_evicted(forgotten)
        left = 0 if age_seconds is None else kept.finished_count
    count = len(forgotten)
    give_up = clock() + _LONGEST_SECONDS
    while age_seconds is not None and left > 0 and clock() <= give_up:
        forgotten.clear()  # without the lock: freeing a large job takes a while
        time.sleep(_STEP_ASIDE_SECONDS)
        with lock:
            forgotten, looked = kept.forget_old(age_seconds, _LOOKS_A_STEP, clock())
            on_evicted(forgotten)
        count += len(forgotten)
        left = left - looked if looked == _LOOKS_A_STEP else 0
    return count
