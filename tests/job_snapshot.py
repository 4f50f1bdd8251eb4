"""A job as it stands, for tests to look at: read from its changes, as every reader does."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from workers.contract.messages.jobs import ChangesWanted, ImageState, JobChanges, JobStatus
from workers.contract.messages.outcomes import NO_DETAILS, ImageDetails


class JobSource(Protocol):
    """A job table, or whatever stands for one."""

    def changes(self, wanted: ChangesWanted) -> JobChanges | None: ...


@dataclass(frozen=True)
class ImageResult:
    """One URL of a job."""

    url: str
    state: ImageState
    link: str | None
    reason: str | None
    message: str | None
    attempts: int
    details: ImageDetails = NO_DETAILS

    @property
    def possibly_duplicated(self) -> bool:
        return self.details.maybe_duplicated


@dataclass
class JobSnapshot:
    """A job at one moment; the columns are by index."""

    job_id: str = ""
    status: JobStatus = JobStatus.PENDING
    created: float = 0.0
    finished: float | None = None
    urls: tuple[str, ...] = ()
    states: bytearray = field(default_factory=bytearray)
    attempts: bytearray = field(default_factory=bytearray)
    links: dict[int, str] = field(default_factory=dict)
    errors: dict[int, tuple[str, str]] = field(default_factory=dict)
    details: dict[int, ImageDetails] = field(default_factory=dict)

    @property
    def possibly_duplicated(self) -> set[int]:
        return {index for index, each in self.details.items() if each.maybe_duplicated}

    def apply(self, changes: JobChanges) -> "JobSnapshot":
        """The snapshot after some changes; the one before is of no use then."""
        now = JobSnapshot() if changes.is_first else self
        now.job_id, now.status = changes.job_id, changes.status
        now.created, now.finished = changes.created, changes.finished
        now.urls += changes.urls
        now.states += bytes(len(changes.urls))
        now.attempts += bytes(len(changes.urls))
        columns = zip(changes.indexes, changes.states, changes.attempts, strict=True)
        for index, now.states[index], now.attempts[index] in columns:
            now.links.pop(index, None)
            now.errors.pop(index, None)
            now.details.pop(index, None)
        now.links.update(changes.links)
        now.errors.update(changes.errors)
        now.details.update(changes.details)
        return now

    def results(self) -> Iterator[ImageResult]:
        """Every URL in the order of submission."""
        for index, url in enumerate(self.urls):
            reason, message = self.errors.get(index, (None, None))
            yield ImageResult(
                url=url,
                state=ImageState(self.states[index]),
                link=self.links.get(index),
                reason=reason,
                message=message,
                attempts=self.attempts[index],
                details=self.details.get(index, NO_DETAILS),
            )


def snapshot_of(source: JobSource, job_id: str, owner: str = "") -> JobSnapshot | None:
    """One job as it stands, or None if this owner has no such job."""
    snapshot = JobSnapshot()
    version, known = 0, None
    while True:
        changes = source.changes(ChangesWanted(job_id, version, owner, known=known))
        if changes is None:
            return None
        snapshot = snapshot.apply(changes)
        if changes.is_current:
            return snapshot
        version, known = changes.version, changes.known
