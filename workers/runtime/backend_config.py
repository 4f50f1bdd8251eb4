"""Configuration of a backend, for all engines."""

from dataclasses import dataclass, field

from workers.contract.budget import QuotaRules
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.worker_config import WorkerConfig
from workers.runtime.scaling import ScalingRules

_LEASE_SLACK_SECONDS = 15.0  # beyond the deadlines: for name lookups and a slow machine


@dataclass(frozen=True, slots=True)
class BackendConfig:
    """Configuration of workers and queue; see also `MailboxLimits`."""

    worker_count: int  # at the start
    max_queued_urls: int  # queued and leased; a job beyond it is refused
    worker: WorkerConfig
    max_state_bytes: int = MailboxLimits().state_bytes
    job_ttl_seconds: float = 0.0  # of complete jobs; 0: as long as memory suffices
    upload_again: bool = True
    journal_path: str | None = None  # None keeps the state in memory only
    source_concurrency: int = 32
    scaling: ScalingRules = field(default_factory=ScalingRules)
    quota: QuotaRules = field(default_factory=QuotaRules)

    @property
    def lease_seconds(self) -> float:
        """No honest attempt without a conversion takes longer: one download and one upload, each to
        its deadline, or a webhook.
        """
        worker = self.worker
        image = worker.download.deadline_seconds + worker.imgur.upload_seconds
        return max(image, worker.webhooks.seconds) + _LEASE_SLACK_SECONDS

    @property
    def limits(self) -> MailboxLimits:
        return MailboxLimits(
            max_open_urls=self.max_queued_urls,
            state_bytes=self.max_state_bytes,
            lease_seconds=self.lease_seconds,
            conversion_seconds=self.worker.conversion.lease_seconds,
            upload_again=self.upload_again,
            source_concurrency=self.source_concurrency,
            lanes=self.worker.lanes,
            quota=self.quota,
        )
