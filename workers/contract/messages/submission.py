"""Messages between web side and mailbox about whole jobs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from workers.contract.job_options import NO_OPTIONS, JobOptions


class Origin(NamedTuple):
    """The request that submitted a job. A tuple, as it is part of every lease.

    Attributes:
        request_id: id of the request, repeated in the workers' log lines.
        trace_parent: W3C `traceparent`, or empty. Sent to the job's callback URL only, which the
            client has chosen: to sources and Imgur, third parties, it would disclose which
            downloads belong together.
    """

    request_id: str
    trace_parent: str = ""

    def log_fields(self) -> dict[str, str]:
        """Return the fields of log lines."""
        fields = {"request_id": self.request_id}
        if self.trace_parent:
            fields["trace_id"] = self.trace_parent.split("-")[1]
        return fields


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Key and digest of a submission with an Idempotency-Key header.

    Attributes:
        key: chosen by the client, unique per owner.
        digest: of URLs and options; the same key with another digest is refused.
    """

    key: str
    digest: str


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

    @property
    def origin_fields(self) -> Mapping[str, str]:
        """Log fields of the request that submitted it; none after a restart."""
        return {} if self.origin is None else self.origin.log_fields()


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


@dataclass(frozen=True, slots=True)
class Replay:
    """The response to a repeated submission with the same idempotency key: the job of the first
    one.
    """

    job_id: str


@dataclass(frozen=True, slots=True)
class Cancellation:
    """The result of a cancellation.

    Attributes:
        urls: number of URLs cancelled so far.
        is_first: False if the job was cancelled before.
    """

    urls: int
    is_first: bool


@dataclass(frozen=True, slots=True)
class Retry:
    """The result of a retry: a new job with so many URLs.

    Attributes:
        is_first: False if an earlier request made it.
    """

    job_id: str
    urls: int
    is_first: bool
