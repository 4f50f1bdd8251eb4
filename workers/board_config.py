"""What a board is told, whichever engine it has."""

from dataclasses import dataclass, field

from workers.errands.book import RETRY_SECONDS, ErrandLimits
from workers.queueing.mailbox_limits import MailboxLimits
from workers.scaling import ScalingRules
from workers.worker import WorkerConfig

_LEASE_SLACK_SECONDS = 15.0  # for the lookup of names and a slow machine, beyond the two deadlines


@dataclass(frozen=True, slots=True)
class BoardConfig:
    """How many workers, what they need to know, and how much may be queued.

    Attributes:
        worker_count: workers, to begin with.
        max_queued_urls: URLs queued or in work at once; a job beyond it is refused whole.
        max_state_bytes: see `MailboxLimits.state_bytes`.
        job_ttl_seconds: how long a finished job is kept; 0 keeps all that there is memory for.
        upload_again: see `MailboxLimits`.
        journal_path: a file from which a restart goes on; None keeps the state in memory only.
        source_concurrency: see `MailboxLimits`.
        webhook_retry_seconds: see `ErrandLimits`.
        scaling: when their number changes by itself.
    """

    worker_count: int
    max_queued_urls: int
    worker: WorkerConfig
    max_state_bytes: int = MailboxLimits().state_bytes
    job_ttl_seconds: float = 0.0
    upload_again: bool = True
    journal_path: str | None = None
    source_concurrency: int = 32
    webhook_retry_seconds: tuple[float, ...] = RETRY_SECONDS
    scaling: ScalingRules = field(default_factory=ScalingRules)

    @property
    def lease_seconds(self) -> float:
        """No honest attempt takes longer: one download and one upload, each to its deadline."""
        worker = self.worker
        slowest = worker.download.deadline_seconds + worker.imgur.upload_seconds
        return slowest + _LEASE_SLACK_SECONDS

    @property
    def limits(self) -> MailboxLimits:
        """How much the mailbox takes, and how patient it is."""
        return MailboxLimits(
            max_open_urls=self.max_queued_urls,
            state_bytes=self.max_state_bytes,
            lease_seconds=self.lease_seconds,
            upload_again=self.upload_again,
            source_concurrency=self.source_concurrency,
            errands=self.errands,
        )

    @property
    def errands(self) -> ErrandLimits:
        """How many, how long, how often."""
        worker = self.worker
        slowest = max(worker.webhooks.seconds, worker.imgur.upload_seconds)
        return ErrandLimits(
            lanes=worker.lanes,
            lease_seconds=slowest + _LEASE_SLACK_SECONDS,
            retry_seconds=self.webhook_retry_seconds,
            deletion_attempts=worker.max_attempts,
            deletion_backoff=worker.backoff,
        )
