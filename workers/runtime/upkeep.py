"""What a board does for itself, once a second or so, whichever engine runs it."""

import structlog

from workers.contract.state_calls import JobTableCalls, MailboxCalls
from workers.runtime.scaling import Change, Load, Scaler
from workers.worker.task_log import log_news


class Upkeep:
    """Forgets old jobs, looks at the load, and tells of each change in the number of workers.

    Args:
        scaler: decides on that number.
        mailbox: the queue, or a proxy of it.
        job_table: the jobs, or a proxy of them.
        job_ttl_seconds: how long a finished job is kept; 0 keeps all that there is memory for.
    """

    def __init__(
        self,
        scaler: Scaler,
        mailbox: MailboxCalls,
        job_table: JobTableCalls,
        job_ttl_seconds: float,
    ) -> None:
        self._scaler = scaler
        self._mailbox = mailbox
        self._job_table = job_table
        self._job_ttl_seconds = job_ttl_seconds
        self._log = structlog.get_logger("backend")

    def order(self, count: int) -> bool:
        """See `Scaler.order`; whether that changes anything."""
        return self._tell(self._scaler.order(count))

    def look_after(self) -> int:
        """One round of it; returns the workers there should be now."""
        if count := self._job_table.evict(self._job_ttl_seconds or None):
            self._log.debug("finished jobs forgotten", jobs=count)
        log_news(self._mailbox.tend())
        if self._scaler.most is not None:
            load = Load.of(self._mailbox.stats(), self._mailbox.queue_stats())
            self._tell(self._scaler.review(load))
        return self._scaler.wanted

    def _tell(self, change: Change | None) -> bool:
        if change is None:
            return False
        self._log.info("workers changed", was=change.was, wanted=change.wanted, why=change.why)
        return True
