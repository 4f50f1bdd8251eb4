"""What is to be read of the jobs and links that there are, each answer true of one moment."""

import threading
from collections.abc import Iterable

from workers.contract.job_messages import JobListing, JobOverview
from workers.contract.messages import ChangesWanted, JobChanges, JobStatus, Submission
from workers.contract.origin import Origin
from workers.contract.shares import Shares, share_left
from workers.state.jobs.job import Job
from workers.state.jobs.kept_jobs import KeptJobs


class JobReader:
    """The reading half of a `JobTable`, under the same lock as its steps.

    Args:
        max_bytes: of memory, for all that is kept.

    Attributes:
        kept: the jobs and links themselves; for a restart, while nobody else uses them.
        held: why all pending URLs wait, if there is such a reason.
    """

    def __init__(self, max_bytes: int) -> None:
        self.kept = KeptJobs(max_bytes)
        self.held: tuple[str, str] | None = None
        self._lock = threading.Lock()

    # --- for the web side -------------------------------------------------------------------

    def changes(self, wanted: ChangesWanted) -> JobChanges | None:
        """What is new of a job, or None if this owner has no such job."""
        with self._lock:
            job = self.kept.of_owner(wanted.job_id, wanted.owner)
            return None if job is None else job.changes(wanted, self.held)

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]:
        """A page of all of an owner's links, in order of completion; an empty page is the end, and
        an empty link the place of one that was removed.
        """
        with self._lock:
            return self.kept.links.of(owner).slice(start, limit)

    def links_removed(self, owner: str = "") -> int:
        """How many links of an owner were removed from the list; their places stay, empty."""
        with self._lock:
            return self.kept.links.of(owner).removed

    def overview(self, job_id: str, owner: str) -> JobOverview | None:
        """A job without its URLs, or None if this owner has no such job."""
        with self._lock:
            job = self.kept.of_owner(job_id, owner)
            return None if job is None else job.overview(job_id)

    def listing(
        self, owner: str, status: JobStatus | None, before: int | None, limit: int
    ) -> JobListing:
        """A page of an owner's jobs, newest first.

        Args:
            owner: whose.
            status: only those of this status; None for all.
            before: what the last page said follows; None for the first page.
            limit: jobs on it, at most.
        """
        with self._lock:
            return self.kept.listing(owner, status, before, limit)

    def unfinished(self) -> dict[str, int]:
        """Open URLs by job id, jobs that are complete left out."""
        with self._lock:
            return {job_id: job.pending for job_id, job in self.kept.by_id.items() if job.pending}

    # --- for the mailbox --------------------------------------------------------------------

    def request(self, owner: str, key: str) -> tuple[str, str] | None:
        """The job that a request with this key has made, and what was asked for, as a digest."""
        with self._lock:
            return self.kept.of_request(owner, key)

    def failed_of(self, job_id: str, new_job_id: str) -> Submission | None:
        """A job's failed URLs as a job of their own; None if there are none any more."""
        with self._lock:
            job = self.kept.by_id.get(job_id)
            failed = [] if job is None else job.failed()
            if job is None or not failed:
                return None
            return Submission(
                new_job_id,
                tuple(map(job.urls.__getitem__, failed)),
                job.owner,
                job.options,
                retry_of=job_id,
                client=job.tenant,
                data={
                    place: job.data[index]
                    for place, index in enumerate(failed)
                    if index in job.data
                },
            )

    def data(self, job_id: str, index: int) -> bytes:
        """The bytes of a data URL that is not uploaded yet."""
        with self._lock:
            return self.kept.by_id[job_id].data[index]

    def origin(self, job_id: str) -> Origin | None:
        """The request that a job came with, if that is known."""
        with self._lock:
            return self.kept.by_id[job_id].origin

    def new_album(self, job_id: str) -> str | None:
        """The name of the album that was created for a job; empty while it is not, and None for a
        job that asked for none.
        """
        with self._lock:
            album = self.kept.by_id[job_id].album
            return None if album is None else album.name

    def is_cancelled(self, job_id: str) -> bool:
        """Whether somebody has cancelled the job."""
        with self._lock:
            return self.kept.by_id[job_id].cancelled is not None

    @property
    def max_bytes(self) -> int:
        """Of memory, for all that is kept."""
        return self.kept.max_bytes

    @property
    def size(self) -> int:
        """Bytes of memory for what is kept, by an estimate."""
        with self._lock:
            return self.kept.size

    @property
    def max_job_bytes(self) -> int:
        """The largest job that is taken while there are no others."""
        return self.kept.max_job_bytes

    def bytes_left(self, tenant: str, max_bytes: int, announced: Shares) -> int:
        """Memory for more jobs of a tenant, where complete jobs make room.

        Args:
            tenant: whose.
            max_bytes: of memory for all.
            announced: bytes of jobs that are not entered yet.
        """
        with self._lock:
            return share_left(
                max_bytes - self.kept.lasting_bytes,
                self.kept.open_sizes.total + announced.total,
                self.kept.open_sizes.of(tenant) + announced.of(tenant),
            )

    def interrupted_uploads(self, job_id: str, index: int) -> int:
        """Of a URL whose attempt has just broken off: 0 if it was not being uploaded, 1 if it was,
        2 if that was not the first upload of an unknown end.
        """
        with self._lock:
            job = self.kept.by_id[job_id]
            return 1 + (index in job.outcome_unknown) if index in job.uploading else 0

    def jobs(self) -> Iterable[tuple[str, Job]]:
        """All jobs, in the order in which they were opened; only while nobody else uses them."""
        return self.kept.by_id.items()
