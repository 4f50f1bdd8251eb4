"""What a board is told, whichever engine it has."""

from dataclasses import dataclass, field

from workers.contract.budget import QuotaRules
from workers.contract.mailbox_limits import MailboxLimits
from workers.runtime.scaling import ScalingRules
from workers.worker.worker import WorkerConfig

_LEASE_SLACK_SECONDS = 15.0  # for the lookup of names and a slow machine, beyond the two deadlines


@dataclass(frozen=True, slots=True)
class BackendConfig:
    """How many workers, what they need to know, and how much may be queued.

    Attributes:
        worker_count: workers, to begin with.
        max_queued_urls: URLs queued or in work at once; a job beyond it is refused whole.
        max_state_bytes: see `MailboxLimits.state_bytes`.
        job_ttl_seconds: how long a finished job is kept; 0 keeps all that there is memory for.
        upload_again: see `MailboxLimits`.
        journal_path: a file from which a restart goes on; None keeps the state in memory only.
        source_concurrency: see `MailboxLimits`.
        scaling: when their number changes by itself.
        quota: what uploads are held to.
    """

    worker_count: int
    max_queued_urls: int
    worker: WorkerConfig
    max_state_bytes: int = MailboxLimits().state_bytes
    job_ttl_seconds: float = 0.0
    upload_again: bool = True
    journal_path: str | None = None
    source_concurrency: int = 32
    scaling: ScalingRules = field(default_factory=ScalingRules)
    quota: QuotaRules = field(default_factory=QuotaRules)

    @property
    def lease_seconds(self) -> float:
        """No honest attempt takes longer: one download, one conversion and one upload, each to its
        deadline, or a webhook.
        """
        worker = self.worker
        image = (
            worker.download.deadline_seconds
            + worker.conversion.lease_seconds
            + worker.imgur.upload_seconds
        )
        return max(image, worker.webhooks.seconds) + _LEASE_SLACK_SECONDS

    @property
    def limits(self) -> MailboxLimits:
        """How much the mailbox takes, and how patient it is."""
        return MailboxLimits(
            max_open_urls=self.max_queued_urls,
            state_bytes=self.max_state_bytes,
            lease_seconds=self.lease_seconds,
            upload_again=self.upload_again,
            source_concurrency=self.source_concurrency,
            lanes=self.worker.lanes,
            quota=self.quota,
        )
