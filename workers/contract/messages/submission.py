"""Messages of a submission."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from workers.contract.job_options import NO_OPTIONS, JobOptions
from workers.contract.origin import Origin
from workers.contract.request_key import RequestKey


@dataclass(frozen=True, slots=True)
class Submission:
    """A job: its id and its URLs, distinct and in the order of the request.

    Attributes:
        owner: who may see the job; empty without API keys.
        options: of the job.
        retry_of: id of the job whose failed URLs these are, if any.
        request: idempotency key, if any.
        origin: the request that submitted it.
        client: address of the client; empty with API keys.
        data: the bytes of those URLs that are data URLs, by index; `urls` has their shown form.
    """

    job_id: str
    urls: tuple[str, ...]
    owner: str = ""
    options: JobOptions = NO_OPTIONS
    retry_of: str | None = None
    request: RequestKey | None = None
    origin: Origin | None = None
    client: str = field(default="", repr=False)
    data: Mapping[int, bytes] = field(default_factory=dict, repr=False)

    @property
    def tenant(self) -> str:
        """The tenant whose share of queue, memory and turns it uses."""
        return self.owner or self.client


class RefusalCode(StrEnum):
    QUEUE_FULL = "queue-full"
    STATE_FULL = "state-full"
    JOB_TOO_LARGE = "job-too-large"
    DRAINING = "draining"
    JOURNAL_FULL = "journal-full"
    KEY_REUSED = "idempotency-key-reused"
    REQUEST_UNDER_WAY = "request-under-way"
    JOB_COMPLETE = "job-complete"
    JOB_UNFINISHED = "job-unfinished"
    NOTHING_TO_RETRY = "nothing-to-retry"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The refusal of a submission or an operation; nothing has changed.

    Attributes:
        retry_after: seconds until another attempt makes sense; None if it never does.
    """

    code: RefusalCode
    message: str
    retry_after: int | None
