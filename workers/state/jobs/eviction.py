"""How jobs are forgotten, at any rate at which they finish."""

import threading
import time
from collections.abc import Callable

from workers.state.jobs.job import Job
from workers.state.jobs.kept_jobs import KeptJobs

_LOOKS_A_STEP = 100  # at jobs that may be old: some 1 ms
_STEP_ASIDE_SECONDS = 0.001  # a lock goes to whoever comes first, not to who has waited
_LONGEST_SECONDS = 0.5  # in one call, which a supervisor waits for: enough for 20,000 jobs


def evict(
    kept: KeptJobs,
    lock: threading.Lock,
    tell: Callable[[dict[str, Job]], object],
    clock: Callable[[], float],
    age_seconds: float | None,
) -> int:
    """Forget jobs that finished so long ago, and those for which there is no memory.

    In steps, so that no other caller waits for long; after a while the next call goes on.

    Args:
        kept: the jobs.
        lock: under which they are used.
        tell: is told what was forgotten, in the same step.
        clock: monotonic seconds.
        age_seconds: since a job finished; None for no age.

    Returns:
        How many were forgotten.
    """
    with lock:
        forgotten = kept.make_room(kept.max_bytes, clock())
        tell(forgotten)
        left = 0 if age_seconds is None else kept.finished_count
    count = len(forgotten)
    give_up = clock() + _LONGEST_SECONDS
    while age_seconds is not None and left > 0 and clock() <= give_up:
        forgotten.clear()  # with the lock released: to free a large job takes a while
        time.sleep(_STEP_ASIDE_SECONDS)
        with lock:
            forgotten, looked = kept.forget_old(age_seconds, _LOOKS_A_STEP, clock())
            tell(forgotten)
        count += len(forgotten)
        left = left - looked if looked == _LOOKS_A_STEP else 0
    return count
