"""Periodic work of a backend, for all engines."""

import structlog

from workers.contract.state_calls import JobTableCalls, MailboxCalls
from workers.runtime.backend_config import BackendConfig
from workers.runtime.scaling import Change, Load, Scaler
from workers.worker.task_log import log_lines


class Upkeep:
    """Evicts old jobs, adapts the number of workers and logs its changes."""

    def __init__(self, config: BackendConfig) -> None:
        self._scaler = Scaler(config.worker_count, config.scaling)
        self._ttl_seconds = config.job_ttl_seconds or None
        self._log = structlog.get_logger("backend")

    @property
    def workers_wanted(self) -> int:
        """The target number of workers."""
        return self._scaler.wanted

    def order(self, count: int) -> bool:
        """Set the number of workers, see `Scaler.order`; return whether it changed."""
        return self._log_change(self._scaler.order(count))

    def look_after(self, mailbox: MailboxCalls, job_table: JobTableCalls) -> int:
        """Run once, about every second; return the target number of workers."""
        if count := job_table.evict(self._ttl_seconds):
            self._log.debug("finished jobs forgotten", jobs=count)
        log_lines(mailbox.tend())
        if self._scaler.maximum is not None:
            load = Load.of(mailbox.stats(), mailbox.queue_stats())
            self._log_change(self._scaler.review(load))
        return self._scaler.wanted

    def _log_change(self, change: Change | None) -> bool:
        if change is None:
            return False
        self._log.info("workers changed", was=change.was, wanted=change.wanted, why=change.why)
        return True
