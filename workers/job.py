"""One job as the job table keeps it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workers.change_log import ChangeLog
from workers.messages import JobChanges, JobStatus

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True)
class Job:
    """One job, in columns; `JobChanges` is what readers see of it.

    Attributes:
        uploading: indexes of the URLs whose upload is under way.
        unsure: of those whose upload was begun once and never answered.
        doubled: of those that were uploaded again after that.
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
    uploading: set[int] = field(default_factory=set)
    unsure: set[int] = field(default_factory=set)
    doubled: set[int] = field(default_factory=set)
    log: ChangeLog = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.log = ChangeLog(len(self.urls))

    def changes(self, job_id: str, since: int, known: int | None, limit: int) -> JobChanges:
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
            states=bytes(map(self.states.__getitem__, indexes)),
            attempts=bytes(map(self.attempts.__getitem__, indexes)),
            links={index: self.links[index] for index in indexes if index in self.links},
            troubles={index: self.troubles[index] for index in indexes if index in self.troubles},
            possibly_duplicated=frozenset(self.doubled.intersection(indexes)),
        )
