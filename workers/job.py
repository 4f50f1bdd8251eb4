"""One job as the job table keeps it."""

from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING

from workers.change_log import ChangeLog
from workers.errands.records import JobErrands
from workers.job_messages import JobOverview
from workers.job_options import NO_OPTIONS, JobOptions
from workers.messages import ImageState, JobChanges, JobStatus
from workers.origin import Origin
from workers.request_key import RequestKey
from workers.timeline import Timelines

if TYPE_CHECKING:
    from collections.abc import Sequence

_IS_FAILED = bytes(state == ImageState.FAILED for state in range(256))


@dataclass(slots=True)
class Job:
    """One job, in columns; `JobChanges` is what readers see of it.

    Attributes:
        uploading: indexes of the URLs whose upload is under way.
        unsure: of those whose upload was begun once and never answered.
        doubled: of those that were uploaded again after that.
        deduplicated: of those whose image was at Imgur already.
        opened: monotonic seconds at which it came in.
        errands: what is done for it besides its images; None for most.
        number: its place among its owner's jobs.
        cancelled: URLs that its cancellation ended; None if it was not cancelled.
        retry_of: the job whose failed URLs these are.
        retried_as: the job that the failed ones became.
        request: of the request that made it, if that had a key.
        origin: the same request's name; not kept in the journal.
    """

    urls: tuple[str, ...]
    created: float
    states: bytearray
    attempts: bytearray
    pending: int
    status: JobStatus = JobStatus.PENDING
    finished: float | None = None
    links: dict[int, str] = field(default_factory=dict)
    troubles: dict[int, tuple[str, str]] = field(default_factory=dict)
    deletehashes: dict[int, str] = field(default_factory=dict, repr=False)
    owner: str = ""
    options: JobOptions = NO_OPTIONS
    uploading: set[int] = field(default_factory=set)
    unsure: set[int] = field(default_factory=set)
    doubled: set[int] = field(default_factory=set)
    deduplicated: set[int] = field(default_factory=set)
    opened: float = field(default=0.0, compare=False)
    errands: JobErrands | None = None
    number: int = field(default=0, compare=False)
    cancelled: int | None = None
    retry_of: str | None = None
    retried_as: str | None = None
    request: RequestKey | None = None
    origin: Origin | None = field(default=None, compare=False)
    log: ChangeLog = field(init=False, repr=False, compare=False)
    timelines: Timelines = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.log = ChangeLog(len(self.urls))
        self.timelines = Timelines(len(self.urls), self.opened)

    @property
    def has_open_errands(self) -> bool:
        """Whether there is still something to be done for it besides its images."""
        if self.errands is not None and self.errands.pending_deletions:
            return True
        if self.options.callback_url is None or self.finished is None:
            return False
        return self.errands is None or not self.errands.is_told

    def changes(
        self, job_id: str, since: int, known: int | None, limit: int, *, name_urls: bool = False
    ) -> JobChanges:
        """See `JobTable.changes`."""
        total = len(self.urls)
        known = total if known is None else known
        is_first = not self.log.knows(since)
        if is_first:
            since, known = self.log.version, 0
        urls = self.urls[known : known + limit]
        indexes: Sequence[int]
        if known < total:
            # Whatever changes while a reader goes through the URLs stands in the log behind
            # `since`, and is read after them.
            indexes, version = range(known, known + len(urls)), since
        else:
            indexes, version = self.log.since(since, limit)
        return JobChanges(
            job_id=job_id,
            status=self.status,
            created=self.created,
            finished=self.finished,
            total=total,
            complete=len(self.links),
            failed=total - self.pending - len(self.links),
            is_first=is_first,
            known=known + len(urls),
            version=version,
            latest=self.log.version,
            urls=urls,
            indexes=indexes,
            named=tuple(map(self.urls.__getitem__, indexes)) if name_urls else (),
            states=bytes(map(self.states.__getitem__, indexes)),
            attempts=bytes(map(self.attempts.__getitem__, indexes)),
            links={index: self.links[index] for index in indexes if index in self.links},
            troubles={index: self.troubles[index] for index in indexes if index in self.troubles},
            possibly_duplicated=frozenset(self.doubled.intersection(indexes)),
            deduplicated=frozenset(self.deduplicated.intersection(indexes)),
            timelines=self.timelines.rows(indexes),
            earlier=self.timelines.earlier(indexes),
            deletions=self.errands.deletions_of(indexes) if self.errands else {},
            deliveries=tuple(self.errands.deliveries) if self.errands else (),
            is_cancelled=self.cancelled is not None,
            retry_of=self.retry_of,
            retried_as=self.retried_as,
        )

    def overview(self, job_id: str) -> JobOverview:
        """The job without its URLs."""
        return JobOverview(
            job_id=job_id,
            created=self.created,
            finished=self.finished,
            status=self.status,
            total=len(self.urls),
            complete=len(self.links),
            failed=len(self.urls) - self.pending - len(self.links),
            cancelled=self.cancelled,
            retry_of=self.retry_of,
            retried_as=self.retried_as,
        )

    def failed_urls(self) -> tuple[str, ...]:
        """Those that failed, in the order of submission."""
        return tuple(compress(self.urls, self.states.translate(_IS_FAILED)))
