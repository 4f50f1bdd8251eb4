"""URLs that have waited for too long, while Imgur refuses whatever is sent, fail."""

import threading
import time
from collections.abc import Callable

from workers.contract.block import Block
from workers.state.jobs.job_table import JobTable
from workers.state.leases.outcome_handler import OutcomeHandler
from workers.state.schedule.scheduler import Scheduler

_URLS_A_STEP = 1000  # some 20 ms
_STEP_ASIDE_SECONDS = 0.001  # a lock goes to whoever comes first, not to who has waited


def give_up(
    block: Block,
    *,
    table: JobTable,
    room: Scheduler,
    outcomes: OutcomeHandler,
    changed: threading.Condition,
    clock: Callable[[], float],
) -> None:
    """End all URLs that nobody works on.

    Args:
        block: why.
        table: the job table.
        room: where they wait.
        outcomes: makes them final.
        changed: the mailbox's condition, under which all of these are used.
        clock: monotonic seconds.
    """
    message = f"Uploads have stopped for too long (IMGUR_BLOCKED_SECONDS). {block.message}"
    for job_id in table.unfinished():
        with changed:
            waiting = sorted(room.remove(job_id, clock()))
        for start in range(0, len(waiting), _URLS_A_STEP):
            with changed:
                for index in waiting[start : start + _URLS_A_STEP]:
                    outcomes.fail((job_id, index), block.reason, message)
            time.sleep(_STEP_ASIDE_SECONDS)
