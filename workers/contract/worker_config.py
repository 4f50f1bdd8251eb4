"""Configuration of a worker: what the service sets and each worker process gets."""

from dataclasses import dataclass, field

from workers.contract.backoff import Backoff
from workers.contract.conversion_policy import ConversionPolicy
from workers.contract.download_policy import DownloadPolicy
from workers.contract.imgur_access import ImgurAccess
from workers.contract.logs import LogConfig
from workers.contract.webhook_policy import WebhookPolicy


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Configuration of a worker.

    Attributes:
        lanes: images in work at once in one worker process.
        core_share: of a core, that one worker can count on; see `ConcurrencyLimiter`.
        max_attempts: tries of one URL altogether.
        webhooks: how callback URLs are told.
        conversion: how images that Imgur would refuse are made fit.
    """

    lanes: int
    max_attempts: int
    download: DownloadPolicy
    imgur: ImgurAccess
    backoff: Backoff = field(default_factory=Backoff)
    logs: LogConfig = field(default_factory=LogConfig)
    webhooks: WebhookPolicy = field(default_factory=WebhookPolicy)
    core_share: float = 1.0
    conversion: ConversionPolicy = field(default_factory=ConversionPolicy)
