"""Periodic work of a backend, for all engines."""

import structlog

from workers.contract.state_calls import JobTableCalls, MailboxCalls
from workers.runtime.backend_config import BackendConfig
from workers.runtime.scaling import Change, Scaler
from workers.worker.task_log import log_lines


class Upkeep:
    """Evicts old jobs, tends the mailbox and adapts the number of workers; logs all of that."""

    def __init__(self, config: BackendConfig) -> None:
        self.scaler = Scaler(config.worker_count, config.scaling)
        self._ttl_seconds = config.job_ttl_seconds or None
        self._log = structlog.get_logger("backend")

    def order(self, count: int) -> bool:
        """Set the number of workers, see `Scaler.order`; return whether it changed."""
        return self._log_change(self.scaler.order(count))

    def look_after(self, mailbox: MailboxCalls, job_table: JobTableCalls) -> int:
        """Run once, about every second; return the target number of workers."""
        if count := job_table.evict(self._ttl_seconds):
            self._log.debug("finished jobs forgotten", jobs=count)
        log_lines(mailbox.tend())
        if self.scaler.rules.maximum is not None:
            self._log_change(self.scaler.review(mailbox.stats(), mailbox.queue_stats()))
        return self.scaler.wanted

    def _log_change(self, change: Change | None) -> bool:
        if change is None:
            return False
        self._log.info("workers changed", was=change.was, wanted=change.wanted, why=change.why)
        return True
