"""Limits of the mailbox."""

from dataclasses import dataclass, field

from workers.contract.budget import QuotaRules


@dataclass(frozen=True, slots=True)
class MailboxLimits:
    """Limits of the mailbox.

    Attributes:
        max_open_urls: URLs queued or under lease at once; a submission beyond it is refused whole.
        state_bytes: memory for jobs, links and the queue; complete jobs are forgotten beyond it,
            and a submission that does not fit all the same is refused whole.
        lease_seconds: how long a worker may keep a task before it counts as stuck.
        conversion_seconds: how much longer, if its image is to be converted.
        max_crashes: a task whose worker died this often is failed instead of handed out again.
        upload_again: what becomes of a URL whose worker died while it uploaded. True: it is
            uploaded once more, and may be at Imgur twice; False: it fails, and may be at Imgur
            under a link that nobody knows.
        source_concurrency: downloads from one source host at once; 0 for no limit.
        lanes: of one worker.
        quota: what uploads are held to.
    """

    max_open_urls: int = 1_000_000
    lease_seconds: float = 105.0
    max_crashes: int = 3
    upload_again: bool = True
    source_concurrency: int = 32
    state_bytes: int = 512 * 1024**2
    lanes: int = 96
    conversion_seconds: float = 0.0
    quota: QuotaRules = field(default_factory=QuotaRules)
