"""Periodic work of a backend, for all engines."""

import structlog

from workers.contract.state_calls import JobTableCalls, MailboxCalls
from workers.runtime.scaling import Change, Load, Scaler
from workers.worker.task_log import log_news


class Upkeep:
    """Evicts old jobs, adapts the number of workers and logs its changes.

    Args:
        scaler: decides on the number of workers.
        mailbox: the queue or its proxy.
        job_table: the jobs or their proxy.
        job_ttl_seconds: how long a complete job is kept; 0 for as long as memory suffices.
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
        """Set the number of workers, see `Scaler.order`; return whether it changed."""
        return self._log_change(self._scaler.order(count))

    def look_after(self) -> int:
        """Run once, about every second; return the target number of workers."""
        if count := self._job_table.evict(self._job_ttl_seconds or None):
            self._log.debug("finished jobs forgotten", jobs=count)
        log_news(self._mailbox.tend())
        if self._scaler.most is not None:
            load = Load.of(self._mailbox.stats(), self._mailbox.queue_stats())
            self._log_change(self._scaler.review(load))
        return self._scaler.wanted

    def _log_change(self, change: Change | None) -> bool:
        if change is None:
            return False
        self._log.info("workers changed", was=change.was, wanted=change.wanted, why=change.why)
        return True
